"""Thousands of tunnels at once, of which half are idle and half move data both ways. See README.md here.

For each proxy: its memory and descriptors before, with all tunnels idle, while half of them move data, behind that, and
when all are closed; CPU for each tunnel opened and for each GB. Every octet is compared, at both ends.
"""

import argparse
import multiprocessing
import os
import random
import selectors
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from forward import PROXIES, Run, installed, proxy, tunnel_through
from measure import cpu_seconds, disturbance, machine_now, process_tree, resident_bytes
from processes import StartFailed, raise_descriptor_limit, split_cores, stop_on_sigterm

PIECE = 1 << 16
LENGTH = 1 << 20
PATTERN = random.Random(5).randbytes(LENGTH)
TWICE = memoryview(PATTERN + PATTERN[:PIECE])
SILENCE = 60.0
"""Seconds in which nothing moves, after which it has failed."""
ORDER = 16
"""Octets with which a client says how much it sends, and how much it wants."""


@dataclass(eq=False)
class Flow:
    """One end of a tunnel: what it still sends, and what it still expects; the octets are always the same."""

    connection: socket.socket
    sending: int = 0
    expecting: int = 0
    sent: int = 0
    received: int = 0
    order: bytes = b""
    """At the server's end: what has come of it."""
    wrong: bool = False

    @property
    def is_done(self) -> bool:
        """Whether all was sent and all has come."""
        return self.sent == self.sending and self.received == self.expecting

    def send(self) -> None:
        """Send what the kernel takes."""
        while self.sent < self.sending:
            start = self.sent % LENGTH
            try:
                self.sent += self.connection.send(TWICE[start : start + min(PIECE, self.sending - self.sent)])
            except BlockingIOError:
                return

    def receive(self, buffer: memoryview) -> bool:
        """Take what has come; whether anything can still come."""
        try:
            size = self.connection.recv_into(buffer)
        except BlockingIOError:
            return True
        start = self.received % LENGTH
        self.wrong |= buffer[:size] != TWICE[start : start + size]
        self.received += size
        return size > 0


