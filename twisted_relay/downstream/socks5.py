"""SOCKS5 towards one client (RFC 1928, RFC 1929): who it is, where it wants to go, and then a tunnel.

A client speaks in three messages at most, each within `header_timeout`; it may send them, and what its destination
shall get, without waiting for the answers. What it wants becomes an exchange with CONNECT, as if it had come by HTTP:
rules, guard, names, logs and metrics are the same. What it learns of a refusal is one octet.
"""

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_relay.auth.user import User
from twisted_relay.downstream.connection import ClientConnection
from twisted_relay.downstream.listener import Listener
from twisted_relay.errors import BadRequest, ClientAbort, NoRoute, RelayError, RequestTimeout, ShuttingDown
from twisted_relay.exchange import Exchange
from twisted_relay.guard.hosts import read_host
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer, Request, Response
from twisted_relay.http.proxied import connect_request
from twisted_relay.net.deadlines import NEVER
from twisted_relay.socks.codes import BadMessage, Method, NotSupported, Reply
from twisted_relay.socks.replies import reply_to
from twisted_relay.socks.server import (
    read_credentials,
    read_greeting,
    read_wish,
    write_method,
    write_reply,
    write_verdict,
)

MAX_EARLY = 65536
"""Octets for the destination that are read before there is a connection to it."""

Step = Callable[[], None]


