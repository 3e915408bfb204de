"""Where requests of one forward listener go when there are parents: through one of them, or straight.

A parent resolves names, so of these nothing is judged here but what is known here: literals, names of this machine, and
addresses that the rules have asked for. What no reader of rules could take for an address never leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from twisted_relay.config.tree import ListenerOptions
from twisted_relay.errors import BadRequest, DestinationForbidden, NoServer, ParentFailed, ParentTimeout, RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.hosts import is_literal, read_host
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.http.proxied import destination
from twisted_relay.names.host import LOOPBACK, is_localhost
from twisted_relay.net.deadlines import NEVER
from twisted_relay.rules.ways import Ways
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.upstream.parent import Parent
from twisted_relay.upstream.retry import NOT_SENT, SAFE

USELESS = (NoServer, *NOT_SENT)
"""Why a request has not left through a parent: none of its proxies can be used."""
CONNECTED = (ParentFailed, ParentTimeout)
"""Of these, what follows when a proxy could be connected to: whatever it means by it, nobody goes round it."""


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a listener's requests may go on to: straight, or through parents, by name."""

    direct: Destination
    parents: Mapping[str, Parent]
    ways: Ways


class Through:
    """The destination of all requests of one forward listener that the rules let through. `guard` is the listener's."""

    def __init__(self, options: ListenerOptions, onward: Onward, guard: Guard) -> None:
        self._options = options
        self._onward = onward
        self._guard = guard
        self._destinations = {name: forward_to(parent) for name, parent in onward.parents.items()}

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """See `Destination`."""
        onward = self._onward
        host, port = destination(exchange.request)
        try:
            host = read_host(host)
        except BadRequest as error:
            answered(error)
            return
        name = exchange.parent = onward.ways.choose(exchange.parent, host, self._options.parent).parent
        if not name:
            onward.direct(exchange, answered)
            return
        try:
            check_known(self._guard, host, port, exchange.addresses)
        except DestinationForbidden as error:
            exchange.parent = ""  # nobody was asked
            answered(error)
            return
        parent = onward.parents[name]
        if exchange.request.method == b"CONNECT" or exchange.request.upgrade or parent.options.direct:
            answered = _Waiting(self, parent, exchange, answered).answered
        self._destinations[name](exchange, answered)

    def ended(self, exchange: Exchange, parent: Parent, answer: Answer, answered: Answered) -> None:
        """The parent has an answer: give it to the client, or go straight instead."""
        if isinstance(answer, Response):
            upgraded = answer.upgraded
            if upgraded is not None:
                options, now = self._options, parent.now()
                upgraded.idle_timeout = options.tunnel_idle_timeout
                upgraded.ends_at = now + options.tunnel_max_age if options.tunnel_max_age else NEVER
        elif parent.options.direct and isinstance(answer, USELESS) and _may_go_round(answer, exchange):
            exchange.parent = exchange.backend = ""
            parent.bypassed += 1
            self._onward.direct(exchange, answered)
            return
        answered(answer)


class _Waiting:
    """A request on its way through a parent whose answer does not simply go to the client."""

    __slots__ = ("_answered", "_exchange", "_parent", "_through")

    def __init__(self, through: Through, parent: Parent, exchange: Exchange, answered: Answered) -> None:
        self._through = through
        self._parent = parent
        self._exchange = exchange
        self._answered = answered

    def answered(self, answer: Answer) -> None:
        """See `Answered`."""
        self._through.ended(self._exchange, self._parent, answer, self._answered)


def _may_go_round(error: RelayError, exchange: Exchange) -> bool:
    """Whether no proxy has answered, and nothing of the request has been sent, or sending it again does no harm."""
    if any(not isinstance(each, NOT_SENT) or isinstance(each, CONNECTED) for each in exchange.dropped):
        return False  # another proxy was asked before this one
    if isinstance(error, CONNECTED):
        return False
    request = exchange.request
    return not exchange.sent or (request.method in SAFE and request.stream is None)


def check_known(guard: Guard, host: str, port: int, addresses: tuple[str, ...] | None) -> None:
    """Judge what is known of a host that a parent resolves; raises `DestinationForbidden`."""
    if is_literal(host):
        addresses = (host,)
    elif is_localhost(host):
        addresses = LOOPBACK
    guard.check(host, port, addresses or ())
