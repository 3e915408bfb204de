"""The load: what is sent through a proxy for each shape, and how much of it got through.

A result with a text in `error` must not be compared with anything.
"""

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from origins import HELLO, json_answer

HERE = Path(__file__).parent
CONNECTIONS = 32
PIECE_BYTES = 256 * 1024
SOCKET_SECONDS = 30.0
SPARE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Load:
    """What got through: `units` requests or bytes in `seconds`; latencies in seconds, 0 where none are taken."""

    units: int
    seconds: float
    p50: float = 0.0
    p99: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """Where the load goes, for how long, and how large one body is."""

    port: int
    seconds: float
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of load. `scale` turns CPU seconds for one unit into the figure that is printed."""

    name: str
    title: str
    figure: str
    scale: float
    origin: str
    send: Callable[[Aim], Load]
    request_path: str = ""
    """For shapes made of small requests: where they go."""


def wrk_command(aim: Aim, shape: Shape) -> list[str]:
    """The command line that sends the requests of a shape."""
    options = [f"-c{CONNECTIONS}", "-t1", f"-d{max(1, round(aim.seconds))}s", "--timeout", "5s"]
    url = f"http://127.0.0.1:{aim.port}{shape.request_path}"
    return ["wrk", *options, "-s", str(HERE / "wrk.lua"), url, "--", shape.name]


def _wrk(aim: Aim, shape: Shape, answer_bytes: int) -> Load:
    command = wrk_command(aim, shape)
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=aim.seconds + SPARE_SECONDS, check=True)
        result: dict[str, int] = json.loads(ran.stdout.strip().splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as error:
        return Load(0, 0.0, error=f"wrk: {error}")
    errors = [f"{result[name]} {name}" for name in ("connect", "read", "write", "status", "timeout") if result[name]]
    if not result["requests"]:
        errors.append("no request was answered")
    if result["bytes"] < result["requests"] * answer_bytes:
        errors.append("answers shorter than the origin's")
    return Load(
        result["requests"],
        result["microseconds"] / 1e6,
        result["p50"] / 1e6,
        result["p99"] / 1e6,
        f"errors: {', '.join(errors)}" if errors else "",
    )


def _requests(name: str, expected: bytes) -> Callable[[Aim], Load]:
    def send(aim: Aim) -> Load:
        """Look at one answer, then send as many requests as go through."""
        shape = SHAPES[name]
        wrong = _wrong_answer(aim.port, shape.request_path, expected)
        return Load(0, 0.0, error=wrong) if wrong else _wrk(aim, shape, len(expected))

    return send


def _wrong_answer(port: int, path: str, expected: bytes) -> str:
    """Why the answer to one request is not the origin's, or ""."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"GET {path}: {error!r}"
    finally:
        connection.close()
    if answer.status != 200 or content != expected:
        return f"GET {path}: {answer.status}, {len(content)} bytes instead of {len(expected)}"
    return ""


def _transfers(transfer: Callable[[http.client.HTTPConnection, Aim], None]) -> Callable[[Aim], Load]:
    def send(aim: Aim) -> Load:
        """Repeat a transfer on one connection until the time is over, at least twice."""
        connection = http.client.HTTPConnection("127.0.0.1", aim.port, timeout=SOCKET_SECONDS, blocksize=PIECE_BYTES)
        began = time.monotonic()
        done = 0
        try:
            while done < 2 or time.monotonic() - began < aim.seconds:
                transfer(connection, aim)
                done += 1
                if done < 2 and time.monotonic() - began > aim.seconds + SPARE_SECONDS:
                    return Load(0, 0.0, error=f"one transfer took {time.monotonic() - began:.0f} s")
        except (OSError, http.client.HTTPException) as error:
            return Load(0, 0.0, error=f"transfer {done + 1}: {error!r}")
        finally:
            connection.close()
        return Load(done * aim.body_bytes, time.monotonic() - began)

    return send


def _download(connection: http.client.HTTPConnection, aim: Aim) -> None:
    connection.request("GET", "/body")
    answer = connection.getresponse()
    buffer = bytearray(PIECE_BYTES)
    received = 0
    while size := answer.readinto(buffer):
        received += size
    if answer.status != 200 or received != aim.body_bytes:
        raise http.client.HTTPException(f"{answer.status}, {received} bytes instead of {aim.body_bytes}")


def _upload(connection: http.client.HTTPConnection, aim: Aim) -> None:
    fields = {"Content-Length": str(aim.body_bytes), "Content-Type": "application/octet-stream"}
    connection.request("PUT", "/discard", body=_pieces(aim.body_bytes), headers=fields)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise http.client.HTTPException(f"the upload was answered with {answer.status}")


def _pieces(total: int) -> Iterator[bytes]:
    piece = bytes(PIECE_BYTES)
    for start in range(0, total, PIECE_BYTES):
        yield piece[: total - start]


_PER_REQUEST = "CPU µs/request"
_PER_GB = "CPU s/GB"

_ROWS = (
    Shape(
        "hello",
        "plain hello: one field, 14 bytes back",
        _PER_REQUEST,
        1e6,
        "web",
        _requests("hello", HELLO),
        "/hello",
    ),
    Shape(
        "browser",
        "browser-like request: 13 fields, 3.6 kB of JSON back",
        _PER_REQUEST,
        1e6,
        "web",
        _requests("browser", json_answer()),
        "/json",
    ),
    Shape("body", "large downloads, one at a time", _PER_GB, 1e9, "web", _transfers(_download)),
    Shape("upload", "large uploads, one at a time", _PER_GB, 1e9, "stream", _transfers(_upload)),
)

SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in _ROWS}
