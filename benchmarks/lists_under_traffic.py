"""What swaps of a large list do to the traffic of a running daemon: `lists.py --traffic` calls this.

relay runs as a forward proxy, a process of its own asks it at a steady rate, and two lists are swapped in turn: one is
a file that changes, the other is fetched over https. Before each swap there is as long a time without one; both are of
the same run, so what else the machine does is in both.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import trustme
from measure import cpu_seconds, disturbance, machine_now
from origins import web_origin
from processes import StartFailed, free_port, running

HERE = Path(__file__).parent
RELAY = """\
[listener:proxy]
bind = 127.0.0.1:{proxy}
mode = forward
allow_destination = 127.0.0.0/8
rules = egress
max_requests = 0

[rules:egress]
rule =
    deny list from_file from_url
    allow all

[list:from_file]
file = {folder}/list
reload = 1s

[list:from_url]
url = https://localhost:{server}/list
tls_ca = {folder}/ca.pem
reload = 2s

[relay]
state_dir = {folder}

[admin]
stats = 127.0.0.1:{stats}
"""
QUIET = 5.0
"""Seconds without a swap before each, at least."""
WITHIN = 120.0
CONNECTIONS = 4
GOAL = 0.020


@dataclass
class Kind:
    """One list, and when it was swapped or left alone."""

    title: str
    list: str
    path: Path
    swapping: list[tuple[float, float]] = field(default_factory=list)
    quiet: list[tuple[float, float]] = field(default_factory=list)
    memory: list["Memory"] = field(default_factory=list)
    waited: tuple[float, float] = (0.0, 0.0)
    """Seconds in which relay was ready to run and had no core: without, and with swaps."""


@contextmanager
def program(*command: object, output: Path) -> Iterator[subprocess.Popen[str]]:
    """One that ends with its input."""
    with output.open("w") as errors:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def swaps_so_far(stats: int, name: str) -> int:
    """How often a list was taken into use."""
    with urlopen(f"http://127.0.0.1:{stats}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    found = re.search(rf'relay_list_updates_total{{list="{name}",result="success"}} (\d+)', text)
    return int(found[1]) if found else 0


@dataclass(frozen=True)
class Memory:
    """What a process has, in MB: the lists are mapped as a whole, and resident as far as somebody has looked."""

    resident: float
    mapped: float

    def __str__(self) -> str:
        return f"{self.resident:.1f} MB resident, {self.mapped:.1f} MB of lists mapped"


def memory(pid: int) -> Memory:
    """What it has now."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]
    mapped = 0
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if "/memfd:relay-list" in line:
            start, end = (int(number, 16) for number in line.partition(" ")[0].split("-"))
            mapped += end - start
    return Memory(resident / 1e6, mapped / 1e6)


def waited(pid: int) -> float:
    """Seconds in which a process was ready to run and had no core; see sched-stats in the kernel's documents."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def wait_for_swaps(stats: int, name: str, count: int) -> None:
    """Wait until a list has been taken into use so often."""
    end = time.monotonic() + WITHIN
    while swaps_so_far(stats, name) < count:
        if time.monotonic() > end:
            raise StartFailed(f"{name} was not swapped within {WITHIN:.0f} s")
        time.sleep(0.25)


def swap(kind: Kind, base: Path, number: int, place: tuple[int, int]) -> None:
    """Leave the list alone for a while, then change it, and wait until it is in use. `place`: pid and admin's port."""
    pid, stats = place
    new = kind.path.with_suffix(".new")
    shutil.copyfile(base, new)
    with new.open("a") as file:
        file.write(f"swap{number}.example\n")
    before = swaps_so_far(stats, kind.list)
    started, waits = time.monotonic(), [waited(pid)]
    took = kind.swapping[-1][1] - kind.swapping[-1][0] if kind.swapping else 0.0
    time.sleep(max(QUIET, took))
    changed = time.monotonic()
    kind.quiet.append((started, changed))
    waits.append(waited(pid))
    new.rename(kind.path)
    wait_for_swaps(stats, kind.list, before + 1)
    kind.swapping.append((changed, time.monotonic()))
    waits.append(waited(pid))
    kind.waited = (kind.waited[0] + waits[1] - waits[0], kind.waited[1] + waits[2] - waits[1])


