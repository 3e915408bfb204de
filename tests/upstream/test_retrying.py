"""Further tries as clients and servers see them: for what, of what, where, when, how often, and with what content."""

import errno
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, Conversation, Party, get, head, ok, post, servers
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import BudgetSpec, RetryOn, StickySpec
from twisted_relay.http.http1 import END, read_request, request_reader

REFUSED = errno.ECONNREFUSED
ALL = RetryOn(("connect", "reset", "empty", "timeout"), ((502, 504),))
OPTIONS = replace(BACKEND, servers=servers(3), retry_on=ALL, response_timeout=5.0)
UNAVAILABLE = head("HTTP/1.1 503 Service Unavailable", "Content-Length: 4") + b"busy"

# -- how a try may fail: what the server does, and the reason that is counted --


def refuses(talk: Conversation) -> None:
    """No connection."""
    talk.refuses(REFUSED)


def resets(talk: Conversation) -> None:
    """Cut off without an answer."""
    talk.accepts().aborts()


def closes(talk: Conversation) -> None:
    """Closed in order without an answer."""
    talk.accepts().closes()


def stalls(talk: Conversation) -> None:
    """No answer in time."""
    talk.accepts()
    talk.waits(5.5)


def is_busy(talk: Conversation) -> None:
    """A status that is listed."""
    talk.accepts().sends(UNAVAILABLE)


FAILURES: tuple[tuple[Callable[[Conversation], None], str, int], ...] = (
    (refuses, "connect", 502),
    (resets, "reset", 502),
    (closes, "empty", 502),
    (stalls, "timeout", 504),
    (is_busy, "status", 503),
)


def whole(method: str) -> tuple[bytes, ...]:
    """A request that comes in one piece, with content unless it is safe."""
    if method in ("GET", "HEAD"):
        return (head(f"{method} / HTTP/1.1", "Host: a"),)
    return (head(f"{method} / HTTP/1.1", "Host: a", "Content-Length: 5") + b"hello",)


def known_length(method: str) -> tuple[bytes, ...]:
    """A request whose content comes after its head."""
    return (head(f"{method} / HTTP/1.1", "Host: a", "Content-Length: 5"), b"hel", b"lo")


def chunked(method: str) -> tuple[bytes, ...]:
    """A request in chunks, each by itself."""
    return (
        head(f"{method} / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"),
        b"3\r\nhel\r\n",
        b"2\r\nlo\r\n",
        b"0\r\n\r\n",
    )


