"""One server of a backend: its state, its weight, its share, and what was counted.

Who watches it says what was seen (`set_down`, `set_up`, `eject`, `restore`), who runs it what is wanted (`set_mode`,
`set_weight`); the state follows from both: maint before down before drain before ejected before up. The backend hears
of each change.
"""

from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Any

from twisted_relay.balancing.policy import FULL_SHARE
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.errors import ServerError
from twisted_relay.upstream.gradient import Gradient

UP, DOWN, DRAIN, MAINT, EJECTED = STATES = ("up", "down", "drain", "maint", "ejected")
READY = "ready"
MODES = (READY, DRAIN, MAINT)
"""What whoever runs a server may want of it: everything, no new clients, nothing."""
ERROR_REASONS = ("refused", "timeout", "total_timeout", "reset", "tls", "dns", "dns_timeout", "protocol")
PARENT_REASONS = ("parent", "parent_credentials", "parent_refused", "parent_timeout")
"""Further reasons, of the proxies of a parent."""
HISTORY = 50
"""Changes of state that are remembered, with their reasons."""


class ServerCounters:
    """Numbers that only grow."""

    __slots__ = (
        "broken",
        "bytes_received",
        "bytes_sent",
        "checks",
        "codes",
        "connections",
        "errors",
        "reuses",
        "state_changes",
    )

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        """Responses by status code."""
        self.connections = 0
        self.reuses = 0
        self.errors = dict.fromkeys(ERROR_REASONS, 0)
        self.broken = 0
        """Responses that ended in the middle; each is among the errors too."""
        self.bytes_received = 0
        self.bytes_sent = 0
        self.checks = {"success": 0, "failure": 0}
        self.state_changes = dict.fromkeys(STATES, 0)


