"""Opens the files of lists, those too that are packed with gzip (RFC 1952), whatever they are called."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from typing import IO, cast

MAGIC = b"\x1f\x8b"
"""The first octets of what is packed; no text begins so."""


@contextmanager
def unpacked(path: str) -> Iterator[IO[bytes]]:
    """The content of a file, unpacked as it is read and no further; raises `OSError`, also for what cannot be."""
    try:
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                file.seek(0)
                yield file
                return
            file.seek(0)
            with GzipFile(fileobj=file) as inner:
                yield cast(IO[bytes], inner)
    except (EOFError, zlib.error) as error:
        raise OSError("it is packed with gzip, and broken or cut short") from error
