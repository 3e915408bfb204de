"""The usable servers of a policy, and those of them that an exchange has not met yet."""

from collections.abc import Iterator, Sequence

from twisted_relay.balancing.policy import Candidate


class Group:
    """The usable servers in file order. Candidates that are handed out later must still be in it: ask `places`."""

    __slots__ = ("places", "servers")

    def __init__(self) -> None:
        self.servers: Sequence[Candidate] = ()
        self.places: dict[Candidate, int] = {}
        """Where each stands in `servers`."""

    def become(self, usable: Sequence[Candidate]) -> None:
        """From now on it is these."""
        self.servers = list(usable)
        self.places = {server: place for place, server in enumerate(usable)}

    def others(self, met: set[Candidate], start: int) -> Iterator[Candidate]:
        """All that are not in `met`, from a place in file order on and around; each is put in `met`."""
        servers = self.servers
        for number in range(start, start + len(servers)):
            server = servers[number % len(servers)]
            if server not in met and server in self.places:
                met.add(server)
                yield server
