"""Opening a connection to one server: its addresses, TLS, what a parent wants to hear, and one time limit over all.

A name may have several addresses; the next one is tried when the one before has failed or has not answered for
`STAGGER` seconds (RFC 8305), and the first that stands wins. With a guard the addresses are judged between the look-up
and the first try, and what has been judged is what is dialled: nobody is asked for them a second time.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import NoRouteError, TCPTimedOutError
from twisted.internet.error import TimeoutError as TimedOut
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IReactorTime
from twisted.internet.protocol import ClientFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from twisted_relay.config.values import Address, BindAddress, ServerSpec
from twisted_relay.errors import (
    BadRequest,
    CertificateRefused,
    ConnectFailed,
    ConnectRefused,
    ConnectTimeout,
    DestinationForbidden,
    NameTimeout,
    NetworkUnreachable,
    ParentTimeout,
    RelayError,
    ServerError,
    TLSFailed,
)
from twisted_relay.guard.hosts import is_literal, read_host
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.transport import Dialling, dial_tcp, dial_unix
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.unresolved import unresolved

STAGGER = 0.25
"""Seconds for which an address may keep the next one waiting."""

Dialled = Callable[[UpstreamConnection | RelayError], None]
Maker = Callable[[], UpstreamConnection]
Opener = Callable[[UpstreamConnection, Callable[[ServerError | None], None]], None]
"""Makes a connection to a parent one to the destination; calls back when that is done, or with why it cannot be."""


class Judge(Protocol):
    """Who says which addresses may be dialled."""

    def check(self, host: str, port: int, addresses: Sequence[str]) -> None:
        """Raise a `RelayError` if any of the addresses of a host may not be."""


class Dialler:
    """Opens connections to one server. `tls` is None for plain HTTP; `timeout` is seconds.

    `guard` judges where the server was named by a client; what the operator names needs none, unless it is a parent.
    Then a connection may also end with `DestinationForbidden`, or `BadRequest` for a host that is none.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        spec: ServerSpec,
        resolver: Resolver,
        tls: IOpenSSLClientConnectionCreator | None,
        timeout: float,
        guard: Judge | None = None,
    ) -> None:
        self.reactor = reactor
        self.spec = spec
        self.resolver = resolver
        self.tls = tls
        self.timeout = timeout
        self.guard = guard
        self.opening: Opener | None = None
        """What is done with a connection that stands, before it is one to the destination."""

    def dial(self, make: Maker, done: Dialled) -> "Dial":
        """Open a connection with a protocol that `make` makes; `done` is called once, unless cancelled."""
        dial = Dial(self, make, done)
        dial.start()
        return dial


class Dial:
    """One connection being opened."""

    def __init__(self, dialler: Dialler, make: Maker, done: Dialled) -> None:
        self._dialler = dialler
        self._make = make
        self._done: Dialled | None = done
        self._addresses: list[str] = []
        self._tries: list[_Attempt] = []
        self._error: ServerError | None = None
        self._is_resolved = False
        self._timer: Any = None
        self._stagger: Any = None
        self._is_opening = False  # the connection stands, and a parent is asked for the way on

    def start(self) -> None:
        """Find the addresses and try the first."""
        reactor = self._dialler.reactor
        self._timer = reactor.callLater(self._dialler.timeout or 86400.0, self._timed_out)
        address = self._dialler.spec.address
        if self._dialler.guard is not None:
            self._start_guarded(self._dialler.guard, address)
        elif isinstance(address, Address):
            self._dialler.resolver.addresses(address.host, self._resolved)
        else:
            self._resolved((address.path,))

    def _start_guarded(self, guard: Judge, address: BindAddress) -> None:
        """The same for a destination that a client has chosen."""
        if not isinstance(address, Address):
            self._finish(DestinationForbidden(f"{address} is a socket of this machine"))
            return
        try:
            host = read_host(address.host)
        except BadRequest as error:
            self._finish(error)
            return

        def judge(addresses: tuple[str, ...]) -> None:
            try:
                guard.check(host, address.port, addresses)
            except RelayError as error:
                self._finish(error)
            else:
                self._resolved(addresses)

        if is_literal(host):
            judge((host,))
        else:
            self._dialler.resolver.addresses(host, judge)

    @property
    def is_pending(self) -> bool:
        """Whether the outcome is still open."""
        return self._done is not None

    def cancel(self) -> None:
        """Nobody needs the connection any more."""
        self._done = None
        self._stop()

    def _resolved(self, addresses: tuple[str, ...]) -> None:
        if self._done is not None:
            self._is_resolved = True
            self._addresses = list(addresses)
            self._next()

    def _next(self) -> None:
        """Try the next address, if there is one; fail if nothing is left to hope for."""
        self._stagger = None
        if not self._addresses:
            if not any(attempt.running for attempt in self._tries):
                self._finish(self._error or self._unresolved())
            return
        attempt = _Attempt(self, self._make)
        self._tries.append(attempt)
        host = self._addresses.pop(0)
        if self._addresses:
            self._stagger = self._dialler.reactor.callLater(STAGGER, self._next)
        attempt.start(self._dialler, host)

    def _unresolved(self) -> RelayError:
        spec = self._dialler.spec
        host = spec.address.host if isinstance(spec.address, Address) else ""
        return unresolved(self._dialler.resolver, host, spec.name)

    def succeeded(self, connection: UpstreamConnection) -> None:
        """An attempt has a connection."""
        opening = self._dialler.opening
        if opening is None or self._done is None:
            self._finish(connection)
            return
        self._leave_others(connection)
        self._is_opening = True
        opening(connection, partial(self._opened, connection))

    def _opened(self, connection: UpstreamConnection, error: ServerError | None) -> None:
        """The parent has answered."""
        self._finish(connection if error is None else error)

    def _leave_others(self, connection: UpstreamConnection) -> None:
        """No other address is tried from now on."""
        if self._stagger is not None:
            self._stagger.cancel()
            self._stagger = None
        self._addresses = []
        others = [attempt for attempt in self._tries if attempt.connection is not connection]
        self._tries = [attempt for attempt in self._tries if attempt.connection is connection]
        for attempt in others:
            attempt.cancel()

    def failed(self, error: ServerError) -> None:
        """An attempt has failed; go on with the next address at once."""
        self._error = error
        if self._done is None:
            return
        if self._stagger is not None:
            self._stagger.cancel()
        self._next()

    def _timed_out(self) -> None:
        self._timer = None
        limit = f"within {self._dialler.timeout:g} s"
        if self._is_opening:
            self._finish(ParentTimeout(f"the parent did not open the way {limit}"))
            return
        error = ConnectTimeout if self._is_resolved else NameTimeout
        self._finish(error(f"no connection {limit}"))

    def _finish(self, result: UpstreamConnection | RelayError) -> None:
        done, self._done = self._done, None
        self._stop(keep=result)
        if done is not None:
            done(result)
        elif isinstance(result, UpstreamConnection):
            result.abort()

    def _stop(self, keep: object = None) -> None:
        for timer in (self._timer, self._stagger):
            if timer is not None:
                timer.cancel()
        self._timer = self._stagger = None
        self._addresses = []
        tries, self._tries = self._tries, []
        for attempt in tries:
            if attempt.connection is not keep or keep is None:
                attempt.cancel()


