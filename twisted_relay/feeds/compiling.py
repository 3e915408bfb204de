"""Has lists read by a process of their own (`lists.compile`), and takes what it made.

The process writes into memory that is a file without a name (memfd_create(2)); this process maps the same memory, so
nothing is parsed or copied here, nobody else can change it, and it is given back as a whole when the last look-up in it
is over.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

import twisted_relay
from twisted_relay.lists.name_set import NameSet
from twisted_relay.lists.reading import Read, Unusable, report_of_json

WITHIN = 300.0
"""Seconds after which a process that reads a list is ended."""
_MOST_OUTPUT = 65536
_PLACE = str(Path(twisted_relay.__file__).parent.parent)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A list that was read: what is in it, what is excepted, and what stood in its files."""

    listed: NameSet
    excepted: NameSet
    read: Read


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be read: files, their format, and the most octets of all of them."""

    files: Sequence[str]
    format: str
    most: int
    names: tuple[str, ...] = ()
    """The names of the files for people, where they differ."""
    store: str = ""
    """The path of what is kept of it from one start to the next; see `lists.store`."""

    def command(self, descriptor: int) -> list[str]:
        """The command line of the process."""
        module = ["-P", "-m", "twisted_relay.lists.compile"]
        return [sys.executable, *module, str(descriptor), self.store, self.format, str(self.most), *self.files]


def _environment() -> dict[str, str]:
    """Ours, and where this package is, so that the process has the same."""
    return {**os.environ, "PYTHONPATH": _PLACE}


def _compiled(task: Task, descriptor: int, output: bytes, status: int | None, errors: bytes) -> Compiled:
    """What the process made; raises `Unusable`."""
    if status not in (0, 1):
        last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        how = "was killed" if status is None else f"ended with status {status}"
        raise Unusable("internal", f"the process that reads the list {how}{last and ': ' + last}")
    report = report_of_json(output)
    named = dict(zip(task.files, task.names, strict=False))
    report.read.first_bad = [replace(bad, file=named.get(bad.file, bad.file)) for bad in report.read.first_bad]
    memory = mmap(descriptor, report.size, access=ACCESS_READ)
    files = task.names or tuple(task.files)
    return Compiled(NameSet(memory, report.listed, files), NameSet(memory, report.excepted, files), report.read)


def compile_now(tasks: Sequence[Task]) -> list[Compiled | Unusable]:
    """Read lists and wait for them: at the start, when there is nothing yet that could be kept waiting."""
    found: list[Compiled | Unusable] = []
    at_once = os.cpu_count() or 1
    for first in range(0, len(tasks), at_once):
        found += [started.result() for started in [_Started(task) for task in tasks[first : first + at_once]]]
    return found


class _Started:
    """A process that is waited for."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._descriptor = os.memfd_create("relay-list", os.MFD_CLOEXEC)
        self._process = subprocess.Popen(
            task.command(self._descriptor),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(self._descriptor,),
            env=_environment(),
        )

    def result(self) -> Compiled | Unusable:
        try:
            output, errors = self._process.communicate(timeout=WITHIN)
            return _compiled(self._task, self._descriptor, output, self._process.returncode, errors)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return Unusable("timeout", f"the list was not read within {WITHIN:g} s")
        except Unusable as error:
            return error.with_traceback(None)  # which would keep all lists of this start in memory
        finally:
            os.close(self._descriptor)


class Compiler:
    """Reads lists in the background, one after the other. `reactor` gives timers and `spawnProcess`."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._waiting: list[_Reading] = []
        self._running: _Reading | None = None

    def compile(self, task: Task) -> Deferred[Compiled]:
        """Read a list; fails with `Unusable`. Cancelling ends the process."""
        reading = _Reading(self, task)
        self._waiting.append(reading)
        self._next()
        return reading.done

    def ended(self, reading: "_Reading") -> None:
        """A reading is over, or not wanted any more."""
        if reading in self._waiting:
            self._waiting.remove(reading)
        if reading is self._running:
            self._running = None
            self._next()

    def _next(self) -> None:
        if self._running is None and self._waiting:
            self._running = self._waiting.pop(0)
            self._running.start(self._reactor)


class _Reading(ProcessProtocol):
    """One process that reads a list."""

    def __init__(self, compiler: Compiler, task: Task) -> None:
        self.done: Deferred[Compiled] = Deferred(self._cancel)
        self._compiler = compiler
        self._task = task
        self._descriptor = -1
        self._timer: Any = None
        self._output = b""
        self._errors = b""
        self._problem = Unusable("timeout", f"the list was not read within {WITHIN:g} s")
        self._is_late = False

    def start(self, reactor: Any) -> None:
        """Start the process."""
        try:
            descriptor = self._descriptor = os.memfd_create("relay-list", os.MFD_CLOEXEC)
            command = self._task.command(3)
            files = {1: "r", 2: "r", 3: descriptor}
            reactor.spawnProcess(self, command[0], command, env=_environment(), childFDs=files)
        except OSError as error:
            self._end(Unusable("internal", f"the list cannot be read: {error.strerror}"))
            return
        self._timer = reactor.callLater(WITHIN, self._late)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """What the process says."""
        if childFD == 1:
            self._output = (self._output + data)[:_MOST_OUTPUT]
        else:
            self._errors = (self._errors + data)[-_MOST_OUTPUT:]

    def processEnded(self, reason: Failure) -> None:
        """The process has ended, and all that it said is here."""
        if self._is_late or self.done.called:
            self._end(self._problem)
            return
        status = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", None)
        try:
            self._end(_compiled(self._task, self._descriptor, self._output, status, self._errors))
        except Unusable as error:
            self._end(error)

    def _late(self) -> None:
        self._timer = None
        self._is_late = True
        self._kill()

    def _cancel(self, _: object) -> None:
        if self._descriptor < 0:
            self._compiler.ended(self)
        else:
            self._kill()
        self.done.errback(CancelledError())

    def _kill(self) -> None:
        try:
            if self.transport is not None:
                self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            pass

    def _end(self, result: Compiled | Unusable) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._compiler.ended(self)
        if self.done.called:
            return
        if isinstance(result, Unusable):
            self.done.errback(result)
        else:
            self.done.callback(result)
