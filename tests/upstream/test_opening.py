"""A talk with a parent over a connection."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import Conversation, Party
from twisted_relay.config.values import Address
from twisted_relay.errors import ParentFailed, ParentRefused, ServerError
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.opening import Opening
from twisted_relay.upstream.talks import ConnectTalk

OPEN = b"HTTP/1.1 200 OK\r\n\r\n"


class OpeningTests(SynchronousTestCase):
    """How it ends."""

    def begin(
        self, *, is_pure: bool = False
    ) -> tuple[Conversation, UpstreamConnection, Party, list[ServerError | None]]:
        """A connection that is being opened, its far end, and how it ended."""
        talk, ends, connections = Conversation(self), list[ServerError | None](), list[object]()
        talk.pool().dial(connections.append)
        server = talk.accepts()
        [connection] = connections
        assert isinstance(connection, UpstreamConnection)
        Opening(connection, ConnectTalk(Address("a.example", 443)), ends.append, is_pure=is_pure).start()
        talk.settle()
        server.sees(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
        return talk, connection, server, ends

    def test_open(self) -> None:
        """The connection is nobody's then, and keeps what has come behind the answer."""
        talk, connection, server, ends = self.begin()
        talk.waits(1.0)
        server.sends(OPEN[:9], OPEN[9:] + b"220")
        self.assertEqual((ends, connection.early, connection.current), ([None], b"220", None))
        self.assertEqual(connection.now() - connection.asked, 1.0)

    def test_nothing_may_follow(self) -> None:
        """Where the destination never speaks first, octets behind the answer are forged."""
        _, _, server, ends = self.begin(is_pure=True)
        server.sends(OPEN + b"HTTP/1.1 200 OK\r\n")
        self.assertEqual([type(each) for each in ends], [ParentFailed])

    def test_failures(self) -> None:
        """What is not HTTP, a refusal, an end and a reset, each told once."""
        for happens, kind, words in (
            (lambda server: server.sends(b"220 smtp\r\n"), ParentFailed, "the response is not HTTP/1.x"),
            (
                lambda server: server.sends(b"HTTP/1.1 403 No\r\n\r\n"),
                ParentRefused,
                "the parent answered CONNECT with",
            ),
            (lambda server: server.closes(), ParentFailed, "the parent closed the connection before"),
            (lambda server: server.aborts(), ParentFailed, "the parent cut the connection before"),
        ):
            talk, _, server, ends = self.begin()
            happens(server)
            talk.settle()
            self.assertEqual([type(each) for each in ends], [kind])
            self.assertIn(words, str(ends[0]))