class _Attempt(ClientFactory):
    """One address being tried."""

    noisy = False

    def __init__(self, dial: Dial, make: Maker) -> None:
        self._dial = dial
        self._make = make
        self._dialling: Dialling | None = None
        self._secure = False
        self._where = ""
        self.running = True
        self.connection: UpstreamConnection | None = None

    def start(self, dialler: Dialler, host: str) -> None:
        """Begin to connect to an address or a UNIX socket's path."""
        factory: Any = self
        if dialler.tls is not None:
            self._secure = True
            factory = _TLSAttempt(dialler.tls, True, self, dialler.reactor)
        address = dialler.spec.address
        self._where = f"{host}:{address.port}" if isinstance(address, Address) else host
        try:
            if isinstance(address, Address):
                self._dialling = dial_tcp(dialler.reactor, host, address.port, factory, None)
            else:
                self._dialling = dial_unix(dialler.reactor, host, factory, None)
        except OSError as error:  # no descriptor is left
            self._end(ConnectFailed(str(error)))

    def buildProtocol(self, addr: object) -> UpstreamConnection:
        """The socket is connected."""
        connection = self.connection = self._make()
        connection.secure = self._secure
        connection.on_ready = self._ready
        connection.on_failure = self._lost
        return connection

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        """The socket could not be connected."""
        if reason.check(Refused):
            self._end(ConnectRefused(f"{self._where}: connection refused"))
        elif reason.check(TimedOut, TCPTimedOutError):
            self._end(ConnectTimeout(f"{self._where}: {reason.getErrorMessage()}"))
        elif reason.check(NoRouteError):
            self._end(NetworkUnreachable(f"{self._where}: {reason.getErrorMessage()}"))
        else:
            self._end(ConnectFailed(f"{self._where}: {reason.getErrorMessage()}"))

    def cancel(self) -> None:
        """Stop trying."""
        self.running = False
        if self.connection is not None:
            self.connection.on_ready = self.connection.on_failure = self.connection.current = None
            if self.connection.transport is not None and not self.connection.gone:
                self.connection.abort()
        elif self._dialling is not None:
            self._dialling.disconnect()

    def _ready(self) -> None:
        self.running = False
        assert self.connection is not None
        self._dial.succeeded(self.connection)

    def _lost(self, reason: Failure) -> None:
        """Connected, but lost before it was ready: only TLS can do that."""
        self._end(_tls_error(reason) if self._secure else ConnectFailed(reason.getErrorMessage()))

    def _end(self, error: ServerError) -> None:
        if self.running:
            self.running = False
            self._dial.failed(error)


def _tls_error(reason: Failure) -> TLSFailed:
    """Why a handshake failed."""
    error = reason.value
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        text = "; ".join(str(part[-1]) for part in error.args[0]) or "the handshake failed"
        return CertificateRefused(text) if "certificate verify failed" in text else TLSFailed(text)
    if isinstance(error, VerificationError):
        return CertificateRefused("the certificate is not for this name")
    return TLSFailed(f"the connection was lost during the handshake: {reason.getErrorMessage()}")


class _TLSAttempt(TLSMemoryBIOFactory):
    """TLS around an attempt."""

    noisy = False
