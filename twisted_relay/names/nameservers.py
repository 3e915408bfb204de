"""Asks name servers: over UDP, and over TCP when the reply did not fit (RFC 1035 §4.2, RFC 7766).

Each question has a socket of its own, so a port that the system draws, a number that is drawn too, and takes replies
only from whom it has asked (RFC 5452 §9). Nothing outlives its question: cancelling one closes what it has open.
"""

import random
import socket
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.interfaces import IAddress, IReactorTime, IReadDescriptor
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.config.values import Address
from twisted_relay.histogram import FAST_BOUNDS, Histogram
from twisted_relay.names.reply import NEGATIVE, Found, Kind, LookupFailed, Reply, answer_of
from twisted_relay.names.resolv_conf import ResolvConf
from twisted_relay.names.wire import Malformed, Question, reply_to

ROUNDS = 2
"""How often a server is asked that does not answer in time: one datagram may be lost."""
MOST_AT_ONCE = 512
"""Questions under way at one time; others wait for their turn."""
LARGEST_DATAGRAM = 65535


class Observed:
    """What was asked, and how it went."""

    def __init__(self) -> None:
        self.queries: dict[tuple[Kind, str], int] = {}
        """By kind of record and result: `success`, or one of `FAILURES`."""
        self.times = Histogram(FAST_BOUNDS)
        """Seconds from a question's turn to its answer, also to one that says that there is nothing."""

    def count(self, kind: Kind, result: str, seconds: float) -> None:
        """A question has ended."""
        self.queries[kind, result] = self.queries.get((kind, result), 0) + 1
        if result == "success" or result in NEGATIVE:
            self.times.observe(seconds)


_SYSTEM_RANDOM = random.SystemRandom()


def draw_number() -> int:
    """A number for a question that nobody can guess."""
    return _SYSTEM_RANDOM.randrange(65536)


class Nameservers:
    """Who is asked. `reactor` gives timers, UDP and TCP; `draw` a number from 0 to 65535 for each question."""

    def __init__(
        self,
        reactor: IReactorTime,
        options: DnsOptions,
        resolv_conf: ResolvConf | None = None,
        draw: Callable[[], int] = draw_number,
    ) -> None:
        self._reactor = reactor
        self._options = options
        self._resolv_conf = resolv_conf or ResolvConf()
        self._draw = draw
        self._turns = DeferredSemaphore(MOST_AT_ONCE)
        self.observed = Observed()

    async def ask(self, name: str, kind: Kind) -> Found:
        """The records that a name has; raises `LookupFailed`. May be cancelled at any time."""
        await self._turns.acquire()
        begun = self._reactor.seconds()
        try:
            found = await self._ask_each(name, kind)
            self.observed.count(kind, "success", self._reactor.seconds() - begun)
            return found
        except LookupFailed as failed:
            self.observed.count(kind, failed.reason, self._reactor.seconds() - begun)
            raise
        finally:
            self._turns.release()

    async def _ask_each(self, name: str, kind: Kind) -> Found:
        """Ask one server after the other, and those once more that did not answer in time."""
        servers = self._options.servers or self._resolv_conf.servers()
        failed = LookupFailed("network", f"{kind} of {name}: there is nobody to ask")
        for _ in range(ROUNDS):
            late = []
            for server in servers:
                try:
                    return answer_of(await self._ask_one(server, name, kind), name, kind)
                except LookupFailed as error:
                    if error.reason in NEGATIVE:
                        raise
                    failed = error
                    if error.reason == "timeout":
                        late.append(server)
            servers = tuple(late)
        raise failed

    async def _ask_one(self, server: Address, name: str, kind: Kind) -> Reply:
        """A whole reply of one server, or `LookupFailed` that names it."""
        question = Question(self._draw(), name, kind)
        try:
            reply = await self._over_udp(server, question)
            return await self._over_tcp(server, question) if reply.is_truncated else reply
        except TimeoutError:
            reason, what = "timeout", f"no answer within {self._options.timeout:g} s"
        except Malformed as error:
            reason, what = "malformed", str(error)
        except OSError as error:
            reason, what = "network", getattr(error, "strerror", None) or type(error).__name__
        raise LookupFailed(reason, f"{kind} of {name}: name server {server}: {what}")

    async def _over_udp(self, server: Address, question: Question) -> Reply:
        asked = _Socket(server, question, self._until_late())
        reactor = cast(Any, self._reactor)
        try:
            asked.open()
            reactor.addReader(asked)
            return await asked.replied
        except TimeoutError:
            if asked.unread is not None:
                raise asked.unread from None
            raise
        finally:
            _end(asked.replied)
            if asked.is_open:
                reactor.removeReader(asked)
                asked.close()

    async def _over_tcp(self, server: Address, question: Question) -> Reply:
        replied = self._until_late()
        factory = _Streams(question, replied)
        connector = cast(Any, self._reactor).connectTCP(server.host, server.port, factory, self._options.timeout)
        try:
            return await replied
        finally:
            _end(replied)
            if connector.state == "connected":
                connector.transport.abortConnection()  # unlike loseConnection, done in the next turn of the reactor
            elif connector.state == "connecting":
                connector.stopConnecting()

    def _until_late(self) -> "Deferred[Reply]":
        replied: Deferred[Reply] = Deferred()
        replied.addTimeout(self._options.timeout, self._reactor)
        return replied