class Loop:
    """Moves many flows at once."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._buffer = memoryview(bytearray(PIECE))

    def move(self, flows: list[Flow]) -> str:
        """Until all are done; what went wrong, or nothing."""
        left = set(flows)
        for flow in flows:
            flow.connection.setblocking(False)
            self._selector.register(flow.connection, selectors.EVENT_READ | selectors.EVENT_WRITE, flow)
        while left:
            ready = self._selector.select(SILENCE)
            if not ready:
                return f"{len(left)} tunnels stand still"
            for key, mask in ready:
                flow: Flow = key.data
                if mask & selectors.EVENT_WRITE:
                    flow.send()
                    if flow.sent == flow.sending:
                        self._selector.modify(flow.connection, selectors.EVENT_READ, flow)
                if mask & selectors.EVENT_READ and not flow.receive(self._buffer):
                    return f"a tunnel has ended after {flow.received} octets"
                if flow.is_done:
                    left.discard(flow)
                    self._selector.unregister(flow.connection)
        return "wrong octets" if any(flow.wrong for flow in flows) else ""


def serve(listening: socket.socket) -> None:
    """The server behind: does what the first octets of each connection say, for as long as there are connections."""
    selector, buffer = selectors.DefaultSelector(), memoryview(bytearray(PIECE))
    listening.setblocking(False)
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, mask in selector.select():
            if key.fileobj is listening:
                connection, _ = listening.accept()
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ, Flow(connection))
            elif not _serve(key.data, mask, selector, buffer):
                selector.unregister(key.fileobj)
                key.data.connection.close()


def _serve(flow: Flow, mask: int, selector: selectors.BaseSelector, buffer: memoryview) -> bool:
    """Go on with one; whether it is still open."""
    try:
        if mask & selectors.EVENT_READ:
            if len(flow.order) < ORDER:
                octets = flow.connection.recv(ORDER - len(flow.order))
                flow.order += octets
                if len(flow.order) == ORDER:
                    flow.expecting = int.from_bytes(flow.order[:8])
                    flow.sending = int.from_bytes(flow.order[8:])
                    selector.modify(flow.connection, selectors.EVENT_READ | selectors.EVENT_WRITE, flow)
                return bool(octets)
            if not flow.receive(buffer) or flow.wrong:
                return False
        if mask & selectors.EVENT_WRITE:
            flow.send()
            if flow.sent == flow.sending:
                selector.modify(flow.connection, selectors.EVENT_READ, flow)
    except OSError:
        return False
    return True


@dataclass
class Sample:
    """Memory and descriptors of a proxy at one time."""

    memory: int
    descriptors: int


def sample(pid: int) -> Sample:
    """What it has now."""
    count = 0
    for member in process_tree(pid):
        try:
            count += len(os.listdir(f"/proc/{member.pid}/fd"))
        except OSError:
            continue
    return Sample(resident_bytes(pid), count)


@dataclass
class Watched:
    """The highest memory and most descriptors while the block runs."""

    pid: int
    samples: list[Sample] = field(default_factory=list)

    def __enter__(self) -> "Watched":
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.samples.append(sample(self.pid))

    @property
    def most(self) -> Sample:
        """Both."""
        return Sample(
            max((each.memory for each in self.samples), default=0),
            max((each.descriptors for each in self.samples), default=0),
        )


def measure(run: Run, tunnel: int, options: argparse.Namespace) -> str:
    """One proxy; a line of the table."""
    states = [sample(run.pid)]
    spent = cpu_seconds(run.pid)
    clients = [tunnel_through(run, tunnel) for _ in range(options.tunnels)]
    opening = (cpu_seconds(run.pid) - spent) / options.tunnels
    states.append(sample(run.pid))
    try:
        down, up = options.down * 1000, options.up * 1000
        active = clients[::2]
        for client in active:
            client.sendall(up.to_bytes(8) + down.to_bytes(8))
        spent, started = cpu_seconds(run.pid), time.monotonic()
        with Watched(run.pid) as watched:
            problem = Loop().move([Flow(client, sending=up, expecting=down) for client in active])
        moved, seconds = len(active) * (down + up), time.monotonic() - started
        per_gb = (cpu_seconds(run.pid) - spent) / moved * 1e9
        states += [watched.most, sample(run.pid)]
    finally:
        for client in clients:
            client.close()
    time.sleep(2)  # for the proxy to notice
    states.append(sample(run.pid))
    if problem:
        return f"{run.title:<22}failed: {problem}"
    cells = "".join(f"{each.memory / 1e6:>7.1f}/{each.descriptors:<5}" for each in states)
    return f"{run.title:<22}{cells}{opening * 1e6:>9.0f}{per_gb:>9.3f}{moved / seconds / 1e6:>8.0f}"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxies", default=",".join(PROXIES), help="default %(default)s")
    parser.add_argument("--tunnels", type=int, default=2000, help="at once, default %(default)s")
    parser.add_argument(
        "--down", type=int, default=2000, help="kB towards the client in each busy one, default %(default)s"
    )
    parser.add_argument("--up", type=int, default=500, help="kB the other way, default %(default)s")
    return parser.parse_args()


def main() -> None:
    """One proxy after the other, each freshly started."""
    options = arguments()
    stop_on_sigterm()
    raise_descriptor_limit()
    cores = split_cores()
    print(f"{options.tunnels} tunnels, half of them move {options.down} kB down and {options.up} kB up at once")
    heads = ("before", "all idle", "most", "moved", "closed")
    print(f"{'MB/descriptors':<22}" + "".join(f"{head:>10}   " for head in heads) + "µs/open  CPU s/GB   MB/s")
    before = machine_now()
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096))
        tunnel = listening.getsockname()[1]
        server = multiprocessing.get_context("fork").Process(target=serve, args=(listening,), daemon=True)
        server.start()
        stack.callback(server.kill)
        for name in filter(installed, options.proxies.split(",")):
            with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder:
                Path(folder).chmod(0o777)
                try:
                    with proxy(name, tunnel, cores, Path(folder)) as run:
                        print(measure(run, tunnel, options), flush=True)
                except (StartFailed, OSError) as error:
                    print(f"{name:<22}failed: {error}", file=sys.stderr)
    print(disturbance(before, machine_now()))


if __name__ == "__main__":
    main()
