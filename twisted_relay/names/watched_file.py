"""A small text file of the system that may change: looked at often, read only when it has changed."""

import os


class WatchedFile:
    """The file. Reading it blocks, so it should be small and local; what is beyond `largest` octets is not read."""

    def __init__(self, path: str, largest: int) -> None:
        self.path = path
        self._largest = largest
        self._stamp: tuple[int, int, int] | None = None
        self.is_cut = False
        """Whether it was larger than that when it was last read."""

    def news(self) -> str | None:
        """Its whole lines, if it has changed since they were last asked for; None also while it cannot be read."""
        try:
            found = os.stat(self.path)
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return None
            with open(self.path, "rb") as file:
                octets = file.read(self._largest + 1)
        except OSError:  # it is being replaced, or there is none
            return None
        self._stamp = stamp
        self.is_cut = len(octets) > self._largest
        if self.is_cut:
            octets = octets[: octets.rfind(b"\n", 0, self._largest) + 1]
        return octets.decode("utf-8", "replace")
