"""What a forward proxy does with the rules: requests that they allow go on, the others are refused.

Most are decided by what the client said alone. Where the address of the destination decides, the name is resolved
here, and only the addresses that were allowed may be dialled afterwards: nobody resolves the name a second time.
"""

from collections.abc import Callable
from time import time
from typing import Any

from twisted_relay.errors import BadRequest, DeniedByRule, NameTimeout
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.guard.hosts import read_host
from twisted_relay.http.message import Answered, Request
from twisted_relay.http.proxied import authority_of, destination
from twisted_relay.rules import Asked, Rules, Ruling
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.unresolved import unresolved


class Permitted:
    """The destination of all requests of one forward listener that has rules."""

    def __init__(self, rules: Rules, go: Destination, surroundings: Surroundings, timeout: float) -> None:
        """`go` gets what is allowed; `timeout` is how many seconds a name may take to be resolved."""
        self.rules = rules
        self.surroundings = surroundings
        self.timeout = timeout
        self.wall: Callable[[], float] = time
        """The time of day in seconds since 1970."""
        self._go = go
        self._tells = rules.options.tell_rule

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """See `Destination`."""
        try:
            asked = asked_by(exchange)
        except BadRequest as error:
            answered(error)
            return
        ruling = self.rules.judge(asked, None, self.wall())
        if isinstance(ruling, Ruling):
            self.decide(ruling, exchange, answered)
        else:
            _Resolving(self, asked, exchange, answered).start()

    def decide(self, ruling: Ruling, exchange: Exchange, answered: Answered) -> None:
        """Let the exchange go on, or refuse it."""
        exchange.rule = ruling.label
        self.rules.count(ruling)
        if ruling.allowed:
            exchange.addresses = ruling.addresses
            exchange.parent = ruling.parent
            self._go(exchange, answered)
        else:
            answered(DeniedByRule(f"denied by {ruling.label}", ruling.place if self._tells else ""))


def asked_by(exchange: Exchange) -> Asked:
    """What rules see of an exchange; raises `BadRequest` for a host that is neither a name nor an address."""
    request = exchange.request
    host, port = destination(request)
    host = read_host(host)
    return Asked(
        client=exchange.origin.client,
        user=exchange.user,
        groups=exchange.groups,
        host=host,
        port=port,
        method=request.method.decode("ascii"),
        url="" if request.method == b"CONNECT" else _url(request, authority_of(host, port)),
    )


def _url(request: Request, authority: bytes) -> str:
    """The URL in normal form: as routes compare paths, and without the port that is meant anyway."""
    query = b"?" + request.query if b"?" in request.target else b""
    path = request.path if request.path != b"*" else b"/"
    return (b"http://" + authority + path + query).decode("ascii", "backslashreplace")


class _Resolving:
    """A request whose destination is being resolved. Ends with its answer, its time, or its client."""

    def __init__(self, permitted: Permitted, asked: Asked, exchange: Exchange, answered: Answered) -> None:
        self._permitted = permitted
        self._asked = asked
        self._exchange = exchange
        self._answered: Answered | None = answered
        self._timer: Any = None

    def start(self) -> None:
        """Ask for the addresses."""
        surroundings = self._permitted.surroundings
        self._exchange.cancel = self._cancel
        surroundings.resolver.on_behalf_of(self._exchange.origin.client)
        surroundings.resolver.addresses(self._asked.host, self._resolved)
        if self._answered is not None:
            self._timer = surroundings.reactor.callLater(self._permitted.timeout, self._timed_out)

    def _cancel(self) -> None:
        """The client is gone."""
        self._take()

    def _take(self) -> Answered | None:
        """Who waits for the answer, once."""
        answered, self._answered = self._answered, None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        return answered

    def _resolved(self, addresses: tuple[str, ...]) -> None:
        answered = self._take()
        if answered is None:
            return
        self._exchange.cancel = None
        if not addresses:
            answered(unresolved(self._permitted.surroundings.resolver, self._asked.host))
            return
        ruling = self._permitted.rules.judge(self._asked, addresses, self._permitted.wall())
        assert isinstance(ruling, Ruling)
        self._permitted.decide(ruling, self._exchange, answered)

    def _timed_out(self) -> None:
        answered = self._take()
        if answered is not None:
            self._exchange.cancel = None
            answered(NameTimeout(f"{self._asked.host} was not resolved in time"))
