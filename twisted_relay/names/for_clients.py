"""Names that clients ask for: no client may have so many looked up at one time that the others get none."""

from twisted_relay.names.resolver import Found, Resolver
from twisted_relay.networks import network_of

TOO_MANY = "client"
"""Why there is nothing for who asks for too much; a word beside `reply.FAILURES`."""


class ForClients(Resolver):
    """A resolver, asked on behalf of clients. Of IPv6 a /64 is one client; those of UNIX sockets have no limit.

    What counts is a look-up that is under way, also when the client that began it is gone: it takes a place until then.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._most = resolver.options.max_lookups_per_client
        self._client = ""
        self._is_refusing = False
        self._waiting: dict[str, int] = {}

    def on_behalf_of(self, client: str) -> None:
        """See `Resolver`."""
        self._client = client

    def failure(self, host: str) -> str:
        """See `Resolver`; `TOO_MANY` while somebody is told so."""
        return TOO_MANY if self._is_refusing else self._resolver.failure(host)

    def addresses(self, host: str, found: Found) -> None:
        """See `Resolver`; gives nothing to who has too many under way already."""
        if not self._client or not self._most:
            self._resolver.addresses(host, found)
            return
        client, waiting = network_of(self._client), self._waiting
        if waiting.get(client, 0) >= self._most and not self._resolver.knows(host):
            self._resolver.lookups["client"] += 1
            self._is_refusing = True
            try:
                found(())
            finally:
                self._is_refusing = False
            return

        def ended(addresses: tuple[str, ...]) -> None:
            waiting[client] -= 1
            if not waiting[client]:
                del waiting[client]
            found(addresses)

        waiting[client] = waiting.get(client, 0) + 1
        self._resolver.addresses(host, ended)
