"""What was made of a list is kept on disk, so that the next start need not read a million lines again.

A store is one file: a line that says what it was made of, a line with the digest of all that follows, the report, and
the sets. It is used only if the files of the list, the code that reads them, and the octets of the store itself are
what they were; otherwise it is as if it were not there.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import idna

from twisted_relay.lists.reading import Report, Unusable, compile_list, report_as_json, report_of_json

_PIECE = 1 << 20


def compile_or_load(
    files: Sequence[str], format: str, most: int, store: str, write: Callable[[bytes], object]
) -> Report:
    """As `compile_list`, with the store at this path; raises `Unusable`."""
    try:
        made_of = _made_of(files, format, most)
        return _load(store, made_of, files, write)
    except (OSError, ValueError, Unusable):
        pass
    pieces: list[bytes] = []
    report = compile_list(files, format, most, pieces.append)
    for piece in pieces:
        write(piece)
    with suppress(OSError):
        if _made_of(files, format, most) == made_of:  # they may have changed while they were read
            _save(store, made_of, report, files, pieces)
    return report


def _made_of(files: Sequence[str], format: str, most: int) -> bytes:
    """A digest of everything that the sets depend on."""
    digest = sha256(json.dumps([format, most, len(files), sys.byteorder, idna.__version__]).encode())
    own = (str(path) for path in sorted(Path(__file__).parent.glob("*.py")))
    for path in (*own, *files):
        with open(path, "rb") as file:
            digest.update(b"%d\n" % os.fstat(file.fileno()).st_size)
            while piece := file.read(_PIECE):
                digest.update(piece)
    return digest.hexdigest().encode("ascii")


def _load(store: str, made_of: bytes, files: Sequence[str], write: Callable[[bytes], object]) -> Report:
    """Hand over what is in a store; raises `OSError`, `ValueError` or `Unusable` before anything was written."""
    with open(store, "rb") as file:
        if file.readline(_PIECE).rstrip() != made_of:
            raise ValueError("made of something else")
        digest, rest = file.readline(_PIECE).rstrip(), file.read()
    if sha256(rest).hexdigest().encode("ascii") != digest:
        raise ValueError("not as it was left")
    line, _, sets = rest.partition(b"\n")
    report = report_of_json(line)
    now = dict(zip(json.loads(sets[report.size :]), files, strict=True))
    report.read.first_bad = [replace(bad, file=now.get(bad.file, bad.file)) for bad in report.read.first_bad]
    write(sets[: report.size])
    return report


def _save(store: str, made_of: bytes, report: Report, files: Sequence[str], pieces: Sequence[bytes]) -> None:
    """Put a store in the place of the old one; raises `OSError`."""
    parts = [report_as_json(report), b"\n", *pieces, json.dumps(list(files)).encode()]
    digest = sha256()
    for part in parts:
        digest.update(part)
    new = f"{store}.new"
    with open(new, "wb") as file:
        file.writelines([made_of, b"\n", digest.hexdigest().encode("ascii"), b"\n", *parts])
    os.replace(new, store)
