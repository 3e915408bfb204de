"""Clients that leave, whenever they do, or stay and do nothing: it is never held against a server.

A listener, a route and a backend with everything that watches its servers; one failure of a server would eject it and
open the breaker.
"""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, LISTENER, ROUTE, Conversation, Party, get, head, ok, servers
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import BreakerSpec, EjectSpec, OutlierSpec, RetryOn
from twisted_relay.health import watchers_of

OPTIONS = replace(
    BACKEND,
    servers=servers(3),
    eject_after=EjectSpec(1, 10.0),
    eject_outliers=OutlierSpec(0.1, requests=1, servers=3, margin=0.0),
    breaker=BreakerSpec(0.01, 10.0, requests=1),
    retries=2,
)
TRYING = replace(
    OPTIONS,
    retry_on=RetryOn(("connect", "reset", "empty", "timeout"), ((500, 500), (502, 504))),
    retry_methods=("any",),
    per_try_timeout=20.0,
    total_timeout=60.0,
    hedge=True,
)
LARGE = 300_000
UPLOAD = head("POST / HTTP/1.1", "Host: example.org", f"Content-Length: {LARGE}")
CHUNKED = head("PUT / HTTP/1.1", "Host: example.org", "Transfer-Encoding: chunked")
EXPECTING = head("POST / HTTP/1.1", "Host: example.org", "Expect: 100-continue", "Content-Length: 3")
UPGRADE = get("/", "Connection: upgrade", "Upgrade: x")
SWITCHING = head("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "Connection: upgrade")
BEGUN = head("HTTP/1.1 200 OK", f"Content-Length: {LARGE}")


class Watched(Conversation):
    """A conversation in which the servers are watched."""

    def __init__(self, case: SynchronousTestCase, backend: BackendOptions = OPTIONS) -> None:
        super().__init__(case, LISTENER, backend, replace(ROUTE, upgrade=("any",)))
        self.watchers = watchers_of(self.backend, lambda: 0.5)
        for watcher in self.watchers:
            watcher.start()

    def accept_all(self) -> None:
        """Servers accept every connection that is being opened."""
        while self.network.waiting:
            self.accepts()

    def nothing_is_held_against_anybody(self) -> None:
        """No error is counted, nobody is out, and the breaker has seen nothing but good ends."""
        case, breaker = self.case, self.backend.breaker
        assert breaker is not None
        for server in self.backend.servers:
            case.assertEqual((server.state, sum(server.counters.errors.values())), ("up", 0), server.name)
            case.assertEqual(list(server.history), [])
        case.assertEqual((breaker.state, breaker.circuit.window.failures), ("closed", 0))
        case.assertEqual(sum(self.backend.counters.retries.values()), 0)

    def ends(self) -> None:
        """Stop, and see that nothing is left."""
        for watcher in self.watchers:
            watcher.stop()
        self.is_over()


Stage = Callable[[Watched, Party], Party | None]
"""Brings a request of a client to some point; the server that works on it, if there is one."""


def connecting(talk: Watched, client: Party) -> None:
    """No server has accepted yet."""
    client.sends(get())


def connecting_with_content(talk: Watched, client: Party) -> None:
    """The same, and the client is sending."""
    client.sends(UPLOAD, b"x" * 1000)


def asked(talk: Watched, client: Party) -> Party:
    """A server has the request."""
    client.sends(get())
    return talk.accepts()


def uploading(talk: Watched, client: Party) -> Party:
    """A server has a part of the content."""
    client.sends(UPLOAD)
    server = talk.accepts()
    client.sends(b"x" * 1000)
    return server


def uploading_chunks(talk: Watched, client: Party) -> Party:
    """The same, in the middle of a chunk."""
    client.sends(CHUNKED)
    server = talk.accepts()
    client.sends(b"5\r\nhello\r\n5\r\nwo")
    return server


def uploading_nonsense(talk: Watched, client: Party) -> Party:
    """What the client sends is no chunk."""
    client.sends(CHUNKED)
    server = talk.accepts()
    client.sends(b"nonsense\r\n")
    return server


def uploading_to_a_slow_server(talk: Watched, client: Party) -> Party:
    """The server does not take what comes."""
    client.sends(UPLOAD)
    server = talk.accepts()
    server.blocks()
    client.sends(b"x" * 100_000, b"x" * 100_000)
    return server


def waiting_for_100(talk: Watched, client: Party) -> Party:
    """Client and server wait for each other."""
    client.sends(EXPECTING)
    return talk.accepts()


def uploading_while_answered(talk: Watched, client: Party) -> Party:
    """The server answers before it has all of the request."""
    server = uploading(talk, client)
    server.sends(BEGUN, b"x" * 1000)
    return server


def half_a_head(talk: Watched, client: Party) -> Party:
    """The server has begun to answer."""
    server = asked(talk, client)
    server.sends(BEGUN[:20])
    return server


def hinted(talk: Watched, client: Party) -> Party:
    """The server has sent an informational response."""
    server = asked(talk, client)
    server.sends(head("HTTP/1.1 103 Early Hints"))
    return server


def answering(talk: Watched, client: Party) -> Party:
    """The server is sending its response."""
    server = asked(talk, client)
    server.sends(BEGUN, b"x" * 1000)
    return server


def answering_a_slow_client(talk: Watched, client: Party) -> Party:
    """The client does not take the response."""
    client.blocks()
    server = asked(talk, client)
    server.sends(BEGUN, b"x" * 100_000, b"x" * 100_000)
    return server


def tunnelling(talk: Watched, client: Party) -> Party:
    """Client and server speak another protocol."""
    client.sends(UPGRADE)
    server = talk.accepts()
    server.sends(SWITCHING)
    return server


def pipelining(talk: Watched, client: Party) -> Party:
    """Another request waits behind this one."""
    client.sends(get("/1") + get("/2"))
    return talk.accepts()


STAGES: tuple[Stage, ...] = (
    connecting,
    connecting_with_content,
    asked,
    uploading,
    uploading_chunks,
    uploading_nonsense,
    uploading_to_a_slow_server,
    waiting_for_100,
    uploading_while_answered,
    half_a_head,
    hinted,
    answering,
    answering_a_slow_client,
    tunnelling,
    pipelining,
)
#: How a client may leave, and what the server does when it learns of it.
LEAVING: tuple[Callable[[Party], None], ...] = (Party.aborts, Party.closes, Party.ends)
REACTIONS: tuple[Callable[[Party], None], ...] = (
    Party.aborts,
    Party.closes,
    lambda server: server.sends(head("HTTP/1.1 500 Internal Server Error", "Content-Length: 0")),
    lambda server: None,
)


class FloodTests(SynchronousTestCase):
    """Many clients that leave."""

    def test_every_stage(self) -> None:
        """Wherever a request is when its client leaves, and whatever the server then does: it is not a failure."""
        for stage in STAGES:
            for leave in LEAVING:
                for react in REACTIONS:
                    self.flood(Watched(self), stage, leave, react)

    def test_with_all_that_tries_again(self) -> None:
        """The same where everything is tried again that can be, within time limits."""
        for stage in STAGES:
            for leave in LEAVING:
                self.flood(Watched(self, TRYING), stage, leave, Party.closes)

    def flood(
        self, talk: Watched, stage: Stage, leave: Callable[[Party], None], react: Callable[[Party], None]
    ) -> None:
        """Six clients leave at this point."""
        for _ in range(6):
            client = talk.client()
            server = stage(talk, client)
            leave(client)
            client.unblocks()
            if server is not None:
                server.unblocks()
                react(server)
            talk.accept_all()
        talk.waits(11)
        talk.nothing_is_held_against_anybody()
        for connection in list(talk.listener.connections):
            connection.abort()
        talk.settle()
        talk.ends()

    def test_in_the_queue(self) -> None:
        """A client that leaves while its request waits for room is not held against the servers that are full."""
        talk = Watched(self, replace(OPTIONS, servers=servers(1), max_connections_per_server=1))
        busy = talk.client()
        busy.sends(get())
        server = talk.accepts()
        for leave in LEAVING * 4:
            client = talk.client()
            client.sends(get())
            leave(client)
        self.assertEqual(len(talk.backend.queue), 0)
        server.sends(ok())
        busy.sees(ok())
        talk.nothing_is_held_against_anybody()
        talk.ends()

    def test_many_at_once(self) -> None:
        """A flood of clients that connect, ask and leave ejects nobody, and leaves nothing behind."""
        talk = Watched(self)
        clients = [talk.client() for _ in range(300)]
        for client in clients:
            client.sends(get())
        for _ in range(100):
            talk.accepts()
        for client in clients:
            client.aborts()
        talk.waits(20)
        talk.nothing_is_held_against_anybody()
        talk.ends()

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(
            st.tuples(st.sampled_from(STAGES), st.sampled_from(LEAVING), st.sampled_from(REACTIONS), st.floats(0, 3)),
            max_size=8,
        )
    )
    def test_together(
        self, visits: list[tuple[Stage, Callable[[Party], None], Callable[[Party], None], float]]
    ) -> None:
        """Many such clients at once, beside one that stays and gets its answer."""
        talk = Watched(self)
        steady = talk.client()
        steady.sends(get())
        answerer = talk.accepts()
        parties = []
        for stage, leave, react, seconds in visits:
            client = talk.client()
            parties.append((client, stage(talk, client), leave, react))
            talk.accept_all()
            talk.waits(seconds)
        for client, server, leave, react in parties:
            leave(client)
            client.unblocks()
            if server is not None:
                server.unblocks()
                react(server)
        answerer.sends(ok(b"steady"))
        steady.sees(ok(b"steady"))
        talk.waits(11)
        talk.nothing_is_held_against_anybody()
        for connection in list(talk.listener.connections):
            connection.abort()
        talk.settle()
        talk.ends()


