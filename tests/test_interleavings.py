"""Whatever happens in whatever order: clients, servers, time and the network do what they like.

Nothing raises; every exchange finishes once and leaves no count behind; and no client ever gets an octet of what was
meant for another, or for another request of its own.
"""

import errno
import re
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.pairs import PairSocket
from tests.support.playbook import BACKEND, LISTENER, ROUTE, Conversation, Party, get, head, ok, servers
from twisted_relay.config.values import FieldLine, RetryOn
from twisted_relay.http.http1 import END, read_response, response_reader

HINTS = head("HTTP/1.1 103 Early Hints")
CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
BUSY = head("HTTP/1.1 503 Service Unavailable", "Content-Length: 4") + b"busy"
SWITCHING = head("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "Connection: upgrade")
_TARGET = re.compile(rb"(?:GET|POST) (/\d+/\d+) HTTP/1\.1\r\n")


def content_for(target: str, size: int) -> bytes:
    """What the right answer to a request for this target says."""
    return f"<{target}>".encode() * size


class Client:
    """A client that asks for /NUMBER/0, /NUMBER/1, … in several ways."""

    def __init__(self, party: Party, number: int, size: int) -> None:
        self.party = party
        self.number = number
        self.size = size
        self.asked = 0
        self.rest: list[bytes] = []  # of the request that has been begun
        self.got = b""
        self.lines: tuple[str, ...] = ()
        """Further field lines of its requests."""
        self.spoiled = False  # it has sent what is no HTTP, or left HTTP

    def begins(self, kind: str) -> None:
        """Begin the next request; if one has been begun, go on with that."""
        if not self.rest:
            self.rest = self._request(kind)
        self.goes_on()

    def goes_on(self) -> None:
        """Send the next part of the request that has been begun."""
        if self.rest:
            self.party.sends(self.rest.pop(0))
        self.got += self.party.taken()

    def _request(self, kind: str) -> list[bytes]:
        target = f"/{self.number}/{self.asked}"
        self.asked += 1
        plain = get(target, *self.lines)
        post = plain.replace(b"GET", b"POST", 1)[:-2]
        if kind == "whole":
            return [plain]
        if kind == "halves":
            return [plain[:20], plain[20:]]
        if kind == "length":
            return [post + b"Content-Length: 6\r\n\r\nabc", b"def"]
        if kind == "chunked":
            return [post + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n"]
        if kind == "large":
            return [post + b"Content-Length: 200000\r\n\r\n", b"x" * 150_000, b"x" * 50_000]
        if kind == "expect":
            return [post + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", b"abc"]
        if kind == "upgrade":
            self.spoiled = True
            return [get(target, "Connection: upgrade", "Upgrade: x")]
        self.spoiled = True
        return [b"no HTTP\r\n\r\n"]

    def check(self, case: SynchronousTestCase) -> None:
        """Everything it got is a row of responses, each right for its request."""
        octets, number = self.got + self.party.taken(), 0
        while END in octets:
            section, _, octets = octets.partition(END)
            response = read_response(section, b"GET")
            if response.status < 200 and response.status != 101:
                continue
            reader = response_reader(response, b"GET")
            content: bytes = b""
            left: bytes | None = octets
            if reader is not None:
                content, left = reader.feed(octets)
            if response.status == 200:
                wanted = content_for(f"/{self.number}/{number}", self.size)
                whole = left is not None and b"x-until-close" not in response.fields
                case.assertEqual(content, wanted if whole else wanted[: len(content)])
            number += 1
            if left is None or response.status == 101:
                return
            octets = left
        case.assertLessEqual(number, self.asked)


class Answerer:
    """A server that answers the request it saw last, in several ways."""

    def __init__(self, party: Party, size: int) -> None:
        self.party = party
        self.size = size
        self.seen = b""
        self.rest: list[bytes] = []
        self.until_close = False  # what else it sends belongs to the response it has begun

    def begins(self, kind: str) -> None:
        """Begin to answer, or go on."""
        if self.rest:
            self.party.sends(self.rest.pop(0))
            return
        if self.until_close:
            self.party.closes()
            return
        self.seen += self.party.taken()
        targets = _TARGET.findall(self.seen)
        content = content_for(targets[-1].decode(), self.size) if targets else b"nobody asked"
        half = len(content) // 2
        if kind == "whole":
            self.rest = [ok(content)]
        elif kind == "length":
            whole = ok(content)
            self.rest = [whole[:10], whole[10:-half], whole[-half:]]
        elif kind == "chunked":
            size = b"%x\r\n" % half
            self.rest = [CHUNKED, size + content[:half] + b"\r\n", size + content[half:] + b"\r\n", b"0\r\n\r\n"]
        elif kind == "until close":
            self.rest = [head("HTTP/1.1 200 OK", "X-Until-Close: yes"), content]
            self.until_close = True
        elif kind == "close":
            self.rest = [ok(content, "Connection: close")]
        elif kind == "hints":
            self.rest = [HINTS]
        elif kind == "continue":
            self.rest = [head("HTTP/1.1 100 Continue")]
        elif kind == "busy":
            self.rest = [BUSY]
        elif kind == "long busy":
            self.rest = [BUSY[:-3], BUSY[-3:]]
        elif kind == "switch":
            self.rest = [SWITCHING]
        else:
            self.rest = [b"no HTTP\r\n\r\n"]
        self.party.sends(self.rest.pop(0))


REQUESTS = ("whole", "halves", "length", "chunked", "large", "expect", "upgrade", "garbage")
RESPONSES = (
    "whole",
    "length",
    "chunked",
    "until close",
    "close",
    "hints",
    "continue",
    "busy",
    "long busy",
    "switch",
    "garbage",
)
DEEDS = ("closes", "ends", "aborts", "blocks", "unblocks")
Step = tuple[str, int, str | float]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("connect"), st.just(0), st.just("")),
    st.tuples(st.just("accept"), st.just(0), st.just("")),
    st.tuples(st.just("accept"), st.just(0), st.just("")),
    st.tuples(st.just("refuse"), st.just(0), st.just("")),
    st.tuples(st.just("client begins"), st.integers(0, 2), st.sampled_from(REQUESTS)),
    st.tuples(st.just("client goes on"), st.integers(0, 2), st.just("")),
    st.tuples(st.just("server begins"), st.integers(0, 3), st.sampled_from(RESPONSES)),
    st.tuples(st.just("server begins"), st.integers(0, 3), st.sampled_from(RESPONSES)),
    st.tuples(st.just("client does"), st.integers(0, 2), st.sampled_from(DEEDS)),
    st.tuples(st.just("server does"), st.integers(0, 3), st.sampled_from(DEEDS)),
    st.tuples(st.just("state"), st.integers(1, 2), st.sampled_from(("down", "up"))),
    st.tuples(st.just("time"), st.just(0), st.sampled_from((0.3, 0.5, 6.0, 31.0, 61.0))),
    st.tuples(st.just("drain"), st.just(0), st.just("")),
)


RETRIED: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("client begins"), st.integers(0, 2), st.sampled_from(("whole", "length", "chunked", "expect"))),
    st.tuples(st.just("client goes on"), st.integers(0, 2), st.just("")),
    st.tuples(st.just("accept"), st.just(0), st.just("")),
    st.tuples(st.just("server begins"), st.integers(0, 7), st.sampled_from(("whole", "length", "busy", "long busy"))),
    st.tuples(st.just("server does"), st.integers(0, 7), st.sampled_from(("aborts", "closes"))),
    st.tuples(st.just("time"), st.just(0), st.sampled_from((0.05, 0.3, 6.0))),
    STEPS,
)
"""The same, with more of what makes further tries."""


