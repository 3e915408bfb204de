"""What the tests of rules share: rules from their lines, and wishes of clients."""

from collections.abc import Mapping

from tests.config.reading import parse
from twisted_relay.config.rules import RULES
from twisted_relay.config.tree import RulesOptions
from twisted_relay.rules import Asked, Listed, Rules


def rules_of(*lines: str, timezone: str = "UTC", lists: Mapping[str, Listed] | None = None) -> Rules:
    """Rules that stand in relay.ini from line 1 on."""
    return Rules(RulesOptions(rule=parse(RULES, "\n".join(lines)), timezone=timezone), lists or {})


def connect(host: str, port: int = 443) -> Asked:
    """A tunnel that a client in the network 10.1.0.0/16 wants."""
    return Asked(client="10.1.2.3", host=host, port=port, method="CONNECT")


def get(url: str, host: str = "a.example") -> Asked:
    """A URL that the same client wants."""
    return Asked(client="10.1.2.3", host=host, port=80, method="GET", url=url)


class Names:
    """A list of a few names, or addresses."""

    def __init__(self, *names: str, has_networks: bool = False) -> None:
        self.names = names
        self.has_networks = has_networks
        self.hits = 0

    def takes(self, host: str, name: str) -> bool:
        """See `Listed`."""
        return host in self.names

    def hit(self) -> None:
        """See `Listed`."""
        self.hits += 1

    def entry(self, host: str, name: str) -> str | None:
        """See `Listed`."""
        return host if host in self.names else None
