"""Our errors as the exceptions that users of Twisted's agents catch. The error of ours is the `__cause__`."""

from collections.abc import Callable, Mapping

from twisted.internet.error import (
    ConnectError,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    SSLError,
    TimeoutError,
)
from twisted.python.failure import Failure
from twisted.web._newclient import ResponseNeverReceived  # Twisted documents it but exports it nowhere else
from twisted.web.client import ResponseFailed
from twisted.web.iweb import IResponse

from twisted_relay.errors import (
    ConnectFailed,
    ConnectionReset,
    ConnectRefused,
    ConnectTimeout,
    EmptyResponse,
    IncompleteResponse,
    NameNotResolved,
    NoServer,
    QueueFull,
    QueueTimeout,
    RelayError,
    ResponseTimeout,
    TLSFailed,
    TotalTimeout,
)

Make = Callable[[str], Exception]

_NOT_SENT: dict[type[RelayError], Make] = {
    ConnectFailed: lambda text: ConnectError(string=text),
    ConnectRefused: lambda text: ConnectionRefusedError(string=text),
    ConnectTimeout: lambda text: TimeoutError(string=text),
    NameNotResolved: DNSLookupError,
    NoServer: lambda text: ConnectError(string=text),
    QueueFull: lambda text: ConnectError(string=text),
    QueueTimeout: lambda text: TimeoutError(string=text),
}
"""Nothing of the request was sent: the exception is what Twisted's own connecting would have raised."""

_REASONS: dict[type[RelayError], Make] = {
    TLSFailed: lambda text: SSLError(string=text),
    ConnectionReset: ConnectionLost,
    EmptyResponse: ConnectionLost,
    IncompleteResponse: ConnectionLost,
    ResponseTimeout: lambda text: TimeoutError(string=text),
    TotalTimeout: lambda text: TimeoutError(string=text),
}
"""What stands in `reasons` of a `ResponseFailed`; other errors stand there themselves."""


def no_response(error: RelayError) -> Exception:
    """What a request fails with that got no response."""
    make = _nearest(_NOT_SENT, error)
    exception = ResponseNeverReceived([_reason(error)]) if make is None else make(str(error))
    exception.__cause__ = error
    return exception


def incomplete_response(error: RelayError, response: IResponse) -> Failure:
    """What a body ends with that is not complete."""
    return Failure(ResponseFailed([_reason(error)], response))


def _nearest(makers: Mapping[type[RelayError], Make], error: RelayError) -> Make | None:
    """What the table has for the error's own type, or else for the nearest one above."""
    return next((makers[kind] for kind in type(error).__mro__ if kind in makers), None)


def _reason(error: RelayError) -> Failure:
    make = _nearest(_REASONS, error)
    if make is None:
        return Failure(error)
    exception = make(str(error))
    exception.__cause__ = error
    return Failure(exception)
