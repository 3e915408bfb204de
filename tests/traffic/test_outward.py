"""traffic.outward: who meets a request of a forward proxy, in which order, and what is changed of it."""

from dataclasses import replace
from ipaddress import ip_network

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier, basic
from tests.rules.reading import rules_of
from tests.support.playbook import LISTENER, Conversation, head, ok
from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.door import ProxyDoor
from twisted_relay.config.tree import AuthOptions, BackendOptions, ListenerOptions, RouteOptions
from twisted_relay.config.values import AllowedDestination, FieldLine
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.filters import FILTERS, TRIED_OUT, filters_of
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.http.proxied import OWN
from twisted_relay.routing import Route, Router
from twisted_relay.traffic.outward import Named, Outward, own_routes
from twisted_relay.upstream.assemble import Surroundings

PROXY = replace(
    LISTENER,
    mode="forward",
    allow_destination=(AllowedDestination(ip_network("10.0.0.0/8")),),
    set_request_header=(FieldLine("User-Agent", "some browser"),),
    add_request_header=(FieldLine("Accept-Language", "en"),),
    remove_request_header=("Referer",),
    set_response_header=(FieldLine("Referrer-Policy", "no-referrer"),),
    add_response_header=(FieldLine("Vary", "X"),),
    remove_response_header=("Server",),
)
RIGHT = f"Proxy-Authorization: {basic('alice', 'right').decode()}"


class Outside(Conversation):
    """A conversation with a forward proxy as the wiring makes it."""

    def __init__(self, case: SynchronousTestCase, options: ListenerOptions = PROXY) -> None:
        super().__init__(case, options, BackendOptions(name="none"))
        surroundings = Surroundings(self._time, self._time, self.deadlines, self.resolver)
        self.verifier = SlowVerifier({"alice": "right"})
        authenticator = Authenticator(AuthOptions(name="staff"), self.verifier, Clock().seconds)
        rules = {"egress": rules_of("deny method POST", "deny destination 10.9.0.0/16", "allow all")}
        named = Named(rules, {"staff": ProxyDoor(authenticator)}, {})
        self.outward = Outward(surroundings, Ourselves(), named)
        plan = Plan("", self._counted(self.outward.destination(options)), leads_out=True)
        routes = [*own_routes(options), Route(RouteOptions(name=""), plan)]
        self.listener = Listener(options, Router(routes), self.deadlines, (self.exchanges.append,))

    def is_over(self) -> None:
        """See `Conversation`; the connections to origins are closed first."""
        for forward in self.outward.forwards:
            forward.close()
        super().is_over()