class Server:
    """A member of a backend."""

    def __init__(self, spec: ServerSpec, options: BackendOptions, now: Callable[[], float]) -> None:
        self.spec = spec
        self.name = spec.name
        self.options = options
        self.weight = spec.weight
        """0 to 256; 0 takes nobody new, but clients that stick to it."""
        self.share = spec.weight * FULL_SHARE
        """The weight in hundredths; less while it is started slowly."""
        self.authority = authority_of(spec)
        """What Host says when the backend has `host = backend`."""
        self.state = UP
        self.reason = ""
        """Why it is in this state, in words; empty since the start."""
        self.since = now()
        self.history: deque[tuple[float, str, str]] = deque(maxlen=HISTORY)
        """(when, state, reason) of the last changes, oldest first."""
        self.mode = READY
        self.is_checking = False
        """It is down only because its first check has not decided yet."""
        self.active_requests = 0
        self.max_requests = _limit(spec, options)
        """Requests that it may have at once; 0: no limit."""
        self.adaptive_limit: int | None = None
        """The same, as found out while it runs; None: not looked for."""
        self.gradient: Gradient | None = None
        """What finds it out."""
        self.ramp = 1.0
        """The part of its share and limits that it gets: less than 1.0 while it is started slowly."""
        self.starts_slowly = False
        """The next time it comes up it is started slowly: it was down or in maint, or is new."""
        self.pool: Any = None
        """Its connections, a `Pool`: also after it has left its backend, for what was under way."""
        self.last_check_duration = 0.0
        """Seconds; 0.0 before the first check."""
        self.last_check = ""
        """What the last check found, in words: `good`, or what was wrong; empty before the first."""
        self.counters = ServerCounters()
        self.on_change: Callable[[Server, str], None] | None = None
        """Called with the server and the state before, after every change of state or weight."""
        self.on_good_check: Callable[[Server], None] | None = None
        """Called with the server after every good check."""
        self.on_load: Callable[[Any, int], None] | None = None
        self.on_answer: Callable[[Any, float], None] | None = None
        """See `Policy`: who chooses this server wants to know."""
        self._now = now
        self._is_down = False
        self._is_ejected = False

    def __deepcopy__(self, memo: object) -> "Server":
        """A copy of what refers to a server, such as a policy, refers to the same one: it is a thing in the world."""
        return self

    @property
    def is_usable(self) -> bool:
        """Whether new requests may be given to it."""
        return self.state == UP and self.weight > 0

    @property
    def takes_stuck(self) -> bool:
        """Whether clients that stick to it may stay: also while it drains or has weight 0."""
        return self.state in (UP, DRAIN)

    @property
    def has_room(self) -> bool:
        """Whether it may be given one more request now."""
        limit = self.limit
        return not limit or self.active_requests < limit

    @property
    def limit(self) -> int:
        """Requests that it may have at once now; 0: no limit."""
        limit = self.max_requests
        if self.adaptive_limit is not None and (not limit or self.adaptive_limit < limit):
            limit = self.adaptive_limit
        return ceil(limit * self.ramp) if self.ramp < 1.0 else limit

    def set_down(self, reason: str) -> None:
        """The check found it unhealthy."""
        was_checking, self.is_checking = self.is_checking, False
        self._is_down = True
        self._settle(reason)
        if was_checking and self.state == DOWN:
            self._enter(DOWN, reason)  # down as before, but now it is a verdict

    def set_up(self, reason: str) -> None:
        """The check found it healthy."""
        self.is_checking = False
        self._is_down = False
        self._settle(reason)

    def set_checking(self, reason: str) -> None:
        """Nothing is known of it: it gets no requests until a check says that it is up, but they may wait for it."""
        before = self.state
        self._is_down = self.is_checking = True
        self._settle(reason)
        if before == self.state and self.on_change is not None:
            self.on_change(self, before)  # that it is expected is news

    def eject(self, reason: str) -> None:
        """It failed live requests: no traffic for a while."""
        self._is_ejected = True
        self._settle(reason)

    def restore(self, reason: str) -> None:
        """The time of its ejection is over."""
        self._is_ejected = False
        self._settle(reason)

    def set_mode(self, mode: str, reason: str) -> None:
        """What is wanted of it: `ready`, `drain` or `maint`."""
        assert mode in MODES
        if mode == self.mode:
            return
        self.mode = mode
        before = self.state
        self._settle(reason)
        if self.state == before:
            self.history.append((self._now(), before, f"mode {mode}: {reason}"))

    def set_weight(self, weight: int, reason: str) -> None:
        """Give it another weight, 0 to 256; the history says why."""
        if weight == self.weight:
            return
        self.weight = weight
        self.set_ramp(self.ramp)
        self.history.append((self._now(), self.state, f"weight {weight}: {reason}"))
        if self.on_change is not None:
            self.on_change(self, self.state)

    def set_ramp(self, part: float) -> None:
        """Give it this part of its share and limits, above 0.0 and up to 1.0; who sets it tells the backend."""
        self.ramp = part
        self.share = ceil(self.weight * FULL_SHARE * part - 1e-6)  # 0.55 of 400 is 220

    def count_error(self, error: ServerError) -> None:
        """A connection or a response failed."""
        self.counters.errors[error.reason] = self.counters.errors.get(error.reason, 0) + 1

    def count_response(self, code: int) -> None:
        """A response head arrived."""
        codes = self.counters.codes
        codes[code] = codes.get(code, 0) + 1

    def _settle(self, reason: str) -> None:
        """Enter the state that follows from what was seen and what is wanted."""
        if self.mode == MAINT:
            state = MAINT
        elif self._is_down:
            state = DOWN
        elif self.mode == DRAIN:
            state = DRAIN
        else:
            state = EJECTED if self._is_ejected else UP
        if state != self.state:
            self.counters.state_changes[state] += 1
            self._enter(state, reason)

    def _enter(self, state: str, reason: str) -> None:
        before, self.state, self.reason, self.since = self.state, state, reason, self._now()
        self.history.append((self.since, state, reason))
        if self.on_change is not None:
            self.on_change(self, before)


def _limit(spec: ServerSpec, options: BackendOptions) -> int:
    """The lower of the limits on connections and on requests: with HTTP/1.1 a request takes a whole connection."""
    connections = options.max_connections_per_server if spec.max_connections is None else spec.max_connections
    requests = options.max_requests_per_server if spec.max_requests is None else spec.max_requests
    return min((limit for limit in (connections, requests) if limit), default=0)


def authority_of(spec: ServerSpec) -> bytes:
    """host[:port] of a server as a Host field says it; `localhost` for a UNIX socket."""
    if not isinstance(spec.address, Address):
        return b"localhost"
    host = spec.host or (f"[{spec.address.host}]" if ":" in spec.address.host else spec.address.host)
    default = 443 if spec.scheme == "https" else 80
    return (host if spec.address.port == default else f"{host}:{spec.address.port}").encode("ascii")