class World:
    """A conversation with everybody in it, driven by steps."""

    conversation = Conversation
    backend = replace(BACKEND, servers=servers(2))
    size = 20

    def __init__(self, case: SynchronousTestCase, half_close: str, limit: int, *, filtered: bool = False) -> None:
        backend = replace(self.backend, max_connections_per_server=limit, queue_length=2)
        route = replace(ROUTE, upgrade=("any",))
        if filtered:
            route = replace(route, set_response_header=(FieldLine("X-Filtered", "yes"),))
        self.talk = self.conversation(case, replace(LISTENER, half_close=half_close), backend, route)
        self.clients: list[Client] = []
        self.servers: list[Answerer] = []
        self.connect(0, "")

    def step(self, name: str, index: int, argument: str | float) -> None:
        """Do one thing, if it can be done."""
        what: dict[str, Callable[[int, str], None]] = {
            "connect": self.connect,
            "accept": self.accept,
            "refuse": self.refuse,
            "state": self.state,
            "drain": lambda index, argument: self.talk.listener.drain(),
        }
        if name in what:
            what[name](index, str(argument))
        elif name == "time":
            self.talk.reactor.pass_time(float(argument), step=float(argument) / 4)
        elif name.startswith("client"):
            self._of_client(self.clients[index % len(self.clients)], name, str(argument))
        elif self.servers:
            self._of_server(self.servers[index % len(self.servers)], name, str(argument))
        self.talk.settle()

    def connect(self, index: int, argument: str) -> None:
        """One more client, up to three."""
        if len(self.clients) < 3 and not self.talk.listener.draining:
            self.clients.append(Client(self.talk.client(), len(self.clients), self.size))

    def accept(self, index: int, argument: str) -> None:
        """A server takes a connection."""
        if self.talk.network.waiting:
            self.servers.append(Answerer(self.talk.accepts(), self.size))

    def refuse(self, index: int, argument: str) -> None:
        """A server does not."""
        if self.talk.network.waiting:
            self.talk.refuses(errno.ECONNREFUSED)

    def state(self, index: int, argument: str) -> None:
        """A server is found down or up."""
        server = self.talk.server(f"s{index}")
        (server.set_down if argument == "down" else server.set_up)("test")

    def _of_client(self, client: Client, name: str, argument: str) -> None:
        if name == "client begins":
            client.begins(argument)
        elif name == "client goes on":
            client.goes_on()
        else:
            getattr(client.party, argument)()

    def _of_server(self, server: Answerer, name: str, argument: str) -> None:
        if name == "server begins":
            server.begins(argument)
        else:
            getattr(server.party, argument)()

    def end(self) -> None:
        """Everybody leaves, and nothing must be left."""
        for client in self.clients:
            client.party.unblocks()
            client.party.aborts()
        for server in self.servers:
            server.party.unblocks()
            server.party.aborts()
        while self.talk.network.waiting:
            self.talk.refuses(errno.ECONNREFUSED)
        self.talk.waits(30.0)
        for client in self.clients:
            client.check(self.talk.case)
        self.talk.is_over()


