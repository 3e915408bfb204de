"""The name servers of the system: those of `/etc/resolv.conf`, read again when the file has changed.

Source: resolv.conf(5). Search domains and options are not used: whoever asks us writes whole names.
"""

import os
from ipaddress import ip_address

from twisted_relay.config.values import Address

PATH = "/etc/resolv.conf"
MOST = 3
"""As many as the C library uses."""
LARGEST = 64 * 1024
NONE_WRITTEN: tuple[Address, ...] = (Address("127.0.0.1", 53),)
"""Who is asked when the file names nobody, or is not there."""


def parse_resolv_conf(text: str) -> tuple[Address, ...]:
    """The name servers in the text of the file, at least one; lines that are not understood are left aside."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver" and _is_address(words[1]):
            found.append(Address(words[1], 53))
    return tuple(found[:MOST]) or NONE_WRITTEN


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class ResolvConf:
    """The file. Reading it blocks, but it is small and local, and is read only when it has changed."""

    def __init__(self, path: str = PATH) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._servers = NONE_WRITTEN

    def servers(self) -> tuple[Address, ...]:
        """The name servers now; those of before while the file cannot be read."""
        try:
            found = os.stat(self._path)
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                with open(self._path, encoding="utf-8", errors="replace") as file:
                    self._servers = parse_resolv_conf(file.read(LARGEST))
                self._stamp = stamp
        except OSError:
            pass  # it is being replaced, or there is none
        return self._servers