def _end(replied: "Deferred[Reply]") -> None:
    """Nobody waits any more; its timer goes with it."""
    if not replied.called:
        replied.addErrback(lambda _: None)
        replied.cancel()


def _fire(replied: "Deferred[Reply]", result: Reply | Failure) -> None:
    if not replied.called:
        replied.callback(result)


@implementer(IReadDescriptor)
class _Socket:
    """The UDP socket of one question. It is connected, so the system drops what comes from elsewhere.

    Twisted's own would say in the log, for each question, that it begins and ends.
    """

    def __init__(self, server: Address, question: Question, replied: "Deferred[Reply]") -> None:
        self.replied = replied
        self.unread: Malformed | None = None
        """What is wrong with a datagram that came and could not be read; the last one."""
        self._address = (server.host, server.port)
        self._question = question
        self._socket: socket.socket

    def open(self) -> None:
        """Ask; raises `OSError`, and has to be closed then too."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.connect(self._address)
        self._socket.send(self._question.octets())

    @property
    def is_open(self) -> bool:
        """Whether it has to be closed."""
        return hasattr(self, "_socket")

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def fileno(self) -> int:
        """As `IFileDescriptor`."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """As `ILoggingContext`."""
        return "names"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends, or cannot read it."""
        _fire(self.replied, Failure(OSError(0, reason.getErrorMessage())))

    def doRead(self) -> None:
        """Take the reply. What is none is left aside: the right one may still come."""
        try:
            reply = reply_to(self._question, self._socket.recv(LARGEST_DATAGRAM))
        except Malformed as error:
            self.unread = error
            return
        except BlockingIOError:
            return
        except OSError as error:  # nobody listens there, for example
            _fire(self.replied, Failure(error))
            return
        if reply is not None:
            _fire(self.replied, reply)


class _Stream(Int16StringReceiver):
    """One question over TCP; each message has its length before it."""

    def __init__(self, question: Question, replied: "Deferred[Reply]") -> None:
        self._question = question
        self._replied = replied

    def connectionMade(self) -> None:
        """Ask."""
        self.sendString(self._question.octets())

    def stringReceived(self, string: bytes) -> None:
        """Take the first message; it must be the reply."""
        if self._replied.called:
            return
        try:
            reply = reply_to(self._question, string)
        except Malformed as error:
            _fire(self._replied, Failure(error))
            return
        if reply is None:
            _fire(self._replied, Failure(Malformed("the reply is to another question")))
        elif reply.is_truncated:  # perhaps with no record left; that must not pass for "there are none"
            _fire(self._replied, Failure(Malformed("the reply is truncated, over TCP too")))
        else:
            _fire(self._replied, reply)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The server closed it, perhaps without a reply."""
        _fire(self._replied, Failure(Malformed("the connection ended without a reply")))


class _Streams(ClientFactory):
    """The connection of one question."""

    noisy = False

    def __init__(self, question: Question, replied: "Deferred[Reply]") -> None:
        self._question = question
        self._replied = replied

    def buildProtocol(self, addr: IAddress | None) -> _Stream:
        """What speaks over the connection."""
        return _Stream(self._question, self._replied)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        """There is no connection."""
        _fire(self._replied, Failure(OSError(0, reason.getErrorMessage())))
