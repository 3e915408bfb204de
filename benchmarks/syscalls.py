"""System calls of a proxy for one request in the steady state, counted by strace.

strace is attached while the load stands still, so that opening the connections does not count; the requests that pass
in between are those that the origin counted.
"""

import http.client
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from load import Aim, Shape, wrk_command
from measure import process_tree

ATTACH_SECONDS = 5.0
WARM_UP_SECONDS = 1.0
SETTLE_SECONDS = 0.2
LOAD_SECONDS = 60.0
"""How long wrk would run; it is ended before."""


class CountFailed(Exception):
    """There is no count; the text says why."""


@dataclass(slots=True)
class Calls:
    """Calls by name, filled in when the block of `traced` ends."""

    by_name: dict[str, int] = field(default_factory=dict)


def calls_per_request(proxy: int, aim: Aim, shape: Shape, origin_port: int) -> dict[str, float]:
    """System calls by name for one request of a shape, for a proxy by its pid. Raises CountFailed."""
    command = wrk_command(Aim(aim.port, LOAD_SECONDS, aim.body_bytes), shape)
    load = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(WARM_UP_SECONDS)
        _halt(load)
        before = _origin_requests(origin_port)
        with traced(proxy) as calls:
            load.send_signal(signal.SIGCONT)
            time.sleep(aim.seconds)
            _halt(load)
        requests = _origin_requests(origin_port) - before - 1  # the question itself is one
    finally:
        load.kill()
        load.wait()
    if requests <= 0 or not calls.by_name:
        raise CountFailed(f"{requests} requests, {len(calls.by_name)} kinds of system calls")
    return {name: count / requests for name, count in calls.by_name.items()}


def _halt(load: subprocess.Popen[bytes]) -> None:
    if load.poll() is not None:
        raise CountFailed("wrk has ended")
    load.send_signal(signal.SIGSTOP)
    time.sleep(SETTLE_SECONDS)  # what is under way ends


def _origin_requests(port: int) -> int:
    """All requests the origin has had, from the third number of nginx' stub_status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/requests")
        found = re.search(r"^ *\d+ +\d+ +(\d+) *$", connection.getresponse().read().decode(), re.M)
    except (OSError, http.client.HTTPException) as error:
        raise CountFailed(f"the origin does not say how many requests it had: {error!r}") from error
    finally:
        connection.close()
    if found is None:
        raise CountFailed("the origin's status has another form")
    return int(found[1])


@contextmanager
def traced(root: int) -> Iterator[Calls]:
    """Count the system calls of a process tree while the block runs (and slow it down much)."""
    targets = [option for member in process_tree(root) for option in ("-p", str(member.pid))]
    strace = subprocess.Popen(
        ["strace", "-c", "-f", "-q", *targets], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    calls = Calls()
    try:
        _wait_until_traced(root)
        yield calls
    finally:
        strace.send_signal(signal.SIGINT)
        try:
            table = strace.communicate(timeout=ATTACH_SECONDS)[1]
        except subprocess.TimeoutExpired:
            strace.kill()
            table = strace.communicate()[1]
    calls.by_name = parse(table)


def parse(table: str) -> dict[str, int]:
    """Calls by name from the table that `strace -c` prints."""
    row = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*$", re.M)
    return {name: int(count) for count, name in row.findall(table) if name != "total"}


def _wait_until_traced(pid: int) -> None:
    deadline = time.monotonic() + ATTACH_SECONDS
    while time.monotonic() < deadline:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError as error:
            raise CountFailed("the proxy has ended") from error
        if not re.search(r"^TracerPid:\s+0$", status, re.M):
            time.sleep(SETTLE_SECONDS)  # its threads and children follow
            return
        time.sleep(0.02)
    raise CountFailed(f"strace did not attach to process {pid}")