class Spliced(Conversation):
    """A conversation over pairs of sockets."""

    wire = PairSocket


class LargeWorld(World):
    """A world whose responses are large enough to be spliced."""

    conversation = Spliced
    size = 50_000


class PersistentWorld(World):
    """A world in which everything is tried again, with whatever time limits, hedges and limits there are."""

    backend = replace(
        BACKEND,
        servers=servers(3),
        retries=4,
        retry_on=RetryOn(("connect", "reset", "empty", "timeout"), ((502, 504),)),
        retry_methods=("any",),
        retry_buffer=1000,
        retry_backoff=0.3,
        retry_backoff_max=2.0,
        per_try_timeout=4.0,
        total_timeout=25.0,
        hedge=True,
        hedge_budget=0.5,
        adaptive_limit=True,
    )

    def __init__(self, case: SynchronousTestCase, half_close: str, limit: int, *, filtered: bool = False) -> None:
        super().__init__(case, half_close, limit, filtered=filtered)
        assert self.talk.backend.hedging is not None
        for _ in range(128):
            self.talk.backend.hedging.answered("all", self.talk.reactor.seconds(), 0.2)
            self.talk.backend.hedging.budget.deposit(self.talk.reactor.seconds())
        for index in range(3):
            self.connect(index, "")
            self.step("client begins", index, "whole")
            self.accept(index, "")


class InterleavingTests(SynchronousTestCase):
    """Everything at once."""

    @settings(max_examples=150, deadline=None)
    @given(st.lists(STEPS, max_size=40), st.sampled_from(("abort", "serve")), st.sampled_from((0, 1, 2)), st.booleans())
    def test_any_order(self, steps: list[Step], half_close: str, limit: int, filtered: bool) -> None:
        """In any order of events nothing raises, nothing is left over and nobody gets what is not theirs."""
        world = World(self, half_close, limit, filtered=filtered)
        for step in steps:
            world.step(*step)
        world.end()

    @settings(max_examples=150, deadline=None)
    @given(st.lists(RETRIED, max_size=40), st.sampled_from(("abort", "serve")), st.sampled_from((0, 1)), st.booleans())
    def test_any_order_persistent(self, steps: list[Step], half_close: str, limit: int, filtered: bool) -> None:
        """The same when requests are tried again, sent twice at once and given so much time."""
        world = PersistentWorld(self, half_close, limit, filtered=filtered)
        for step in steps:
            world.step(*step)
        world.end()

    @settings(max_examples=40, deadline=None)
    @given(st.lists(STEPS, max_size=30), st.sampled_from((0, 1)))
    def test_any_order_spliced(self, steps: list[Step], limit: int) -> None:
        """The same with content that is moved inside the kernel."""
        world = LargeWorld(self, "abort", limit)
        for step in steps:
            world.step(*step)
        world.end()
