"""Starts programs on loopback, waits until they answer, and ends them: by their own pid, with all they have started.

Knows nothing of proxies or of what is measured.
"""

import http.client
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import Stat, process_tree, stat

START_SECONDS = 20.0
STOP_SECONDS = 5.0
WANTED_DESCRIPTORS = 65536


class StartFailed(Exception):
    """A program ended, or did not answer, before it could be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores the measured program gets, and which the origin and the load; None where there is only one."""

    measured: int | None
    others: frozenset[int]

    @property
    def prefix(self) -> tuple[str, ...]:
        """What goes in front of the command line of the measured program."""
        return () if self.measured is None else ("taskset", "-c", str(self.measured))


def split_cores() -> Cores:
    """Keep one core for the measured program and move this process, and so its children, to the others."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        return Cores(None, frozenset(available))
    others = frozenset(available[1:])
    os.sched_setaffinity(0, others)
    return Cores(available[0], others)


def raise_descriptor_limit() -> int:
    """Allow this process and its children as many open files as we may; how many those are."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in ((WANTED_DESCRIPTORS, max(hard, WANTED_DESCRIPTORS)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            break
        except (ValueError, PermissionError):
            continue
    return descriptors()


def descriptors() -> int:
    """How many open files this process and its children may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def stop_on_sigterm() -> None:
    """Let SIGTERM end this program as Ctrl-C does, so that its children are ended too."""

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    output: Path,
    environment: Mapping[str, str] | None = None,
    path: str = "/",
) -> Iterator[int]:
    """Run a server while the block runs: its pid, as soon as `GET` of the path on `port` answers 200."""
    with output.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parent.parent,
            env={**os.environ, **(environment or {})},
        )
    try:
        _wait_until_ready(process, (port, path), output)
        yield process.pid
    finally:
        _end(process)


def _wait_until_ready(process: subprocess.Popen[bytes], place: tuple[int, str], output: Path) -> None:
    port, path = place
    deadline = time.monotonic() + START_SECONDS
    reason = "nothing listens"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartFailed(f"exited with status {process.returncode}: {_last_lines(output)}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return
            reason = f"answers {answer.status} {answer.reason}"
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        finally:
            connection.close()
        time.sleep(0.05)
    raise StartFailed(f"not ready after {START_SECONDS:.0f} s: {reason}: {_last_lines(output)}")


def _last_lines(output: Path) -> str:
    lines = output.read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-5:]) or "no output"


def _end(process: subprocess.Popen[bytes]) -> None:
    tree = process_tree(process.pid) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for member in tree[1:]:
        _kill_if_alive(member)


def _kill_if_alive(member: Stat) -> None:
    now = stat(member.pid)
    if now is None or now.started != member.started:
        return
    try:
        os.kill(member.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
