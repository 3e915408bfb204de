"""Who is asked, how long, and what else is tried. The name servers are sockets of loopback, the clock is not real."""

import select
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError as TCPRefused
from twisted.internet.protocol import ClientFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.names import dns
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.config.values import Address
from twisted_relay.names.nameservers import MOST_AT_ONCE, Nameservers
from twisted_relay.names.reply import Found, LookupFailed
from twisted_relay.names.resolv_conf import ResolvConf

NAME = "api.internal"


class Connector:
    """A connection that is being made, or stands."""

    def __init__(self, address: tuple[str, int], factory: ClientFactory) -> None:
        self.address = address
        self.factory = factory
        self.state = "connecting"
        self.transport = StringTransport()

    def stands(self) -> Any:
        """It is connected; the protocol."""
        self.state = "connected"
        protocol = self.factory.buildProtocol(None)
        assert protocol is not None
        protocol.makeConnection(self.transport)
        return protocol

    def fails(self) -> None:
        """It is refused."""
        self.state = "disconnected"
        self.factory.clientConnectionFailed(self, Failure(TCPRefused()))  # type: ignore[arg-type]

    def stopConnecting(self) -> None:
        """As `IConnector`."""
        self.state = "disconnected"


class Network(Clock):
    """A reactor that reads sockets when the test says so, and connects when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.connectors: list[Connector] = []

    def addReader(self, reader: Any) -> None:
        """As `IReactorFDSet`."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """As `IReactorFDSet`."""
        if reader in self.readers:
            self.readers.remove(reader)

    def connectTCP(self, host: str, port: int, factory: ClientFactory, timeout: float) -> Connector:
        """As `IReactorTCP`."""
        self.connectors.append(Connector((host, port), factory))
        return self.connectors[-1]

    def read(self) -> None:
        """Let everybody read."""
        for reader in list(self.readers):
            reader.doRead()


class Party:
    """A name server: a UDP socket of the test."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        case.addCleanup(self.socket.close)
        self.address = Address("127.0.0.1", self.socket.getsockname()[1])

    def asked(self) -> tuple[dns.Message, tuple[str, int]]:
        """The next question, and who has asked."""
        octets, client = self.socket.recvfrom(512)
        question = dns.Message()
        question.fromStr(octets)
        return question, client

    @property
    def is_asked(self) -> bool:
        """Whether there is a question."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def answers(self, *hosts: str, code: int = 0, truncated: int = 0) -> None:
        """Answer the next question with A records."""
        question, client = self.asked()
        self.socket.sendto(answer(question, hosts, code, truncated), client)


def answer(question: dns.Message, hosts: tuple[str, ...], code: int = 0, truncated: int = 0) -> bytes:
    """A reply with A records."""
    made = dns.Message(question.id, answer=1, rCode=code, trunc=truncated)
    made.queries = question.queries
    made.answers = [dns.RRHeader(NAME, dns.A, dns.IN, 30, dns.Record_A(host)) for host in hosts]
    return bytes(made.toStr())


class Asking(SynchronousTestCase):
    """Two name servers, and who asks them."""

    def setUp(self) -> None:
        """Two name servers."""
        self.network = Network()
        self.one, self.two = Party(self), Party(self)
        self.asking = self.make(self.one.address, self.two.address)

    def make(self, *servers: Address) -> Nameservers:
        """Who asks these, for 2 seconds each."""
        options = DnsOptions(servers=servers, timeout=2.0)
        return Nameservers(self.network, options, ResolvConf(self.mktemp()))

    def ask(self) -> "Deferred[Found]":
        """Ask for the addresses of a name."""
        return Deferred.fromCoroutine(self.asking.ask(NAME, "A"))

    def failed(self, asked: "Deferred[Found]") -> str:
        """Why there was no answer; nothing is left of the question."""
        reason = self.failureResultOf(asked, LookupFailed).value.reason
        self.is_over()
        return str(reason)

    def is_over(self) -> None:
        """No socket, no timer."""
        self.assertEqual((self.network.readers, self.network.getDelayedCalls()), ([], []))


class NameserversTests(Asking):
    """`Nameservers.ask`."""

    def test_the_first_server_answers(self) -> None:
        """The first server is asked, and nobody else when it answers."""
        asked = self.ask()
        self.one.answers("10.0.0.1", "10.0.0.2")
        self.network.read()
        self.assertEqual(self.successResultOf(asked).addresses, ("10.0.0.1", "10.0.0.2"))
        self.assertFalse(self.two.is_asked)
        self.is_over()

    def test_the_second_server_after_the_first(self) -> None:
        """A server that does not answer in time, fails, refuses or is not there: the next one is asked."""

        def is_late() -> None:
            self.one.asked()
            self.network.advance(2.0)

        for happens in (
            is_late,
            lambda: self.one.answers(code=2),
            lambda: self.one.answers(code=5),
        ):
            asked = self.ask()
            happens()
            self.network.read()
            self.two.answers("10.0.0.1")
            self.network.read()
            self.assertEqual(self.successResultOf(asked).addresses, ("10.0.0.1",))
            self.is_over()

    def test_nobody_listens(self) -> None:
        """A port where nobody listens is known at once."""
        self.one.socket.close()
        asked = self.ask()
        self.network.read()
        self.two.answers("10.0.0.1")
        self.network.read()
        self.assertEqual(self.successResultOf(asked).addresses, ("10.0.0.1",))

    def test_no_way_there(self) -> None:
        """An address that cannot be reached from here fails like any other."""
        self.asking = self.make(Address("255.255.255.255", 53))
        self.assertEqual(self.failed(self.ask()), "network")

    def test_no_such_name(self) -> None:
        """That there is no such name, or no such record, is an answer: nobody else is asked."""
        for code, reason in ((3, "nxdomain"), (0, "empty")):
            asked = self.ask()
            self.one.answers(code=code)
            self.network.read()
            self.assertEqual(self.failed(asked), reason)
            self.assertFalse(self.two.is_asked)

    def test_silence(self) -> None:
        """Each server is asked twice; then the question has failed."""
        asked = self.ask()
        for party in (self.one, self.two, self.one, self.two):
            self.assertNoResult(asked)
            party.asked()
            self.network.advance(2.0)
        self.assertEqual(self.failed(asked), "timeout")

    def test_who_has_failed_is_not_asked_again(self) -> None:
        """A second round is for those who did not answer in time."""
        asked = self.ask()
        self.one.asked()
        self.network.advance(2.0)
        self.two.answers(code=2)
        self.network.read()
        self.one.answers("10.0.0.1")
        self.network.read()
        self.successResultOf(asked)
        self.assertFalse(self.two.is_asked)

    def test_what_is_no_reply(self) -> None:
        """Datagrams with another number, from elsewhere or of nonsense are left aside; the reply still counts."""
        asked = self.ask()
        question, client = self.one.asked()
        other = dns.Message(question.id ^ 1)
        other.queries = question.queries
        self.two.socket.sendto(answer(question, ("10.6.6.6",)), client)
        for octets in (answer(other, ("10.6.6.6",)), b"nonsense", b"", answer(question, ("10.6.6.6",))[:-1]):
            self.one.socket.sendto(octets, client)
            self.network.read()
        self.assertNoResult(asked)
        self.one.socket.sendto(answer(question, ("10.0.0.1",)), client)
        self.network.read()
        self.assertEqual(self.successResultOf(asked).addresses, ("10.0.0.1",))

    def test_nothing_but_nonsense(self) -> None:
        """A server that answers, but nothing that can be read, is not said to be silent."""
        self.asking = self.make(self.one.address)
        asked = self.ask()
        question, client = self.one.asked()
        self.one.socket.sendto(answer(question, ("10.0.0.1",))[:-1], client)
        self.network.read()
        self.network.advance(2.0)
        self.assertEqual(self.failed(asked), "malformed")

    def test_numbers_and_ports_vary(self) -> None:
        """Neither the number nor the port of a question can be known before."""
        seen = []
        for _ in range(20):
            asked = self.ask()
            question, client = self.one.asked()
            seen.append((question.id, client[1]))
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
        self.assertGreater(len({number for number, _ in seen}), 15)
        self.assertGreater(len({port for _, port in seen}), 10)

    def test_many_questions(self) -> None:
        """So many are asked at once; others wait for their turn."""
        asked = [self.ask() for _ in range(MOST_AT_ONCE + 3)]
        self.assertEqual(len(self.network.readers), MOST_AT_ONCE)
        self.one.answers("10.0.0.1")
        self.network.read()
        self.assertEqual(len(self.network.readers), MOST_AT_ONCE)
        for each in asked:
            each.addErrback(lambda failure: failure.trap(CancelledError) and None)
            each.cancel()
        self.is_over()

    def test_cancelled(self) -> None:
        """Who does not wait any more leaves nothing behind."""
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.is_over()

    def test_without_sockets(self) -> None:
        """When the process has no socket left the question fails."""

        def refuse(family: int, kind: int) -> socket.socket:
            raise OSError(24, "Too many open files")

        self.patch(socket, "socket", refuse)
        self.assertEqual(self.failed(self.ask()), "network")

    def test_nobody_to_ask(self) -> None:
        """Without `servers` those of resolv.conf are asked, and this machine when there are none."""
        asking = Nameservers(self.network, DnsOptions(), ResolvConf(self.mktemp()))
        asked = Deferred.fromCoroutine(asking.ask(NAME, "A"))
        asked.addErrback(lambda _: None)
        asked.cancel()
        self.is_over()


class TCPTests(Asking):
    """An answer that did not fit into a datagram."""

    def setUp(self) -> None:
        """One name server, which has truncated its answer."""
        super().setUp()
        self.asking = self.make(self.one.address)

    def begin(self) -> "tuple[Deferred[Found], Connector]":
        """Ask until a connection is being made."""
        asked = self.ask()
        self.one.answers(truncated=1)
        self.network.read()
        self.assertNoResult(asked)
        [connector] = self.network.connectors
        self.assertEqual(connector.address, (self.one.address.host, self.one.address.port))
        self.assertEqual(self.network.readers, [])
        return asked, connector

    def question_in(self, connector: Connector) -> dns.Message:
        """What was asked over the connection."""
        octets = connector.transport.value()
        self.assertEqual(struct.unpack("!H", octets[:2]), (len(octets) - 2,))
        question = dns.Message()
        question.fromStr(octets[2:])
        return question

    def test_it_comes_over_tcp(self) -> None:
        """The same server is asked over TCP; the connection is closed with the answer, in whatever pieces it came."""
        asked, connector = self.begin()
        protocol = connector.stands()
        octets = answer(self.question_in(connector), tuple(f"10.0.0.{n}" for n in range(20)))
        for octet in struct.pack("!H", len(octets)) + octets:
            self.assertNoResult(asked)
            protocol.dataReceived(bytes([octet]))
        self.assertEqual(len(self.successResultOf(asked).addresses), 20)
        self.assertTrue(connector.transport.disconnecting or connector.transport.disconnected)
        protocol.connectionLost(Failure(TCPRefused()))
        self.is_over()

    def test_failures(self) -> None:
        """No connection, no reply, half a reply, another reply, silence: the question has failed."""

        def replies(octets: bytes, connector: Connector) -> None:
            protocol = connector.stands()
            protocol.dataReceived(octets)
            protocol.connectionLost(Failure(TCPRefused()))

        ways: tuple[tuple[Callable[[Connector], None], str], ...] = (
            (Connector.fails, "network"),
            (partial(replies, b""), "malformed"),
            (partial(replies, b"\x00\x20abc"), "malformed"),
            (partial(replies, b"\x00\x03abc"), "malformed"),
            (partial(replies, b"\x00\x0c" + bytes(12)), "malformed"),
        )
        for happens, reason in ways:
            self.network.connectors.clear()
            asked, connector = self.begin()
            happens(connector)
            self.assertEqual(self.failed(asked), reason)

    def test_truncated_again(self) -> None:
        """A reply that is truncated even over TCP is a fault of the server; it does not say that there is nothing."""
        asked, connector = self.begin()
        protocol = connector.stands()
        octets = answer(self.question_in(connector), (), truncated=1)
        protocol.dataReceived(struct.pack("!H", len(octets)) + octets)
        self.assertEqual(self.failed(asked), "malformed")

    def test_too_late(self) -> None:
        """A connection that is not made in time is given up; so is one on which nothing comes."""
        for connected in (False, True):
            self.network.connectors.clear()
            asked, connector = self.begin()
            if connected:
                connector.stands()
            self.network.advance(2.0)
            self.one.asked()
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
            self.assertTrue(connector.state == "disconnected" or connector.transport.disconnected)
            self.is_over()