class FieldTests(SynchronousTestCase):
    """Fields that a listener sets, adds and removes."""

    REQUEST = ("GET http://10.0.0.1/ HTTP/1.1", "Host: 10.0.0.1", "User-Agent: curl", "Referer: http://inner/", "X: y")

    def test_plain_requests(self) -> None:
        """Origins see the operator's words, and clients too."""
        talk = Outside(self)
        client = talk.client()
        client.sends(head(*self.REQUEST))
        server = talk.accepts("10.0.0.1")
        server.sees(head("GET / HTTP/1.1", "Host: 10.0.0.1", "X: y", "User-Agent: some browser", "Accept-Language: en"))
        server.sends(ok(b"", "Server: apache", "Vary: Accept"))
        fields = client.sees_head("HTTP/1.1 200 OK", "Referrer-Policy: no-referrer")
        self.assertEqual((fields.get_all(b"server"), fields.get_all(b"vary")), ([], [b"Accept", b"X"]))
        talk.is_over()

    def test_tunnels(self) -> None:
        """The answer to CONNECT has nothing added, and what is in a tunnel is nobody's business."""
        talk = Outside(self)
        client = talk.client()
        client.sends(head("CONNECT 10.0.0.1:443 HTTP/1.1", "Host: 10.0.0.1:443", "Referer: x"))
        server = talk.accepts("10.0.0.1")
        client.sees(b"HTTP/1.1 200 Connection established\r\n\r\n")
        client.sends(b"User-Agent: curl\r\n")
        server.sees(b"User-Agent: curl\r\n")
        client.ends()
        server.closes()
        talk.is_over()

    def test_answers_of_our_own(self) -> None:
        """What does not come from an origin is not changed."""
        talk = Outside(self, replace(PROXY, rules="egress", pac=True))
        client = talk.client()
        for request, status in (
            (head("POST http://10.0.0.1/ HTTP/1.1", "Host: a"), "403 Forbidden"),
            (head("GET http://192.168.0.1/ HTTP/1.1", "Host: a"), "403 Forbidden"),
            (head("GET /proxy.pac HTTP/1.1", "Host: a"), "200 OK"),
        ):
            client.sends(request)
            fields = client.sees_head(f"HTTP/1.1 {status}")
            self.assertIsNone(fields.get(b"referrer-policy"), request)
            client.taken()
        talk.is_over()

    def test_nothing_to_change(self) -> None:
        """Without such options there is no filter, and nothing stands around the destination."""
        talk = Outside(self, replace(LISTENER, mode="forward"))
        destination = talk.outward.forwards[0]
        self.assertIs(talk.outward.around(LISTENER)(destination), destination)
        self.assertEqual(filters_of(LISTENER), [])


class OrderTests(SynchronousTestCase):
    """Who is asked before whom."""

    def test_who_asks_comes_first(self) -> None:
        """Without a password no rule is asked; with it the rule decides, and only then fields are changed."""
        talk = Outside(self, replace(PROXY, auth="staff", rules="egress"))
        client = talk.client()
        client.sends(head("POST http://10.0.0.1/ HTTP/1.1", "Host: a"))
        client.sees_answer("HTTP/1.1 407 Proxy Authentication Required")
        self.assertEqual(talk.last().rule, "")
        client.sends(head("POST http://10.0.0.1/ HTTP/1.1", "Host: a", RIGHT))
        talk.verifier.answer()
        talk.settle()
        client.sees_answer("HTTP/1.1 403 Forbidden")
        self.assertIn("deny method POST", talk.last().rule)
        client.sends(head("GET http://10.0.0.1/ HTTP/1.1", "Host: a", RIGHT))
        server = talk.accepts("10.0.0.1")
        fields = server.sees_head("GET / HTTP/1.1", "User-Agent: some browser")
        self.assertIsNone(fields.get(b"proxy-authorization"))
        server.sends(ok())
        client.sees_head("HTTP/1.1 200 OK", "Referrer-Policy: no-referrer")
        talk.is_over()

    def test_one_table(self) -> None:
        """Routes and forward proxies have their filters from one table, in one order; only a route rewrites."""
        both = [name for name, makers in FILTERS.items() if makers.for_proxy is not FILTERS["rewrite"].for_proxy]
        self.assertEqual(both, ["authenticate", "change_fields"])
        self.assertEqual(len(filters_of(PROXY)), 1)
        self.assertEqual(filters_of(replace(LISTENER, auth="staff"), names=TRIED_OUT), [])

    def test_the_file_for_browsers(self) -> None:
        """A PAC file is there without a password; its path means nothing to others."""
        talk = Outside(self, replace(PROXY, auth="staff", rules="egress", pac=True))
        client = talk.client()
        client.sends(head("GET /proxy.pac HTTP/1.1", "Host: proxy.example"))
        self.assertIn(b"FindProxyForURL", client.sees_answer("HTTP/1.1 200 OK"))
        for target in ("http://10.0.0.1/proxy.pac", f"http://10.0.0.1/{OWN.decode()}/proxy.pac"):
            client.sends(head(f"GET {target} HTTP/1.1", "Host: proxy.example"))
            client.sees_answer("HTTP/1.1 407 Proxy Authentication Required")
        talk.is_over()