class SlowClientTests(SynchronousTestCase):
    """Clients that stay but let a server wait until it gives up."""

    def errors(self, stage: Stage, seconds: float, leave: Callable[[Party], None] = Party.aborts) -> int:
        """The server closes after so many seconds in which nothing happens; the errors that this is for the server."""
        talk = Watched(self, replace(OPTIONS, servers=servers(1), retries=0))
        client = talk.client()
        server = stage(talk, client)
        assert server is not None
        talk.waits(seconds)
        leave(server)
        client.unblocks()
        errors = sum(talk.server().counters.errors.values())
        assert talk.backend.breaker is not None
        self.assertEqual(talk.backend.breaker.circuit.window.failures + talk.backend.breaker.opened, errors)
        client.aborts()
        talk.ends()
        return errors

    def test_uploads(self) -> None:
        """A server that closes because a client does not go on with its content has not failed; one that closes in
        the middle of it has."""
        for stage in (uploading, uploading_chunks, uploading_while_answered):
            for leave in (Party.aborts, Party.closes):
                self.assertEqual(self.errors(stage, 6.0, leave), 0, stage)
                self.assertEqual(self.errors(stage, 4.0, leave), 1, stage)

    def test_downloads(self) -> None:
        """Nor has one that closes because a client does not take its response."""
        self.assertEqual(self.errors(answering_a_slow_client, 6.0), 0)
        self.assertEqual(self.errors(answering_a_slow_client, 1.0), 1)
        self.assertEqual(self.errors(answering, 6.0), 1)

    def test_total_timeout(self) -> None:
        """A client that is too slow with its content for `total_timeout` is not held against the server, nor is a
        full queue; a server that is too slow with its answer is to blame."""
        for stage, errors in ((uploading, 0), (uploading_chunks, 0), (asked, 1), (uploading_to_a_slow_server, 1)):
            talk = Watched(self, replace(OPTIONS, servers=servers(1), retries=0, total_timeout=5.0))
            client = talk.client()
            stage(talk, client)
            talk.waits(6)
            self.assertEqual(talk.codes(), [504])
            assert talk.backend.breaker is not None
            self.assertEqual(sum(talk.server().counters.errors.values()), errors, stage)
            self.assertEqual(talk.backend.breaker.opened, errors, stage)
            client.aborts()
            talk.ends()
        full = replace(OPTIONS, servers=servers(1), max_connections_per_server=1, total_timeout=5.0, queue_timeout=60.0)
        talk = Watched(self, full)
        busy, waiting = talk.client(), talk.client()
        tunnelling(talk, busy)
        waiting.sends(get())
        talk.waits(6)
        self.assertEqual(talk.codes(), [504])
        talk.nothing_is_held_against_anybody()
        busy.aborts()
        waiting.aborts()
        talk.settle()
        talk.ends()

    def test_who_waits_for_whom(self) -> None:
        """A server that does not read, does not say 100 or does not answer is not waiting for its client."""
        for stage in (uploading_to_a_slow_server, waiting_for_100, asked, half_a_head):
            self.assertEqual(self.errors(stage, 6.0), 1, stage)
