"""What a listener needs to know of a route: where it leads and what it allows. Made when the file is loaded."""

from collections.abc import Callable
from dataclasses import dataclass

from twisted_relay.exchange import Destination


def itself(destination: Destination) -> Destination:
    """No filters."""
    return destination


@dataclass(frozen=True, slots=True)
class Plan:
    """How requests that took a route are served."""

    route: str
    """The route's name; empty for the listener's own backend."""
    destination: Destination
    max_body: int = 0
    """Octets of request content; 0: no limit."""
    upgrades: frozenset[bytes] | None = frozenset()
    """Lower-case protocols that a client may upgrade to; None: any."""
    backend: str = ""
    """The name of the backend that it leads to; empty where relay answers itself."""
    own: Destination | None = None
    """The destination without the filters, where it is one of our own answers: for trying out what they do."""
    around: Callable[[Destination], Destination] = itself
    """The route's filters around another destination than its own: for trying out what they do."""

    leads_out: bool = False
    """It leads to where the client says: the listener is a forward proxy."""

    def allows_upgrade(self, protocols: bytes) -> bool:
        """Whether a client may upgrade to what its Upgrade field says."""
        if not self.upgrades:
            return self.upgrades is None
        wanted = {item.strip(b" \t").partition(b"/")[0] for item in protocols.lower().split(b",")}
        return bool(wanted) and wanted <= self.upgrades