@implementer(IHalfCloseableProtocol)
class SOCKS5Connection(ClientConnection):
    """A client's connection that speaks SOCKS5."""

    _log = Logger()

    def __init__(self, listener: Listener, origin: Origin) -> None:
        super().__init__(listener, origin)
        self._buffer = b""
        self._step: Step | None = self._greet  # reads the next message; None while somebody else is at work
        self._failure = b""  # what the client is told if the message does not come in time
        self._started = 0.0  # when the first octet of the message came
        self._user: User | None = None
        self._asking: Deferred[User] | None = None  # credentials that are being looked at
        self._exchange: Exchange | None = None
        self._told = 0  # octets that the client was sent before there was an exchange

    # -- Twisted's side -------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Octets from the client."""
        self._listener.counters.bytes_received += len(data)
        if self._ending:
            self._linger(len(data))
            return
        self._buffer += data
        self._go_on()
        if len(self._buffer) > MAX_EARLY:
            self._pause_input()

    def readConnectionLost(self) -> None:
        """The client will send no more. Whether it still wants to read is for the listener to say."""
        waits = self._step is None and not self._ending
        if waits and self._listener.options.half_close == "serve":
            return
        self._ending = True
        if waits:
            self._out.abortConnection()
        else:
            self._lose()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone, whoever ended it."""
        listener = self._listener
        listener.disconnected(self, self._origin.client)
        if self._handshaking:
            listener.counters.handshakes["failure"] += 1
        self._end()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.error = exchange.error or ClientAbort("the client left")
            exchange.code = exchange.error.status
            listener.counters.active_requests -= 1
            exchange.abandon()
            exchange.finish(listener.now())

    def resumeProducing(self) -> None:
        """The client has taken everything that was queued."""
        super().resumeProducing()
        if not self._ending:
            self._await_message()

    # -- messages -------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Read as many messages as the buffer holds."""
        if self._buffer and not self._started:
            self._started = self._listener.now()
            if self._step == self._greet:
                self._await_message()
        step = None
        try:
            while self._buffer and self._step is not None and self._step != step:
                step = self._step
                step()
        except (BadMessage, NotSupported) as error:
            self._refuse(error, error.answer)

    def _await_message(self) -> None:
        """Give the client its time for the message that is to come."""
        now, options = self._listener.now(), self._listener.options
        is_idle = self._step == self._greet and not self._started
        self.deadline = now + (options.idle_timeout if is_idle else options.header_timeout)
        if self._step is None:
            self.deadline = NEVER

    def _next(self, end: int, step: Step | None, failure: bytes = b"") -> None:
        """A message has been read up to `end`; `step` reads the next one."""
        self._buffer = self._buffer[end:]
        self._step, self._failure = step, failure
        self._started = self._listener.now() if self._buffer else 0.0
        self._await_message()

    def _greet(self) -> None:
        """Choose how the client is to say who it is."""
        greeting = read_greeting(self._buffer)
        if greeting is None:
            return
        door = self._listener.door
        wanted = Method.NONE if door is None else Method.PASSWORD
        if wanted in greeting.methods:
            self._tell(write_method(wanted))
            if door is None:
                self._next(greeting.end, self._take_wish, write_reply(Reply.FAILED))
            else:
                self._next(greeting.end, self._take_credentials, write_verdict(granted=False))
        elif door is None:
            none = write_method(Method.NOT_ACCEPTABLE)
            raise BadMessage("the client does not offer to say nothing of itself, and nobody asks here", none)
        else:
            self._ask(greeting.end, None, write_method(Method.NOT_ACCEPTABLE))

    def _tell(self, data: bytes) -> None:
        self._out.write(data)
        self._told += len(data)

    def _take_credentials(self) -> None:
        credentials = read_credentials(self._buffer)
        if credentials is not None:
            self._ask(credentials.end, credentials.octets, write_verdict(granted=False))

    def _take_wish(self) -> None:
        """Where the client wants to go: from here on it is an exchange like any other."""
        wish = read_wish(self._buffer)
        if wish is None:
            return
        started = self._started
        try:
            host = read_host(wish.host.removesuffix("."))
        except BadRequest as error:
            raise BadMessage(str(error), write_reply(Reply.FAILED)) from error
        self._next(wish.end, None)
        exchange = self._open(connect_request(host, wish.port), started)
        route = self._listener.router.find(exchange.request, self._origin.client)
        if route is None:
            self._answer(NoRoute("no route takes the request"))
            return
        exchange.route = route.destination.route
        route.destination.destination(exchange, self._answer)

    def _open(self, request: Request, started: float) -> Exchange:
        listener = self._listener
        exchange = Exchange(request, self._origin, started)
        exchange.listener = listener.name
        exchange.observers = listener.observers
        exchange.bytes_sent = self._told
        if self._user is not None:
            exchange.user, exchange.groups = self._user.name, self._user.groups
        self._exchange = exchange
        listener.counters.active_requests += 1
        return exchange

    # -- who it is ------------------------------------------------------------------------------------------------

    def _ask(self, end: int, message: bytes | None, failure: bytes) -> None:
        """Have credentials looked at, or none; `failure` is what the client is told if they are wrong."""
        door = self._listener.door
        assert door is not None
        started = self._started
        self._next(end, None, failure)
        self._started = started  # whoever is refused has begun here
        self._asking = asking = Deferred.fromCoroutine(door.admit(message, self._origin.client))
        asking.addCallbacks(self._admitted, self._not_admitted)
        asking.addErrback(self._failed)

    def _admitted(self, user: User) -> None:
        self._asking = None
        if self._ending:
            return
        self._user = user
        self._tell(write_verdict(granted=True))
        self._next(0, self._take_wish, write_reply(Reply.FAILED))
        self._go_on()

    def _not_admitted(self, failure: Failure) -> None:
        self._asking = None
        if failure.check(CancelledError) or self._ending:
            return
        error = failure.value
        if not isinstance(error, RelayError):
            self._log.failure("who a client is could not be found out", failure)
            error = RelayError("who the client is could not be found out")
        self._refuse(error, self._failure)

    def _failed(self, failure: Failure) -> None:
        """A fault of ours; without a password the reactor would end the connection."""
        self._log.failure("a connection failed in its protocol", failure)
        self._cut()

    # -- answers --------------------------------------------------------------------------------------------------

    def _answer(self, answer: Answer) -> None:
        """Tell the client what became of its wish; tie the tunnel."""
        exchange = self._exchange
        if exchange is None:
            return
        exchange.cancel = None
        if isinstance(answer, RelayError):
            self._refuse(answer, write_reply(reply_to(answer)))
            return
        exchange.response, exchange.code = answer, answer.status
        if answer.upgraded is None:
            self._turn_away(exchange, answer)
            return
        data = write_reply(Reply.SUCCEEDED) + answer.upgraded.early
        exchange.bytes_sent += len(data)
        self._out.write(data)
        early, self._buffer = self._buffer, b""
        self._exchange = None
        self._tie(exchange, answer.upgraded, early)

    def _turn_away(self, exchange: Exchange, response: Response) -> None:
        """An answer in HTTP, which nobody here can read."""
        if response.stream is not None:
            response.stream.cancel()
        self._close(exchange, write_reply(Reply.NOT_ALLOWED if response.status == 403 else Reply.FAILED))

    def _refuse(self, error: RelayError, data: bytes) -> None:
        """Log why, tell the client `data`, and close."""
        exchange = self._exchange
        if exchange is None:
            exchange = self._open(Request(b"", b"", Fields()), self._started or self._listener.now())
        exchange.error, exchange.code = error, error.status
        self._close(exchange, data)

    def _close(self, exchange: Exchange, data: bytes) -> None:
        listener = self._listener
        now = listener.now()
        self._exchange = None
        self._end()
        if data:
            self._out.write(data)
            exchange.bytes_sent += len(data)
        listener.counters.active_requests -= 1
        exchange.finish(now)
        self._close_lingering(now)

    def _end(self) -> None:
        """Read nothing more; nobody needs to know who the client is."""
        self._ending = True
        self._step = None
        self._buffer = b""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    # -- time and shutdown ----------------------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        """The deadline has passed: what it was for depends on where we are."""
        if self._ending:
            self._check_end(now)
        elif self._blocked:
            if self._has_progressed():
                self.deadline = now + self._listener.options.send_timeout
            else:
                self._cut()
        elif self._step is None:
            self.deadline = NEVER
        elif self._step == self._greet and not self._started:
            self._close_in_order(now)
        else:
            self._refuse(RequestTimeout("the request did not arrive in time"), self._failure)

    def drain(self) -> None:
        """Close now, unless a destination is being connected to."""
        if self._exchange is None and not self._ending and not self._tunnelled:
            self._end()
            self._say_goodbye()

    def abort(self) -> None:
        """End at once: the grace period is over."""
        if self._exchange is not None and self._exchange.error is None:
            self._exchange.error = ShuttingDown("the daemon stops")
        self._cut()
