"""Which ports clients of a forward proxy may reach with CONNECT: asked before rules, so that nothing is looked up for
what is refused anyway."""

from twisted_relay.config.tree import ListenerOptions
from twisted_relay.errors import PortRefused
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.message import Answered, Request
from twisted_relay.http.proxied import destination


class ConnectPorts:
    """The destination of all requests of one forward listener: tunnels to other ports end here."""

    def __init__(self, options: ListenerOptions, go: Destination) -> None:
        """`go` gets what is left."""
        self._options = options
        self._go = go

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """See `Destination`."""
        if exchange.request.method == b"CONNECT":
            try:
                check_port(exchange.request, self._options)
            except PortRefused as error:
                answered(error)
                return
        self._go(exchange, answered)


def check_port(request: Request, options: ListenerOptions) -> None:
    """Raise `PortRefused` for a tunnel to a port that is not among `connect_ports`."""
    if request.method == b"CONNECT":
        port = destination(request)[1]
        if not options.may_connect(port):
            raise PortRefused(f"CONNECT to port {port} is not among connect_ports")
