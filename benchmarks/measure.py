"""What a process tree costs: CPU time and memory, from `/proc`.

Knows nothing of proxies. Linux only. See proc(5) for the fields of `/proc/PID/stat`.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of `/proc/PID/stat` we use; `cpu_ticks` includes children that have ended."""

    pid: int
    parent: int
    cpu_ticks: int
    started: int


def stat(pid: int) -> Stat | None:
    """What the kernel says of one process, or None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return Stat(pid, int(fields[1]), sum(int(ticks) for ticks in fields[11:15]), int(fields[19]))


def process_tree(root: int) -> list[Stat]:
    """A process and everything below it, the process first."""
    everyone = [found for entry in os.listdir("/proc") if entry.isdigit() and (found := stat(int(entry)))]
    tree = [found for found in everyone if found.pid == root]
    for member in tree:  # grows while we walk it
        tree.extend(found for found in everyone if found.parent == member.pid)
    return tree


def cpu_seconds(root: int) -> float:
    """User and system time that a process tree has used so far."""
    return sum(member.cpu_ticks for member in process_tree(root)) / TICKS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Machine:
    """Time of the whole machine so far, in core seconds: spent by all, withheld by the hypervisor, and by ourselves."""

    busy: float
    stolen: float
    ours: float
    clock: float


def machine_now() -> Machine:
    """Read the machine's counters, and those of this process with its children."""
    with open("/proc/stat") as counters:
        user, nice, system, _idle, _wait, irq, softirq, stolen, *_guest = map(int, counters.readline().split()[1:])
    busy = user + nice + system + irq + softirq
    return Machine(busy / TICKS_PER_SECOND, stolen / TICKS_PER_SECOND, cpu_seconds(os.getpid()), time.monotonic())


def disturbance(before: Machine, after: Machine) -> str:
    """What others took from us between two readings, in words; a busy machine blurs all figures."""
    seconds = after.clock - before.clock
    others = max(0.0, (after.busy - before.busy) - (after.ours - before.ours))
    stolen = after.stolen - before.stolen
    return f"other programs used {others / seconds:.2f} cores, the hypervisor withheld {stolen / seconds:.2f}"


def resident_bytes(root: int) -> int:
    """Resident memory of a process tree; pages that its processes share count in each."""
    return sum(_resident(member.pid) for member in process_tree(root))


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
