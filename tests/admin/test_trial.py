"""A request tried out: the same happens as to a real one, and nobody notices."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.hostile.requests import TABLES, Case, Refused
from tests.support.playbook import BACKEND, LISTENER, ROUTE, Conversation, get, head
from twisted_relay.admin.trial import Client, Trial, try_out
from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import FieldLine, PathPattern, Rewrite
from twisted_relay.errors import BadRequest, ContentTooLarge, FieldsTooLarge, NoRoute
from twisted_relay.http.http1 import END, write_request

CLIENT = Client("192.0.2.1", 8080)
CHANGED = replace(
    ROUTE,
    strip_prefix="/v1",
    rewrite=Rewrite("^/old", "/new"),
    upstream_host="shop.example.net",
    set_request_header=(FieldLine("X-Env", "test"),),
    remove_request_header=("Cookie",),
    upgrade=("websocket",),
    path=(PathPattern("prefix", ""),),
)
#: Requests whose heads are sent with an X-Request-Id, so that two trials are the same.
REQUESTS = (
    get("/v1/old/x?y=z", "X-Request-Id: 1", "Cookie: a=b", "Connection: close, X-A", "X-A: b"),
    get("http://other.example/v1", "X-Request-Id: 1", "X-Forwarded-For: 203.0.113.1", "Via: 1.1 x"),
    get("/", "X-Request-Id: 1", "Connection: Upgrade", "Upgrade: websocket"),
    head("POST /v1 HTTP/1.1", "Host: example.org", "X-Request-Id: 1", "Content-Length: 5"),
    head("POST /v1 HTTP/1.1", "Host: example.org", "X-Request-Id: 1", "Transfer-Encoding: chunked", "TE: trailers"),
    head("GET / HTTP/1.0", "X-Request-Id: 1"),
)
#: (a head, the error)
REFUSED = (
    (head("GET / HTTP/1.1"), BadRequest),
    (get("/#"), BadRequest),
    (get("/", "A : b"), BadRequest),
    (get("/", "A: " + "x" * 40000), FieldsTooLarge),
    (head("POST / HTTP/1.1", "Host: a", "Content-Length: 101"), ContentTooLarge),
)


#: The tables of hostile requests whose rows are decided by their heads.
HEADS = (
    "request line",
    "version",
    "target",
    "method",
    "Host",
    "Host in other forms",
    "fields",
    "Content-Length",
    "Transfer-Encoding",
)


class ForwardedTests(SynchronousTestCase):
    """Requests that go to a server."""

    def test_the_same_head(self) -> None:
        """What is tried out is what the server would have seen, octet for octet."""
        for request in REQUESTS:
            talk = Conversation(self, listener=replace(LISTENER, via=True), route=CHANGED)
            trial = try_out(talk.listener, request, CLIENT)
            exchange = trial.exchange
            assert trial.is_forwarded and exchange is not None, request
            authority = talk.backend.authority_for(exchange, talk.server())
            octets = write_request(exchange.request, authority, exchange.request.upgrade)
            client = talk.client()
            client.sends(request)
            talk.accepts().sees(octets)
            client.aborts()
            talk.is_over()

    def test_it_leaves_no_trace(self) -> None:
        """Nobody counts it, logs it, dials for it or waits for it."""
        talk = Conversation(self, route=CHANGED)
        for request in (*REQUESTS, *(octets for octets, _ in REFUSED)):
            try_out(talk.listener, request, CLIENT)
        talk.settle()
        talk.nobody_is_dialled()
        self.assertEqual((talk.exchanges, talk.begun), ([], 0))
        counters = talk.listener.counters
        self.assertEqual((counters.connections, counters.bytes_received, counters.active_requests), (0, 0, 0))
        talk.is_over()

    def test_verdicts(self) -> None:
        """Routes are judged by the request as it came, before anything is added to it."""
        talk = Conversation(self, route=replace(ROUTE, path=(PathPattern("exact", "/a"),)))
        trial = try_out(talk.listener, get("/a"), CLIENT)
        self.assertEqual([verdict.refusal for verdict in trial.verdicts], [""])
        assert trial.route is not None
        self.assertEqual(trial.route.name, "all")


class RefusedTests(SynchronousTestCase):
    """Requests that get no further than us."""

    def tried(self, request: bytes, route: RouteOptions = ROUTE) -> Trial:
        talk = Conversation(self, listener=replace(LISTENER, max_body=100), backend=BACKEND, route=route)
        return try_out(talk.listener, request, CLIENT)

    def test_refused(self) -> None:
        """What the wire refuses is refused here, with the same error."""
        for request, error in REFUSED:
            trial = self.tried(request, replace(ROUTE, max_body=100))
            self.assertIsInstance(trial.error, error)
            self.assertFalse(trial.is_forwarded)

    def test_no_route(self) -> None:
        """Every route says why it does not take it."""
        trial = self.tried(get("/b"), replace(ROUTE, path=(PathPattern("exact", "/a"),)))
        self.assertIsInstance(trial.error, NoRoute)
        self.assertEqual([verdict.refusal for verdict in trial.verdicts], ["path is /b, wanted /a"])
        assert trial.response is not None
        self.assertEqual(trial.response.status, 404)


class HostileTests(SynchronousTestCase):
    """Every head that the tests of the wire know."""

    def test_as_on_the_wire(self) -> None:
        """What the wire refuses is refused with the same status, and what it takes is taken as the same request."""
        talk = Conversation(self)
        for name in HEADS:
            for case in TABLES[name]:
                self.check(case, try_out(talk.listener, case.raw.partition(END)[0] + END, CLIENT))
        talk.is_over()

    def check(self, case: Case, trial: Trial) -> None:
        verdict = case.verdict
        if isinstance(verdict, Refused) and not verdict.before:
            self.assertEqual(trial.error and trial.error.status, verdict.status, case.name)
            return
        first = (verdict.before if isinstance(verdict, Refused) else verdict.requests)[0]
        assert trial.is_forwarded and trial.exchange is not None, case.name
        request = trial.exchange.request
        self.assertEqual((request.method, request.target), (first.method, first.target), case.name)
