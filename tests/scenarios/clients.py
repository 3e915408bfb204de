"""Clients of a scenario: curl as a program, and a socket for what no program would send."""

import contextlib
import json
import re
import socket
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict, cast

#: The test's own deadline, of the program and of every wait on a socket.
SECONDS = "30"
CURL = ("curl", "--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", SECONDS)


class Echo(TypedDict):
    """What `/echo` of the Node origin says about a request."""

    server: str
    method: str
    target: str
    version: str
    fields: dict[str, str]
    trailers: dict[str, str]
    length: int
    sha256: str


@dataclass(frozen=True)
class Fetched:
    """What curl did: its exit status, the content, and what it said."""

    status: int
    content: bytes
    errors: str

    @cached_property
    def echo(self) -> Echo:
        """The content, as the JSON that `/echo` answers with."""
        return cast(Echo, json.loads(self.content))


def curl(*arguments: str, content: bytes = b"") -> Fetched:
    """Run curl; `content` is its standard input."""
    done = subprocess.run([*CURL, *arguments], input=content, capture_output=True, check=False)
    return Fetched(done.returncode, done.stdout, done.stderr.decode())


def fields_of(message: bytes) -> dict[str, str]:
    """The fields of a head as it was received, names in lower case."""
    lines = message.partition(b"\r\n\r\n")[0].decode("latin-1")
    return {name.lower(): value for name, value in re.findall(r"^([^\s:]+): *(.*?)\r?$", lines, re.MULTILINE)}


def connect(port: int | str) -> socket.socket:
    """A connection to a port of 127.0.0.1."""
    return socket.create_connection(("127.0.0.1", int(port)), float(SECONDS))


def converse(port: int | str, *pieces: bytes) -> bytes:
    """Send octets, each piece by itself, and read until the other side ends or cuts the connection."""
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):  # it may have heard enough
            for piece in pieces:
                connection.sendall(piece)
        return read_to_end(connection)


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the end or a reset."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
    return received


def read_until(connection: socket.socket, word: bytes) -> bytes:
    """What comes, up to the first piece in which the word has appeared; the test fails if the end comes first."""
    received = b""
    while word not in received:
        data = connection.recv(65536)
        assert data, f"the connection ended before {word!r}: {received!r}"
        received += data
    return received
