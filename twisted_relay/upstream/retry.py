"""Whether a failed try may be made again (RFC 9110 §9.2.2, RFC 9112 §9.3.1), and when: pure decisions.

What may be repeated follows from the request and the options alone. Whether there is a server for it, time and budget
is seen by who makes the try.
"""

from dataclasses import dataclass
from enum import Enum

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import RetryOn
from twisted_relay.errors import (
    ConnectFailed,
    ConnectionReset,
    ConnectTimeout,
    EmptyResponse,
    NameNotResolved,
    RelayError,
    ResponseTimeout,
    TLSFailed,
)
from twisted_relay.http.message import Request

SAFE = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE"))
"""Methods that only ask (RFC 9110 §9.2.1)."""
IDEMPOTENT = SAFE | {b"PUT", b"DELETE"}
"""Methods whose repetition means the same as doing it once (RFC 9110 §9.2.2)."""

NOT_SENT = (ConnectFailed, ConnectTimeout, NameNotResolved, TLSFailed)
"""Failures before anything of the request was sent: every request may be tried again."""

RETRY_REASONS = ("connect", "reset", "empty", "timeout", "status")
"""What a further try was made for."""


class Again(Enum):
    """What to do after a failed try."""

    NO = "no"
    FRESH = "fresh"
    """The same server over a new connection: an idle one was closed as we sent."""
    NEXT = "next"
    """Another server, or the same once more when there is no other."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How far an exchange is: `tries` made, the last of which failed.

    `reused`: its connection had served before, and no fresh one has been tried for this reason yet. `is_at_hand`: all
    of the content that was sent can be sent again.
    """

    tries: int
    reused: bool = False
    is_at_hand: bool = True


class Rules:
    """What a backend tries again."""

    __slots__ = ("_any", "_conditions", "_methods", "retries", "statuses")

    def __init__(self, retries: int, retry_on: RetryOn, methods: tuple[str, ...]) -> None:
        self.retries = retries
        self.statuses = frozenset(code for low, high in retry_on.statuses for code in range(low, high + 1))
        """Status codes after which a further try is made, if it is allowed and possible."""
        if not retries:
            self.statuses = frozenset()
        self._conditions = frozenset(retry_on.conditions)
        self._any = methods == ("any",)
        self._methods = _methods_of(methods)

    def after_error(self, error: RelayError, request: Request, tried: Tried) -> Again:
        """What to do after a try that brought no response. A `FRESH` one is not counted against `retries`."""
        if isinstance(error, NOT_SENT):
            return self._next(error, tried)
        if not tried.is_at_hand:
            return Again.NO
        if tried.reused and isinstance(error, ConnectionReset):
            if request.method in IDEMPOTENT or self.repeats(request.method):
                return Again.FRESH
            return Again.NO
        return self._next(error, tried) if self.repeats(request.method) else Again.NO

    def after_status(self, status: int, request: Request, tried: Tried) -> bool:
        """Whether a response with this status may be dropped for another try."""
        return (
            status in self.statuses
            and tried.tries <= self.retries
            and tried.is_at_hand
            and self.repeats(request.method)
        )

    def repeats(self, method: bytes) -> bool:
        """Whether a request with this method may be sent again although a server may have acted on it."""
        return self._any or method in self._methods

    def may_replay(self, method: bytes, *, reused: bool) -> bool:
        """Whether it can happen at all that such a request is sent a second time; `reused` is that of `Tried`."""
        repeats = self.repeats(method)
        return (self.retries > 0 and repeats) or (reused and (repeats or method in IDEMPOTENT))

    def _next(self, error: RelayError, tried: Tried) -> Again:
        again = tried.tries <= self.retries and condition_of(error) in self._conditions
        return Again.NEXT if again else Again.NO


def rules_of(options: BackendOptions) -> Rules:
    """What these options say of further tries."""
    return Rules(options.retries, options.retry_on, options.retry_methods)


def condition_of(error: RelayError) -> str:
    """The failure as `retry_on` names it; empty for what is never tried again, such as half a response."""
    if isinstance(error, NOT_SENT):
        return "connect"
    if isinstance(error, EmptyResponse):
        return "empty"
    if isinstance(error, ConnectionReset):
        return "reset"
    return "timeout" if isinstance(error, ResponseTimeout) else ""


def longest_wait(retry: int, base: float, most: float, *, is_elsewhere: bool) -> float:
    """The upper end of the random wait before the `retry`-th further try, counted from 1; seconds.

    Envoy's `(2^n - 1) · base` up to `most`, one step behind on a server that has not failed this request: the first
    such try is made at once.
    """
    steps = min(retry - is_elsewhere, 30)
    return min(most, base * (2.0**steps - 1))


def _methods_of(words: tuple[str, ...]) -> frozenset[bytes]:
    if words == ("safe",):
        return SAFE
    if words == ("idempotent",):
        return IDEMPOTENT
    return frozenset(word.encode("ascii") for word in words)


ONCE = Rules(0, RetryOn(), ("safe",))
"""No further tries."""