def percentiles(latencies: Sequence[float]) -> tuple[float, float, float]:
    """The median, the 99th percentile and the worst."""
    found = sorted(latencies)
    return found[len(found) // 2], found[len(found) * 99 // 100], found[-1]


def within(seen: Sequence[tuple[float, float]], times: Sequence[tuple[float, float]]) -> list[float]:
    """The latencies of the requests that were due at these times."""
    return [late for due, late in seen if any(start <= due < end for start, end in times)]


def _length(times: Sequence[tuple[float, float]]) -> float:
    return sum(end - start for start, end in times)


def report(kinds: Sequence[Kind], seen: Sequence[tuple[float, float]]) -> bool:
    """Print it; whether the goal is reached."""
    reached = True
    for kind in kinds:
        parts = (("without", kind.quiet, kind.waited[0]), ("with", kind.swapping, kind.waited[1]))
        rows = [(title, within(seen, times), lost / _length(times)) for title, times, lost in parts]
        print(f"\n{kind.title}: {len(kind.swapping)} swaps, {_length(kind.swapping):.0f} s of them")
        for title, latencies, lost in rows:
            half, most, worst = percentiles(latencies)
            print(
                f"  {title:<8}{len(latencies):>7} requests  p50 {half * 1e3:6.2f}  p99 {most * 1e3:6.2f}  "
                f"max {worst * 1e3:6.2f} ms  relay waited for a core {lost:.1%} of the time"
            )
        added = percentiles(rows[1][1])[1] - percentiles(rows[0][1])[1]
        reached &= added < GOAL
        print(f"  added at p99: {added * 1e3:.2f} ms (goal: under {GOAL * 1e3:.0f})")
        print(f"  after the first swap {kind.memory[0]}\n  after the last one   {kind.memory[-1]}")
    return reached


def run(base: Path, folder: Path, count: int, rate: float) -> bool:
    """Swap each list so often under traffic; whether the goal is reached. `base` has the names."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    kinds = [Kind("a file", "from_file", folder / "list"), Kind("a URL", "from_url", folder / "served")]
    for kind in kinds:
        shutil.copyfile(base, kind.path)
    with ExitStack() as stack:
        serving = (sys.executable, HERE / "list_server.py", kinds[1].path, folder / "cert.pem", folder / "key.pem")
        server = stack.enter_context(program(*serving, output=folder / "server.log"))
        assert server.stdout is not None
        places = {"server": int(server.stdout.readline()), "proxy": free_port(), "stats": free_port()}
        (folder / "relay.ini").write_text(RELAY.format(**places, folder=folder))
        origin = stack.enter_context(web_origin(folder, 0))
        command = [str(Path(sys.executable).with_name("twistd")), *["-n", "--pidfile=", "relay", "--config"]]
        started = running([*command, str(folder / "relay.ini")], places["stats"], folder / "relay.log", path="/metrics")
        pid = stack.enter_context(started)
        for kind in kinds:
            wait_for_swaps(places["stats"], kind.list, 1)
        asking = (sys.executable, HERE / "steady.py", places["proxy"], f"http://127.0.0.1:{origin}/hello", rate)
        client = stack.enter_context(program(*asking, CONNECTIONS, output=folder / "client.log"))
        time.sleep(2)
        before, spent = machine_now(), cpu_seconds(pid)
        for number in range(1, count + 1):
            for kind in kinds:
                swap(kind, base, number, (pid, places["stats"]))
                kind.memory.append(memory(pid))
            print(f"swap {number}: {kinds[-1].memory[-1]}", flush=True)
        told, _ = client.communicate("")
        print(
            f"\n{disturbance(before, machine_now())}; relay, with reading the lists, {cpu_seconds(pid) - spent:.1f} s"
        )
        return report(kinds, json.loads(told))
