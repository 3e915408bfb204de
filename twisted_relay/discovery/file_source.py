"""Servers from a file that is looked at again and again.

A look is one `stat`; only a file that has changed is read, at most 1 MiB of it. Both block, which for a small file of
a local disk is shorter than handing it to a thread; a file on a share that may hang is the wrong place for it.
"""

import os
from dataclasses import dataclass

from twisted_relay.config.addresses import parse_url
from twisted_relay.config.parents import parse_parent_url
from twisted_relay.config.server_file import fault_lines, read_server_file
from twisted_relay.config.values import DiscoverSpec, ServerSpec
from twisted_relay.config.words import BadValue
from twisted_relay.discovery.answer import Answer, LookFailed, limited


@dataclass(frozen=True, slots=True)
class _Stamp:
    """By what a change of the file is noticed: also one that is renamed into place, or is as long as before."""

    modified: int
    size: int
    inode: int
    device: int


class FileSource:
    """`file:PATH`: the servers that its lines name."""

    def __init__(self, spec: DiscoverSpec) -> None:
        self._spec = spec
        self._stamp: _Stamp | None = None
        self._result: Answer | LookFailed | None = None

    async def look(self) -> Answer:
        """The servers now; raises `LookFailed`, in the same words as long as the file stays as it is."""
        try:
            found = os.stat(self._spec.name)
        except (OSError, ValueError) as error:
            self._stamp = None
            reason = getattr(error, "strerror", None) or str(error)
            raise LookFailed("unreadable", f"{self._spec.name}: {reason}") from None
        stamp = _Stamp(found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
        if stamp != self._stamp or self._result is None:
            self._stamp, self._result = stamp, self._read()
        if isinstance(self._result, LookFailed):
            raise LookFailed(self._result.reason, str(self._result))
        return self._result

    def _read(self) -> Answer | LookFailed:
        try:
            servers: tuple[ServerSpec, ...] = read_server_file(
                self._spec.name, parse_parent_url if self._spec.proxies else parse_url
            )
        except BadValue as bad:
            return LookFailed("invalid", "; ".join(fault_lines(bad)))
        if not servers:
            return LookFailed("empty", f"{self._spec.name} has no server in it")
        return limited(self._spec, servers, self._spec.every, ())
