"""Memory of a proxy while somebody reads slowly, or not at all. See README.md beside this file.

Four situations: 1 GB to a client that reads slowly, 1 GB to an origin that reads slowly, an origin that sends for ever
to a client that reads nothing, a client that sends for ever to an origin that reads nothing.
"""

import argparse
import http.client
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from measure import resident_bytes
from origins import stream_origin
from peers import Peer, Proxy, chosen, proxying, versions
from processes import StartFailed, raise_descriptor_limit, split_cores, stop_on_sigterm
from stream_origin import Pace

PIECE = bytes(256 * 1024)
SAMPLE_SECONDS = 0.25
SOCKET_SECONDS = 60.0
TOO_LATE = 3.0
"""A transfer may take this many times as long as its rate says."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to do: `size` bytes at `rate` bytes a second, or standing still for `seconds`."""

    port: int
    size: int
    rate: int
    seconds: float


@dataclass(slots=True)
class Memory:
    """RSS of a process tree, sampled in a thread of its own."""

    pid: int
    samples: list[tuple[float, int]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Sample until `over` is set."""
        began = time.monotonic()
        while True:
            self.samples.append((time.monotonic() - began, resident_bytes(self.pid)))
            if self.over.wait(SAMPLE_SECONDS):
                return

    def line(self, columns: int = 12) -> str:
        """Some of the samples, evenly spread over the time."""
        step = -(-len(self.samples) // columns)
        return "  ".join(f"{moment:.1f}s {size / 1e6:.1f}" for moment, size in self.samples[::step])


def slow_client(task: Task) -> int:
    """GET a large body and read it at the rate; the bytes read."""
    connection = http.client.HTTPConnection("127.0.0.1", task.port, timeout=SOCKET_SECONDS)
    try:
        connection.request("GET", f"/bytes/{task.size}")
        answer = connection.getresponse()
        return _read_slowly(answer, task)
    finally:
        connection.close()


def _read_slowly(answer: http.client.HTTPResponse, task: Task) -> int:
    pace = Pace(task.rate)
    buffer = bytearray(len(PIECE))
    deadline = time.monotonic() + TOO_LATE * task.size / task.rate
    while (size := answer.readinto(buffer)) and time.monotonic() < deadline:
        pace.passed(size)
    _demand(answer.status == 200 and pace.total == task.size, f"{answer.status}, {pace.total} of {task.size} bytes")
    return pace.total


def slow_origin(task: Task) -> int:
    """PUT a large body to an origin that reads at the rate; the bytes sent."""
    connection = http.client.HTTPConnection("127.0.0.1", task.port, timeout=SOCKET_SECONDS)
    try:
        connection.putrequest("PUT", f"/slow/{task.rate}")
        connection.putheader("Content-Length", str(task.size))
        connection.endheaders()
        deadline = time.monotonic() + TOO_LATE * task.size / task.rate
        sent = 0
        while sent < task.size and time.monotonic() < deadline:
            piece = PIECE[: task.size - sent]
            connection.send(piece)
            sent += len(piece)
        status = connection.getresponse().status
        _demand(status == 200 and sent == task.size, f"{status}, {sent} of {task.size} bytes")
        return sent
    finally:
        connection.close()


def deaf_client(task: Task) -> int:
    """GET a body without end and read nothing; the bytes that the origin could send."""
    before = _counters(task.port)["sent"]
    with socket.create_connection(("127.0.0.1", task.port), timeout=SOCKET_SECONDS) as client:
        client.sendall(b"GET /forever HTTP/1.1\r\nHost: bench\r\n\r\n")
        time.sleep(task.seconds)
        return _counters(task.port)["sent"] - before


def deaf_origin(task: Task) -> int:
    """PUT a body without end to an origin that reads nothing; the bytes that were taken from us."""
    sent = 0
    deadline = time.monotonic() + task.seconds
    with socket.create_connection(("127.0.0.1", task.port), timeout=SOCKET_SECONDS) as client:
        client.sendall(b"PUT /unread HTTP/1.1\r\nHost: bench\r\nContent-Length: 1000000000000\r\n\r\n")
        while (left := deadline - time.monotonic()) > 0:
            client.settimeout(left)
            try:
                sent += client.send(PIECE)
            except TimeoutError:
                break
    return sent


def _counters(port: int) -> dict[str, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOCKET_SECONDS)
    try:
        connection.request("GET", "/counters")
        counters: dict[str, int] = json.loads(connection.getresponse().read())
        return counters
    finally:
        connection.close()


def _demand(true: bool, otherwise: str) -> None:
    if not true:
        raise http.client.HTTPException(otherwise)


SITUATIONS: Mapping[str, Callable[[Task], int]] = {
    "slow-client": slow_client,
    "slow-origin": slow_origin,
    "deaf-client": deaf_client,
    "deaf-origin": deaf_origin,
}


def watch(peer: Peer, proxy: Proxy, situation: str, task: Task) -> None:
    """Run one situation and print what it did to the proxy's memory."""
    memory = Memory(proxy.pid)
    watcher = threading.Thread(target=memory.watch)
    watcher.start()
    try:
        passed = SITUATIONS[situation](task)
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"{peer.title}, {situation}: failed: {error!r}")
        return
    finally:
        memory.over.set()
        watcher.join()
    sizes = [size for _moment, size in memory.samples]
    growth = f"{sizes[0] / 1e6:.1f} MB before, {max(sizes) / 1e6:.1f} at most ({(max(sizes) - sizes[0]) / 1e6:+.1f})"
    print(f"{peer.title}, {situation}: {passed / 1e6:.1f} MB in {memory.samples[-1][0]:.0f} s; RSS {growth}")
    print(f"    RSS in MB over time: {memory.line()}", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="relay", help="comma-separated; default %(default)s")
    parser.add_argument("--situations", default=",".join(SITUATIONS), help="comma-separated; default %(default)s")
    parser.add_argument("--megabytes", type=int, default=1000, help="to the slow readers; default %(default)s")
    parser.add_argument("--rate", type=int, default=50, help="of the slow readers, MB/s; default %(default)s")
    parser.add_argument("--seconds", type=float, default=15.0, help="of the deaf readers; default %(default)s")
    options = parser.parse_args()
    unknown = [name for name in options.situations.split(",") if name not in SITUATIONS]
    if unknown:
        parser.error(f"unknown situation {', '.join(unknown)}; there are {', '.join(SITUATIONS)}")
    return options


def main() -> None:
    """Run the situations, each with a proxy that has just been started."""
    options = arguments()
    stop_on_sigterm()
    raise_descriptor_limit()
    cores = split_cores()
    peers = chosen(options.peers)
    found = versions(peers)
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name, stream_origin(Path(name)) as origin_port:
        directory = Path(name)
        directory.chmod(0o755)
        for peer in peers:
            if peer.name not in found:
                print(f"{peer.title}: not installed")
                continue
            for situation in options.situations.split(","):
                try:
                    with proxying(peer, origin_port, cores, directory) as proxy:
                        size, rate = options.megabytes * 1_000_000, options.rate * 1_000_000
                        watch(peer, proxy, situation, Task(proxy.port, size, rate, options.seconds))
                except StartFailed as error:
                    print(f"{peer.title}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
