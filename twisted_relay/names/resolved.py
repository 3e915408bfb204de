"""Stands for the resolver where a name has been resolved and judged: nobody is asked again."""

from twisted_relay.names.resolver import Found, Resolver


class Resolved(Resolver):
    """Gives the same addresses whatever is asked for."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    def addresses(self, host: str, found: Found) -> None:
        """See `Resolver`."""
        found(self._addresses)

    def failure(self, host: str) -> str:
        """See `Resolver`."""
        return ""
