"""Measures block lists: `python benchmarks/lists.py --names 1000000`.

How long a list of so many made-up names takes to load, also from what a start before has kept on disk, what it costs
in memory, what one look-up costs, and how late the event loop calls what is due while lists are swapped: lateness is
that of a timer that is due every millisecond, without swaps and with one after the other.
"""

import argparse
import gc
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import lists_under_traffic
from processes import stop_on_sigterm
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater, react

from twisted_relay.feeds.block_list import BlockList
from twisted_relay.feeds.compiling import Compiled, Compiler, Task, compile_now

ENDS = ("com", "net", "org", "info", "co.uk", "de", "io", "ru")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LOOKUPS = 100_000
TICK = 0.001
QUIET = 3.0
"""Seconds without swaps, to compare with."""


def names(count: int, seed: int = 1) -> Iterator[str]:
    """Names as lists have them: two to four labels."""
    draw = random.Random(seed)

    def label(least: int, most: int) -> str:
        return "".join(draw.choices(LETTERS, k=draw.randint(least, most)))

    for _ in range(count):
        yield ".".join([*(label(2, 8) for _ in range(draw.randint(0, 2))), label(5, 14), draw.choice(ENDS)])


def resident() -> float:
    """Memory of this process, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def take(into: BlockList, compiled: object) -> None:
    """The list is this."""
    assert isinstance(compiled, Compiled), compiled
    into.swap(compiled.listed, compiled.excepted)


def cost(block_list: BlockList, hosts: list[str]) -> float:
    """Microseconds of one look-up, of processor time: the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for host in hosts:
            block_list.takes(host)
        best = min(best, time.process_time() - started)
    return best / len(hosts) * 1e6


class Lateness:
    """How late a timer is called that is due every `TICK` seconds."""

    def __init__(self, reactor: Any) -> None:
        self._seen: list[float] = []
        self._reactor = reactor
        self._due = 0.0
        self._again()

    def _again(self) -> None:
        self._due = time.perf_counter() + TICK
        self._timer = self._reactor.callLater(TICK, self._tick)

    def _tick(self) -> None:
        self._seen.append(time.perf_counter() - self._due)
        self._again()

    def stop(self) -> str:
        """The median, the 99th percentile and the worst, in milliseconds."""
        self._timer.cancel()
        found = sorted(self._seen)
        parts = (found[len(found) // 2], found[len(found) * 99 // 100], found[-1])
        return "p50 {:.2f} ms, p99 {:.2f} ms, worst {:.2f} ms".format(*(part * 1000 for part in parts))


async def swaps(reactor: Any, block_list: BlockList, task: Task, count: int) -> None:
    """Load the list so many times, and say what that does to everything else."""
    hosts = list(names(500, seed=2))
    quiet = Lateness(reactor)
    await deferLater(reactor, QUIET)
    print(f"lateness without swaps: {quiet.stop()}")
    compiler = Compiler(reactor)
    busy, memory = Lateness(reactor), list[float]()
    for _ in range(count):
        take(block_list, await compiler.compile(task))
        for host in hosts:
            block_list.takes(host)
        memory.append(resident())
    print(f"lateness in {count} swaps: {busy.stop()}")
    print(f"memory after one swap {memory[0]:.1f} MiB, after {count} {memory[-1]:.1f} MiB")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description="Measures block lists.")
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument(
        "--traffic", action="store_true", help="swap lists of a running daemon that has traffic instead"
    )
    parser.add_argument(
        "--rate", type=float, default=300, help="with --traffic: requests per second, default %(default)s"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "names")
        path.write_text("\n".join(names(arguments.names)) + "\n")
        if arguments.traffic:
            stop_on_sigterm()
            os.chmod(folder, 0o755)
            sys.exit(0 if lists_under_traffic.run(path, Path(folder), arguments.swaps, arguments.rate) else 1)
        task = Task([str(path)], "auto", 1 << 30)
        block_list = BlockList("made-up")
        listed = random.Random(3).sample(list(names(arguments.names)), min(LOOKUPS, arguments.names))
        unlisted = [f"www.{name}" for name in names(LOOKUPS, seed=2)]
        gc.collect()
        before, started = resident(), time.perf_counter()
        take(block_list, compile_now([task])[0])
        print(f"{len(block_list)} names loaded in {time.perf_counter() - started:.2f} s")
        kept = replace(task, store=str(Path(folder, "names.sets")))
        for how in ("and kept on disk", "from there"):
            started = time.perf_counter()
            take(block_list, compile_now([kept])[0])
            print(f"the same {how} in {time.perf_counter() - started:.2f} s")
        for what, hosts in (("listed", listed), ("not listed", unlisted)):
            few = cost(block_list, hosts[:1000])
            print(
                f"look-up, {what}: {cost(block_list, hosts):.2f} µs, of the same thousand again and again {few:.2f} µs"
            )
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"memory: {resident() - before:.0f} MiB more; the process that reads had {child:.0f} MiB")
        react(lambda reactor: ensureDeferred(swaps(reactor, block_list, task, arguments.swaps)))


if __name__ == "__main__":
    main()
