"""What was fetched, on disk: the content of a URL as it was last good, and by what the server knows it again.

Small writes to a local file system do not keep the reactor waiting for longer than anything else does; they are not
forced to the disk, because what is lost in a crash is fetched again.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

_LARGEST_NOTE = 16384


@dataclass(frozen=True, slots=True)
class Validators:
    """How the server knows again what it sent (RFC 9110 §8.8): values of ETag and Last-Modified, "" without one."""

    etag: str = ""
    modified: str = ""


class Kept:
    """The files of one list in the directory for what is kept: its content, a note on it, and what has just come."""

    def __init__(self, directory: str, name: str, url: str) -> None:
        self.path = os.path.join(directory, f"list-{name}.txt")
        """The content that was good."""
        self.new = f"{self.path}.new"
        """What has come and is not yet known to be good."""
        self._note = f"{self.path}.json"
        self._url = url

    def open(self) -> BinaryIO:
        """A file for new content; raises `OSError`."""
        return open(self.new, "wb")

    def validators(self) -> Validators | None:
        """Those of the content that is there; None if there is none of this URL, as it was left."""
        try:
            with open(self._note, "rb") as file:
                url, size, etag, modified = json.loads(file.read(_LARGEST_NOTE))
            if url == self._url and size == os.path.getsize(self.path):
                return Validators(str(etag), str(modified))
        except (OSError, ValueError, TypeError):
            pass
        return None

    def keep(self, validators: Validators) -> None:
        """The new content is good: it takes the place of the old; raises `OSError`."""
        note = json.dumps([self._url, os.path.getsize(self.new), validators.etag, validators.modified])
        with suppress(FileNotFoundError):
            os.unlink(self._note)  # there is never a note on other content than its own
        os.replace(self.new, self.path)
        with open(f"{self._note}.new", "w", encoding="utf-8") as file:
            file.write(note)
        os.replace(f"{self._note}.new", self._note)

    def drop(self) -> None:
        """The new content is no good."""
        with suppress(OSError):
            os.unlink(self.new)


def store_of(directory: str, name: str) -> str:
    """Where what was made of a list is kept; empty for nowhere."""
    return os.path.join(directory, f"list-{name}.sets") if directory else ""


def stamps(paths: Sequence[str]) -> tuple[object, ...]:
    """By what a change of files is noticed, also of one that is renamed into place; None for one that is not there."""
    return tuple(map(_stamp, paths))


def _stamp(path: str) -> object:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
