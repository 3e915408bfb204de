"""An exchange: one request and its response, from the first byte to the outcome (RFC 9110 §3.9).

It carries what was learned on the way, and finishes exactly once, whatever happened; then its observers read it.
Times are seconds of one monotonic clock, 0.0 where a phase was not reached.
"""

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from twisted_relay.errors import RelayError
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer, Answered, Request, Response
from twisted_relay.http.stream import Toll
from twisted_relay.peek.look import Look

_log = Logger()

Observer = Callable[["Exchange"], None]
"""Called once, when an exchange is finished."""

Destination = Callable[["Exchange", Answered], None]
"""Where a route leads: answers the exchange, now or later, exactly once."""

Informational = Callable[[Response], None]
"""Takes a 1xx response other than 101 on its way to the client."""


class Exchange:
    """One request on its way. Made by whoever received the request; finished by the same."""

    __slots__ = (
        "accounted",
        "addresses",
        "authority",
        "backend",
        "bytes_received",
        "bytes_sent",
        "cancel",
        "code",
        "dropped",
        "error",
        "finished",
        "first_byte",
        "groups",
        "host_choice",
        "informational",
        "listener",
        "look",
        "observers",
        "origin",
        "parent",
        "request",
        "request_id",
        "request_line",
        "response",
        "route",
        "rule",
        "sent",
        "server",
        "sni",
        "started",
        "stuck",
        "tolls",
        "tries",
        "user",
    )

    def __init__(self, request: Request, origin: Origin, started: float) -> None:
        self.request = request
        self.origin = origin
        self.started = started
        """When the first byte of the request arrived."""
        self.request_line = (request.method, request.target)
        """Method and target as received; the target of `request` may be rewritten."""
        self.request_id = b""
        """X-Request-Id as the server sees it; empty when the request was refused before."""
        self.listener = ""
        self.route = ""
        self.backend = ""
        self.server = ""
        """Name of the server that answered or was tried last."""
        self.rule = ""
        """The rule of a forward proxy that decided, with its place; empty where there are none."""
        self.parent = ""
        """The parent through which it goes, as the rule says at first and as it is then; empty: straight."""
        self.addresses: tuple[str, ...] | None = None
        """The only addresses of the destination that may be dialled; None if the rules did not ask for them."""
        self.sni = ""
        """The name that the TLS hello in a tunnel asks for, in normal form; empty if nobody looked, or for none."""
        self.look: Look | None = None
        """Looks at what the client sends first through its tunnel; None if nobody does. Whoever makes the tunnel takes
        it."""
        self.stuck = ""
        """Name of the server to which the client sticks by a cookie; empty if to none."""
        self.user = ""
        """Name of the user who has proved to be it; empty if nobody has."""
        self.groups: frozenset[str] = frozenset()
        """The groups of that user."""
        self.host_choice = ""
        """What the route says of Host: `preserve`, `backend`, a name, or nothing."""
        self.authority = b""
        """What Host said to the server."""
        self.tries = 0
        """How often the request was given to a server."""
        self.dropped: tuple[Answer, ...] = ()
        """What came of the tries after which another server was asked."""
        self.sent = 0.0
        """When the request was written to the server that answered."""
        self.first_byte = 0.0
        """When the head of the response was complete."""
        self.finished = 0.0
        self.response: Response | None = None
        self.error: RelayError | None = None
        self.code = 0
        """The status code that the client got; 499 when it left before."""
        self.bytes_received = 0
        """Octets of request content."""
        self.bytes_sent = 0
        """Octets written to the client, heads and framing included."""
        self.accounted = 0
        """Octets of both that accounting has counted already, of a tunnel that lasts."""
        self.tolls: tuple[Toll, Toll] | None = None
        """What a tunnel has to pay for its octets, from the client and to it; None if its pace is free."""
        self.cancel: Callable[[], None] | None = None
        """Stops whoever works on the exchange now; set by it, called when the client is gone."""
        self.informational: Informational | None = None
        self.observers: Sequence[Observer] = ()

    def finish(self, now: float) -> None:
        """The exchange is over: tell the observers. Later calls do nothing."""
        if self.finished:
            return
        self.finished = now
        self.cancel = None
        for observe in self.observers:
            try:
                observe(self)
            except Exception:
                _log.failure("an observer of exchanges failed")  # who only looks must not stop the traffic

    def abandon(self) -> None:
        """Stop whoever works on the exchange: nobody waits for the answer any more."""
        cancel, self.cancel = self.cancel, None
        if cancel is not None:
            cancel()
