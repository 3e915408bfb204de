"""Names that the system's `hosts` file knows, which no name server is asked for. Source: hosts(5)."""

from collections.abc import Mapping

from twisted.logger import Logger

from twisted_relay.names.host import LOOPBACK, is_address, is_localhost, normal
from twisted_relay.names.watched_file import WatchedFile

PATH = "/etc/hosts"
LARGEST = 1024 * 1024
"""Octets that are read of it: some 30,000 lines."""
LOOKED_AT_EVERY = 1.0
"""Seconds between two looks whether it has changed."""


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """The addresses by name, in the order of the lines; lines that are not understood are left aside."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if not is_address(address):
            continue
        for name in filter(None, map(normal, names)):
            before = found.get(name, ())
            if address not in before:
                found[name] = (*before, address)
    return found


class Hosts:
    """The file, read again when it has changed. An empty path: there is none."""

    _log = Logger(namespace="twisted_relay.names")

    def __init__(self, path: str = PATH) -> None:
        self._file = WatchedFile(path, LARGEST)
        self._known: Mapping[str, tuple[str, ...]] = {}
        self._looked_at = float("-inf")

    def addresses(self, name: str, now: float) -> tuple[str, ...]:
        """The addresses of a name in normal form; none if name servers have to be asked.

        `localhost` has some, whether the file is there or not.
        """
        if not 0 <= now - self._looked_at < LOOKED_AT_EVERY:
            self._looked_at = now
            self._look()
        found = self._known.get(name, ())
        return found or (LOOPBACK if is_localhost(name) else ())

    def _look(self) -> None:
        text = self._file.news() if self._file.path else None
        if text is None:
            return
        self._known = parse_hosts(text)
        if self._file.is_cut:
            what = "{path} is too large: what stands after its first {size} octets is not used"
            self._log.warn(what, path=self._file.path, size=LARGEST)