class ConditionTests(SynchronousTestCase):
    """What is tried again, for each failure, each method and each kind of content."""

    def begin(self, options: BackendOptions, parts: tuple[bytes, ...]) -> tuple[Conversation, Party]:
        """A request has come, all of it if a server has been connected to."""
        talk = Conversation(self, backend=options)
        client = talk.client()
        client.sends(*parts)
        return talk, client

    def test_repeated(self) -> None:
        """A safe request that failed in whatever way is answered by the next server."""
        for fail, reason, _ in FAILURES:
            for method in ("GET", "HEAD"):
                talk, client = self.begin(OPTIONS, whole(method))
                fail(talk)
                server = talk.accepts("10.0.0.2")
                server.sees_head(f"{method} / HTTP/1.1")
                server.sends(head("HTTP/1.1 200 OK", "Content-Length: 0"))
                client.sees_head("HTTP/1.1 200 OK")
                self.assertEqual((talk.last().tries, talk.last().server, talk.last().code), (2, "s2", 200))
                counted = {key: count for key, count in talk.backend.counters.retries.items() if count}
                self.assertEqual((counted, talk.backend.counters.redispatches), ({reason: 1}, 1))
                talk.is_over()

    def test_not_repeated(self) -> None:
        """A request that a server may have acted on is not sent twice, unless its method is among those that may be."""
        for fail, reason, code in FAILURES:
            for method, methods, again in (
                ("POST", "safe", False),
                ("PUT", "safe", False),
                ("PUT", "idempotent", True),
                ("POST", "idempotent", False),
                ("POST", "any", True),
            ):
                again = again or reason == "connect"
                talk, client = self.begin(replace(OPTIONS, retry_methods=(methods,)), whole(method))
                fail(talk)
                if again:
                    server = talk.accepts("10.0.0.2")
                    self.assertTrue(server.taken().endswith(b"hello"))
                    server.sends(ok())
                self.assertEqual(talk.codes(), [200 if again else code], f"{reason} {method} {methods}")
                talk.nobody_is_dialled()
                client.aborts()
                talk.is_over()

    def test_content(self) -> None:
        """The next server gets the content as the first did, however it came."""
        for fail, reason, _ in FAILURES:
            for kind in (known_length, chunked):
                talk, client = self.begin(replace(OPTIONS, retry_methods=("any",)), ())
                first, *rest = kind("POST")
                client.sends(first)
                if reason == "connect":
                    fail(talk)
                    client.sends(*rest)
                else:
                    client.sends(*rest)
                    fail(talk)
                server = talk.accepts("10.0.0.2")
                got = server.taken().partition(b"\r\n\r\n")[2]
                content = b"".join(got.split(b"\r\n")[1::2]) if kind is chunked else got
                self.assertEqual(content, b"hello", f"{reason} {kind.__name__}")
                server.sends(ok())
                client.sees(ok())
                talk.is_over()

    def test_content_in_the_middle(self) -> None:
        """When a server fails while the content still comes, the next gets what came and what comes."""
        talk, client = self.begin(replace(OPTIONS, retry_methods=("any",)), known_length("POST")[:2])
        talk.accepts("10.0.0.1").aborts()
        client.sends(b"l")
        server = talk.accepts("10.0.0.2")
        client.sends(b"o")
        self.assertTrue(server.taken().endswith(b"\r\n\r\nhello"))
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.integers(0, 6), st.booleans(), st.booleans())
    def test_any_content(self, pieces: list[bytes], sooner: int, is_chunked: bool, busy: bool) -> None:
        """However content is cut, and wherever the first server fails in it, the next gets all of it, trailers too."""
        whole = b"".join(pieces)
        framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(whole)}"
        parts = [head("POST / HTTP/1.1", "Host: a", framing)]
        parts += [b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece for piece in pieces]
        parts += [b"0\r\nX-Sum: 5\r\n\r\n"] if is_chunked else []
        talk, client = self.begin(replace(OPTIONS, retry_methods=("any",)), tuple(parts[: sooner + 1]))
        first = talk.accepts("10.0.0.1")
        if busy:
            first.sends(UNAVAILABLE)
        else:
            first.aborts()
        second = talk.accepts("10.0.0.2")
        client.sends(*parts[sooner + 1 :])
        section, _, rest = second.taken().partition(END)
        request = read_request(section)
        reader = request_reader(request)
        content, left = reader.feed(rest) if reader is not None else (b"", rest)
        self.assertEqual((content, left), (whole, b""))
        if is_chunked and reader is not None:
            assert reader.trailers is not None
            self.assertEqual(reader.trailers.get(b"x-sum"), b"5")
        second.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_an_early_answer(self) -> None:
        """A server that is too busy to read the content is left for one that reads it."""
        talk, client = self.begin(replace(OPTIONS, retry_methods=("any",)), known_length("POST")[:2])
        talk.accepts("10.0.0.1").sends(UNAVAILABLE)
        server = talk.accepts("10.0.0.2")
        client.sends(b"lo")
        self.assertTrue(server.taken().endswith(b"\r\n\r\nhello"))
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_more_than_is_kept(self) -> None:
        """Above `retry_buffer` the first failure is the answer, once content was sent."""
        for parts in (
            (head("POST / HTTP/1.1", "Host: a", "Content-Length: 9"), b"12345", b"6789"),
            (head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"), b"5\r\n12345\r\n", b"4\r\n6789\r\n"),
        ):
            talk, client = self.begin(replace(OPTIONS, retry_methods=("any",), retry_buffer=8), parts[:1])
            server = talk.accepts()
            client.sends(*parts[1:])
            server.aborts()
            talk.nobody_is_dialled()
            self.assertIn(b"502 Bad Gateway", client.taken())
            client.aborts()
            talk.is_over()

    def test_what_is_kept_is_let_go(self) -> None:
        """With the head of a response the content that was kept is forgotten, and the rest of it flows on."""
        talk, client = self.begin(replace(OPTIONS, retry_methods=("any",)), known_length("POST")[:2])
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 2"))
        client.sends(b"lo")
        self.assertTrue(server.taken().endswith(b"\r\n\r\nhello"))
        server.sends(b"ok")
        client.sees(ok(b"ok"))
        talk.is_over()

    def test_expect(self) -> None:
        """A client that waits to be asked for its content is asked once, whenever the first server fails."""
        asked = head("HTTP/1.1 100 Continue")
        for before in (True, False):
            talk, client = self.begin(replace(OPTIONS, retry_methods=("any",)), ())
            client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue"))
            first = talk.accepts("10.0.0.1")
            if not before:
                first.sends(asked)
                client.sees(asked)
                client.sends(b"hello")
                first.sends(UNAVAILABLE)
            else:
                first.aborts()
            second = talk.accepts("10.0.0.2")
            second.sends(asked)
            if before:
                client.sees(asked)
                client.sends(b"hello")
            else:
                client.sees_nothing()
            self.assertTrue(second.taken().endswith(b"\r\n\r\nhello"))
            second.sends(ok())
            client.sees(ok())
            talk.is_over()

    def test_back_pressure(self) -> None:
        """A second server that reads slowly makes the client wait, as the first would have."""
        talk, client = self.begin(replace(OPTIONS, retry_methods=("any",), retry_buffer=2**23), ())
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 5000000"), b"x" * 200_000)
        talk.accepts("10.0.0.1").aborts()
        second = talk.network.waiting[0].far_end
        second.room = 1000
        server = talk.accepts("10.0.0.2")
        before = client.socket.read
        client.sends(b"x" * 2_000_000)
        self.assertLess(client.socket.read - before, 500_000)
        server.unblocks()
        client.sends(b"x" * 2_800_000)
        self.assertEqual(server.taken().partition(b"\r\n\r\n")[2], b"x" * 5_000_000)
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_off(self) -> None:
        """With `retry_on` off every failure is the answer."""
        for fail, _, code in FAILURES:
            talk, client = self.begin(replace(OPTIONS, retry_on=RetryOn()), whole("GET"))
            fail(talk)
            self.assertEqual(talk.codes(), [code])
            client.aborts()
            talk.is_over()

    def test_after_the_head_of_the_response(self) -> None:
        """Once a client has begun to get an answer nothing is tried again."""
        talk, client = self.begin(OPTIONS, whole("GET"))
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 9") + b"half")
        server.aborts()
        talk.nobody_is_dialled()
        client.sees_reset()
        talk.is_over()


class StatusTests(SynchronousTestCase):
    """Responses that are dropped for another try, or not."""

    def test_the_last_one_is_passed_on(self) -> None:
        """When no try is left, the client gets the server's own answer, not one of ours."""
        talk = Conversation(self, backend=replace(OPTIONS, retries=1))
        client = talk.client()
        client.sends(get())
        is_busy(talk)
        talk.accepts("10.0.0.2").sends(head("HTTP/1.1 503 Service Unavailable", "Content-Length: 3") + b"two")
        self.assertEqual(client.sees_answer("HTTP/1.1 503 Service Unavailable"), b"two")
        talk.is_over()

    def test_a_long_one(self) -> None:
        """What still comes of a response that is dropped is not waited for."""
        talk = Conversation(self, backend=OPTIONS)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 503 Service Unavailable", "Content-Length: 1000000") + b"x" * 1000)
        server.sees_reset()
        talk.accepts("10.0.0.2").sends(ok(b"good"))
        client.sees(ok(b"good"))
        talk.is_over()

    def test_a_connection_is_kept(self) -> None:
        """The connection of a short response that is dropped serves the next request."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(2)))
        client = talk.client()
        client.sends(get())
        is_busy(talk)
        talk.accepts("10.0.0.2").sends(ok())
        self.assertEqual(len(talk.pool("s1").idle), 1)
        talk.is_over()

    def test_held_until_another_try_is_made(self) -> None:
        """While the next try is waited for the answer is held; without a server it is given after all."""
        for is_left in (True, False):
            talk = Conversation(self, backend=replace(OPTIONS, servers=servers(1)))
            talk.backend.random = lambda: 0.99
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(head("HTTP/1.1 503 Service Unavailable", "Content-Length: 10") + b"busy")
            client.sees_nothing()
            if not is_left:
                talk.server().set_down("test")
            talk.waits(0.1)
            if is_left:
                server.sees_reset()
                talk.accepts().sends(ok())
                client.sees(ok())
            else:
                talk.nobody_is_dialled()
                server.sends(b" today")
                self.assertEqual(client.sees_answer("HTTP/1.1 503 Service Unavailable"), b"busy today")
            talk.is_over()

    def test_given_after_all(self) -> None:
        """An answer that was held and is given costs nothing of the budget, and has the cookie of its server."""
        options = replace(OPTIONS, servers=servers(1), retry_budget=BudgetSpec(0.0, 1.0), sticky=StickySpec("SRV"))
        talk = Conversation(self, backend=options)
        talk.backend.random = lambda: 0.99
        assert talk.backend.budget is not None
        for is_left, left in ((False, 10.0), (True, 9.0)):
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(UNAVAILABLE)
            if is_left:
                talk.waits(0.1)
                server.sends(ok())
                client.taken()
            else:
                talk.server().set_down("test")
                talk.waits(0.1)
                self.assertIn(b"Set-Cookie: SRV=", client.taken())
                talk.server().set_up("test")
            self.assertEqual(talk.backend.budget.left(talk.deadlines.now()), left)
            self.assertEqual(talk.backend.budget.active, 0)
        talk.is_over()

    def test_the_client_leaves(self) -> None:
        """A response that is held is let go when nobody waits any more."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(1)))
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 503 Service Unavailable", "Content-Length: 10") + b"busy")
        client.aborts()
        server.sees_reset()
        talk.waits(1.0)
        talk.nobody_is_dialled()
        talk.is_over()


class OrderTests(SynchronousTestCase):
    """Which server is next, and when."""

    def test_every_server_once_before_any_twice(self) -> None:
        """The first further try is made at once, those after it wait longer and longer, at most so long."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(2), retries=5))
        talk.backend.random = lambda: 0.999
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        hosts, waited = ["10.0.0.1"], []
        for _ in range(5):
            start = talk.reactor.seconds()
            while not talk.network.waiting:
                talk.waits(0.005)
            waited.append(round(talk.reactor.seconds() - start, 3))
            hosts.append(talk.network.waiting[0].host)
            talk.refuses(REFUSED)
        self.assertEqual(hosts[:2], ["10.0.0.1", "10.0.0.2"])
        self.assertTrue(all(one != other for one, other in pairwise(hosts)), hosts)
        for wait, most in zip(waited, (0.0, 0.075, 0.175, 0.25, 0.25), strict=True):
            self.assertLess(abs(wait - most), 0.006)
        client.sees_head("HTTP/1.1 502 Bad Gateway")
        self.assertEqual(talk.last().tries, 6)
        talk.is_over()

    def test_the_only_server(self) -> None:
        """With a single server the request goes to it again, after a while."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(1)))
        talk.backend.random = lambda: 0.99
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        talk.nobody_is_dialled()
        talk.waits(0.025)
        talk.accepts("10.0.0.1").sends(ok())
        client.sees(ok())
        self.assertEqual(talk.backend.counters.redispatches, 0)
        talk.is_over()

    def test_a_server_that_has_gone_down_meanwhile(self) -> None:
        """Who is next is decided when the wait is over: a server that is down by then gets nothing."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(3), retries=3))
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        talk.refuses(REFUSED)
        talk.server("s3").set_down("test")
        talk.waits(0.5)
        self.assertNotEqual(talk.network.waiting[0].host, "10.0.0.3")
        client.aborts()
        talk.is_over()

    def test_a_kept_connection_of_a_server_that_is_out(self) -> None:
        """A server that goes down with a request on a kept connection is left; `retry_on` says if another is asked."""
        for retries, retry_on in ((0, RetryOn(("reset",))), (1, RetryOn(("connect",))), (1, RetryOn(("reset",)))):
            options = replace(OPTIONS, servers=servers(2), retries=retries, retry_on=retry_on)
            talk = Conversation(self, backend=options)
            client = talk.client()
            for _ in range(2):
                client.sends(get())
                party = talk.accepts()
                party.sends(ok())
            client.taken()
            client.sends(get())
            self.assertEqual(talk.server("s1").active_requests, 1)
            talk.server("s1").set_down("test")
            for connection in list(talk.pool("s1")._connections):
                connection.abort()
            talk.settle()
            may = retries and "reset" in retry_on.conditions
            if may:
                party.sends(ok())
            self.assertEqual(talk.codes()[2:], [200 if may else 502])
            client.aborts()
            talk.is_over()

    def test_the_client_leaves_while_we_wait(self) -> None:
        """Nothing is left of a request whose client leaves before its next try, content included."""
        for parts in (whole("GET"), whole("POST"), known_length("POST")[:2]):
            talk = Conversation(self, backend=replace(OPTIONS, servers=servers(1), retry_methods=("any",)))
            client = talk.client()
            client.sends(*parts)
            resets(talk)
            client.aborts()
            talk.waits(1.0)
            talk.nobody_is_dialled()
            self.assertEqual(talk.codes(), [499])
            talk.is_over()

    def test_content_that_is_wrong_while_we_wait(self) -> None:
        """A request that turns out to be wrong while the next try is waited for is answered for that, at once."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(1), retry_methods=("any",)))
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"), b"1\r\nx\r\n")
        resets(talk)
        client.sends(b"zz\r\n")
        client.sees_head("HTTP/1.1 400 Bad Request")
        talk.waits(1.0)
        talk.nobody_is_dialled()
        client.aborts()
        talk.is_over()

    def test_full_servers_are_passed_over(self) -> None:
        """A further try does not queue: when the others are full the failure is the answer, or the same server is."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(2), max_connections_per_server=1, retries=1))
        other, client = talk.client(), talk.client()
        other.sends(get())
        busy = talk.accepts("10.0.0.1")
        client.sends(get())
        talk.refuses(REFUSED)
        talk.waits(0.5)
        talk.accepts("10.0.0.2").sends(ok())
        client.sees(ok())
        busy.sends(ok())
        talk.is_over()


class TimeTests(SynchronousTestCase):
    """Time for one try, and for all."""

    def test_per_try(self) -> None:
        """A server that takes too long is left for the next, and counted as too slow."""
        talk = Conversation(self, backend=replace(OPTIONS, per_try_timeout=1.0))
        client = talk.client()
        client.sends(get())
        server = talk.accepts("10.0.0.1")
        talk.waits(1.0)
        server.sees_reset()
        talk.accepts("10.0.0.2").sends(ok())
        client.sees(ok())
        self.assertEqual(talk.server("s1").counters.errors["timeout"], 1)
        talk.is_over()

    def test_per_try_includes_connecting(self) -> None:
        """What connecting has taken is not left for the answer."""
        talk = Conversation(self, backend=replace(OPTIONS, per_try_timeout=2.0))
        client = talk.client()
        client.sends(get())
        talk.waits(1.5)
        server = talk.accepts("10.0.0.1")
        talk.waits(0.5)
        server.sees_reset()
        client.aborts()
        talk.is_over()

    def test_per_try_of_a_connection(self) -> None:
        """A connection that does not stand in that time is given up, for requests that may be repeated or not."""
        talk = Conversation(self, backend=replace(OPTIONS, per_try_timeout=1.0))
        client = talk.client()
        client.sends(post(b"x"))
        talk.waits(1.0)
        talk.accepts("10.0.0.2").sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_per_try_begins_after_an_upload(self) -> None:
        """While the client still sends it is not the server's time."""
        talk = Conversation(self, backend=replace(OPTIONS, per_try_timeout=1.0))
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 3000"))
        server = talk.accepts()
        for _ in range(3):
            talk.waits(3.0)
            client.sends(b"x" * 1000)
        talk.waits(0.5)
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_total(self) -> None:
        """When the time for all tries is over the answer is 504, wherever the request is; nothing is left of it."""

        def connecting(talk: Conversation) -> None:
            self.assertEqual(len(talk.network.waiting), 1)

        def waiting_for_an_answer(talk: Conversation) -> None:
            talk.accepts()

        def in_the_second_try(talk: Conversation) -> None:
            talk.refuses(REFUSED)
            talk.accepts()

        for place in (connecting, waiting_for_an_answer, in_the_second_try):
            talk = Conversation(self, backend=replace(OPTIONS, total_timeout=2.0))
            client = talk.client()
            client.sends(get())
            place(talk)
            talk.waits(1.9)
            client.sees_nothing()
            talk.waits(0.2)
            client.sees_answer("HTTP/1.1 504 Gateway Timeout", "Proxy-Status: relay; error=http_response_timeout")
            error = talk.last().error
            assert error is not None
            self.assertEqual(error.reason, "total_timeout")
            talk.is_over()

    def test_total_in_the_queue(self) -> None:
        """Time in the queue counts."""
        talk = Conversation(
            self, backend=replace(OPTIONS, servers=servers(1), total_timeout=2.0, max_connections_per_server=1)
        )
        other, client = talk.client(), talk.client()
        other.sends(get())
        talk.accepts()
        talk.waits(1.0)
        client.sends(get())
        talk.waits(1.0)
        self.assertEqual(talk.codes(), [504])
        talk.accepts()
        talk.waits(1.0)
        self.assertEqual(talk.codes(), [504, 504])
        talk.is_over()

    def test_total_and_a_wait(self) -> None:
        """A try that could only begin when the time is over is not waited for."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(1), total_timeout=0.01))
        talk.backend.random = lambda: 0.99
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        client.sees_head("HTTP/1.1 502 Bad Gateway")
        talk.is_over()

    def test_total_does_not_cut_responses(self) -> None:
        """The limit is for the head of the response; what follows takes its time."""
        talk = Conversation(self, backend=replace(OPTIONS, total_timeout=1.0))
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 2") + b"o")
        talk.waits(5.0)
        server.sends(b"k")
        client.sees(ok(b"ok"))
        talk.is_over()

    def test_who_is_to_blame(self) -> None:
        """A server is blamed for the total time if it had its part of it, not if it was asked at the end."""
        talk = Conversation(self, backend=replace(OPTIONS, retries=1, total_timeout=2.0, per_try_timeout=1.5))
        client = talk.client()
        client.sends(get())
        talk.accepts("10.0.0.1")
        talk.waits(1.5)
        talk.accepts("10.0.0.2")
        talk.waits(0.5)
        self.assertEqual(talk.codes(), [504])
        self.assertEqual(talk.server("s1").counters.errors["timeout"], 1)
        self.assertEqual(talk.server("s2").counters.errors["total_timeout"], 0)
        client.aborts()
        talk.is_over()
        talk = Conversation(self, backend=replace(OPTIONS, retries=1, total_timeout=2.0))
        client = talk.client()
        client.sends(get())
        talk.accepts("10.0.0.1")
        talk.waits(2.0)
        self.assertEqual(talk.server("s1").counters.errors["total_timeout"], 1)
        talk.is_over()


class BudgetTests(SynchronousTestCase):
    """The budget of further tries."""

    def test_used_up(self) -> None:
        """When the budget is used up the first failure is the answer, its own status included, and that is counted."""
        for fail, _, code in FAILURES:
            talk = Conversation(self, backend=replace(OPTIONS, retry_budget=BudgetSpec(0.0, 0.1)))
            client = talk.client()
            client.sends(get())
            fail(talk)
            talk.accepts().sends(ok())
            client.taken()
            client.sends(get("/", "Connection: close"))
            budget = talk.backend.budget
            assert budget is not None
            for party in talk.backend.servers:
                party.pool.close_idle()
            fail(talk)
            self.assertEqual(talk.codes(), [200, code])
            self.assertEqual((budget.refused["rate"], budget.active), (1, 0))
            client.aborts()
            talk.is_over()

    def test_off(self) -> None:
        """Without a budget every request may be tried as often as `retries` says."""
        talk = Conversation(self, backend=replace(OPTIONS, retry_budget=None))
        client = talk.client()
        for _ in range(20):
            client.sends(get())
            refuses(talk)
            talk.accepts().sends(head("HTTP/1.1 200 OK", "Connection: close", "Content-Length: 0"))
        self.assertEqual(talk.codes(), [200] * 20)
        talk.is_over()

    def test_tries_under_way(self) -> None:
        """No more than half of the requests under way may be further tries, or as many as the reserve is."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(10), retry_budget=BudgetSpec(1.0, 0.3)))
        clients = [talk.client() for _ in range(5)]
        for client in clients:
            client.sends(get())
        budget = talk.backend.budget
        assert budget is not None
        for _ in clients:
            talk.refuses(REFUSED)
        self.assertEqual((budget.active, budget.refused["active"], talk.codes()), (3, 2, [502, 502]))
        for client in clients:
            client.aborts()
        self.assertEqual(budget.active, 0)
        talk.is_over()

    def test_an_outage(self) -> None:
        """When every server refuses, they get a fifth more connections and the reserve, not three times as many."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(5), retry_budget=BudgetSpec(0.2, 1.0)))
        client = talk.client()
        for _ in range(200):
            client.sends(get())
            while not client.socket.delivered:
                while talk.network.waiting:
                    talk.refuses(REFUSED)
                talk.waits(0.005)
            client.taken()
        self.assertEqual(talk.codes(), [502] * 200)
        tries = sum(exchange.tries for exchange in talk.exchanges)
        self.assertEqual((len(talk.network.attempts), tries), (tries, 250))
        talk.is_over()

    def test_a_dying_server(self) -> None:
        """When one of two servers dies with all that it works on, every request of it is answered by the other."""
        talk = Conversation(self, backend=replace(OPTIONS, servers=servers(2)))
        clients = [talk.client() for _ in range(40)]
        for client in clients:
            client.sends(get())
        parties: dict[str, list[Party]] = {}
        while talk.network.waiting:
            host = talk.network.waiting[0].host
            parties.setdefault(host, []).append(talk.accepts())
        for party in parties["10.0.0.1"]:
            party.socket.far_resets()
        talk.settle()
        while talk.network.waiting:
            parties["10.0.0.2"].append(talk.accepts("10.0.0.2"))
        for party in parties["10.0.0.2"]:
            party.sends(ok())
        self.assertEqual(talk.codes(), [200] * 40)
        talk.is_over()
