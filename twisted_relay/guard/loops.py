"""What operators name is trusted wherever it is, but one thing would never end: a parent that is relay itself."""

from collections.abc import Sequence
from socket import AF_INET, AF_INET6, inet_pton

from twisted_relay.errors import ConnectFailed
from twisted_relay.guard.ourselves import Ourselves


class NotOurselves:
    """Judges where a parent is: anywhere, but not at a listener of this daemon."""

    def __init__(self, ourselves: Ourselves) -> None:
        self._ourselves = ourselves

    def check(self, host: str, port: int, addresses: Sequence[str]) -> None:
        """Raise `ConnectFailed` if any of these addresses is where relay itself listens."""
        for address in addresses:
            packed = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
            if self._ourselves.listen_at(packed, port):
                raise ConnectFailed(f"{host} port {port} is a listener of relay itself, by {address}")
