"""Twisted's client interface over a backend: the URI says what is asked for, the backend who answers it."""

import re
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from twisted_relay.errors import BadRequest, ClientAbort, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import TOKEN, Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer, Request
from twisted_relay.http.target import host_of, split_absolute
from twisted_relay.upstream.backend import Backend
from twisted_relay.web.failures import no_response
from twisted_relay.web.options import Setting, backend_options
from twisted_relay.web.response import AgentResponse, SentRequest
from twisted_relay.web.standalone import StandaloneBackend
from twisted_relay.web.traffic import Traffic
from twisted_relay.web.upload import Upload

_OURSELVES = Origin("", b"http", 0, b"")
_URI = re.compile(rb"(?i:https?)://[\x21\x22\x24-\x7e]*")
_NOT_SENT = frozenset(
    b"host content-length transfer-encoding connection keep-alive proxy-connection te trailer upgrade".split()
)
"""Fields that we say ourselves, or that belong to a connection that the caller does not see."""


@implementer(IAgent)
class BalancingAgent:
    """An agent whose requests go to the servers of one backend, whatever host their URIs name.

    It takes the servers and options of a `[backend]` section, as they are written there; `over` makes one for a
    `Backend` that somebody else runs. Nothing runs before the first request; `close` ends everything.
    """

    def __init__(self, reactor: IReactorTime, servers: str | Sequence[str], **options: Setting) -> None:
        """Raises `ConfigurationError`."""
        lines = servers.splitlines() if isinstance(servers, str) else servers
        owned = StandaloneBackend(reactor, backend_options("agent", lines, options))
        self._set_up(Traffic(owned.backend, owned))

    @classmethod
    def owning(cls, backend: StandaloneBackend) -> "BalancingAgent":
        """An agent for a backend that is its own: it starts and closes it."""
        made = cls.__new__(cls)
        made._set_up(Traffic(backend.backend, backend))
        return made

    @classmethod
    def over(cls, backend: Backend) -> "BalancingAgent":
        """An agent for a backend that others run, use and close."""
        made = cls.__new__(cls)
        made._set_up(Traffic(backend, None))
        return made

    def _set_up(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.backend = traffic.backend
        self.reactor = traffic.backend.reactor

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See `IAgent`. Path and query are sent as they are; a `Host` in `headers` takes the place of the URI's.

        Fails with a `ConnectError` when nothing was sent, a `ResponseNeverReceived` when no response came, a
        `RequestGenerationFailed` when `bodyProducer` failed. Raises `ValueError` for a method, URI or field that
        cannot be sent.
        """
        headers = headers or Headers()
        if b":" in uri and uri.partition(b":")[0].lower() not in (b"http", b"https"):
            return fail(Failure(SchemeNotSupported(f"not an http URI: {uri!r}")))
        exchange = Exchange(compose(method, uri, headers), _OURSELVES, self.backend.now())
        return _Call(self, exchange, SentRequest(method, uri, headers)).send(bodyProducer)

    def close(self) -> Deferred[None]:
        """End what is running, and the backend if it is our own; fires when no timer and no socket is left."""
        return self.traffic.close()


def compose(method: bytes, uri: bytes, headers: Headers) -> Request:
    """The request, without content. Raises `ValueError`."""
    if not TOKEN.fullmatch(method) or method == b"CONNECT":
        raise ValueError(f"Invalid method {method!r}")
    uri = uri.partition(b"#")[0]
    if not _URI.fullmatch(uri):
        raise ValueError(f"Invalid URI {uri!r}")
    pairs = [(name, value) for name, values in headers.getAllRawHeaders() for value in values]
    fields = Fields.of((name, value) for name, value in pairs if name.lower() not in _NOT_SENT)
    request = Request(method, b"", fields)
    try:
        authority, rest = split_absolute(uri)
        for name, value in pairs:
            if name.lower() == b"host":
                authority = value
        request.authority, request.host = authority, host_of(authority)
    except BadRequest as error:
        raise ValueError(f"Invalid URI or Host: {error}") from error
    request.target = rest if rest.startswith(b"/") else b"/" + rest
    request.path, _, request.query = request.target.partition(b"?")
    return request


class _Call:
    """One request of an agent."""

    def __init__(self, agent: BalancingAgent, exchange: Exchange, sent: SentRequest) -> None:
        self._agent = agent
        self._exchange = exchange
        self._sent = sent
        self._upload: Upload | None = None
        self._response: AgentResponse | None = None
        self._deferred: Deferred[Any] | None = Deferred(self._cancelled)

    def send(self, producer: IBodyProducer | None) -> Deferred[IResponse]:
        """Begin; the Deferred fires with the response when its head is there."""
        deferred = self._deferred
        assert deferred is not None
        if producer is not None:
            self._upload = Upload(producer, self._upload_failed)
            self._upload.start(self._exchange.request)
        if self._deferred is not None:
            self._agent.traffic.forward(self._exchange, self)
        return deferred

    def answered(self, answer: Answer) -> None:
        """See `Caller`."""
        if self._deferred is None:
            return
        if isinstance(answer, RelayError):
            self._fail(answer, Failure(no_response(answer)))
            return
        exchange = self._exchange
        exchange.response = answer
        exchange.code = answer.status
        deferred, self._deferred = self._deferred, None
        self._response = AgentResponse(answer, self._sent, self._agent.reactor, self._finish)
        deferred.callback(self._response)

    def cut(self, error: RelayError) -> None:
        """See `Caller`."""
        if self._response is not None:
            self._exchange.error = error
            self._response.fail(error)
        else:
            self._fail(error, Failure(no_response(error)))

    def _cancelled(self, deferred: object) -> None:
        self._fail(ClientAbort("cancelled"), Failure(CancelledError()))

    def _upload_failed(self, failure: Failure) -> None:
        error = ClientAbort("the producer of the content failed")
        if self._response is not None:
            self.cut(error)
        else:
            self._fail(error, failure)

    def _fail(self, error: RelayError, failure: Failure) -> None:
        """No response, and nobody works for one any more."""
        deferred, self._deferred = self._deferred, None
        if deferred is None:
            return
        self._exchange.error = error
        self._exchange.code = error.status
        self._exchange.abandon()
        self._finish()
        deferred.errback(failure)

    def _finish(self) -> None:
        if self._upload is not None:
            self._upload.cancel()
        self._exchange.finish(self._agent.backend.now())
