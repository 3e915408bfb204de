"""Lists that are read by a process of their own."""

import os
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.feeds.compiling import WITHIN, Compiled, Compiler, Task, compile_now
from twisted_relay.lists.reading import Unusable, compile_list, report_as_json


class Process:
    """A process that only does what a test says."""

    def __init__(self, protocol: Any, command: list[str], files: dict[int, Any]) -> None:
        self.protocol = protocol
        self.command = command
        self.memory = files[3]
        self.signals: list[str] = []
        self.is_gone = False
        protocol.makeConnection(self)

    def signalProcess(self, signal: str) -> None:
        """See `IProcessTransport`."""
        if self.is_gone:
            raise ProcessExitedAlready
        self.signals.append(signal)

    def work(self) -> None:
        """Do what the program does."""
        files = self.command[self.command.index("auto") + 2 :]
        report = compile_list(files, "auto", 10_000, lambda data: os.write(self.memory, data))
        self.protocol.childDataReceived(1, report_as_json(report))

    def end(self, status: int | None = 0) -> None:
        """End with a status, or by a signal."""
        signal = 9 if status is None else None
        reason: Exception = ProcessTerminated(status, signal) if status or signal else ProcessDone(0)
        self.protocol.processEnded(Failure(reason))


class Machine(Clock):
    """A clock that starts processes."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []
        self.error: OSError | None = None

    def spawnProcess(self, protocol: Any, executable: str, args: list[str], env: Any, childFDs: Any) -> None:
        """See `IReactorProcess`."""
        if self.error is not None:
            raise self.error
        self.processes.append(Process(protocol, args, childFDs))


class CompilerTests(SynchronousTestCase):
    """`Compiler`."""

    def setUp(self) -> None:
        """A list in a file."""
        self.path = Path(self.mktemp()).absolute()
        self.path.write_text("ads.example\n/\n")
        self.machine = Machine()
        self.compiler = Compiler(cast(Any, self.machine))
        self.descriptors = len(os.listdir("/proc/self/fd"))

    def tearDown(self) -> None:
        """Whatever happened, no timer and no descriptor is left."""
        self.assertEqual(self.machine.getDelayedCalls(), [])
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.descriptors)

    def compile(self) -> Deferred[Compiled]:
        """A list that is being read."""
        return self.compiler.compile(Task([str(self.path)], "auto", 10_000, ("https://lists.example/ads",)))

    def fails(self, reading: Deferred[Compiled]) -> tuple[str, str]:
        """Reason and text of a failure that has come."""
        error = self.failureResultOf(reading, Unusable).value
        return error.reason, str(error)

    def test_list(self) -> None:
        """What the process wrote can be asked, and names its file as it is called for people."""
        reading = self.compile()
        self.machine.processes[0].work()
        self.machine.processes[0].end()
        compiled = self.successResultOf(reading)
        self.assertEqual(str(compiled.listed.entry("x.ads.example")), "ads.example (https://lists.example/ads:1)")
        self.assertEqual(str(compiled.read.first_bad[0]), "https://lists.example/ads:2: cannot be read: /")
        del compiled, reading
        self.machine.processes.clear()

    def test_failures(self) -> None:
        """A process that finds no list, is killed, fails or says nonsense gives a reason."""
        for said, errors, status, expected in (
            (b'["binary", "no text"]', b"", 1, ("binary", "no text")),
            (
                b"",
                b"x\nMemoryError\n",
                2,
                ("internal", "the process that reads the list ended with status 2: MemoryError"),
            ),
            (b"", b"", None, ("internal", "the process that reads the list was killed")),
            (b"?", b"", 0, ("internal", "the reader of lists ended without a report: b'?'")),
        ):
            reading = self.compile()
            process = self.machine.processes[-1]
            process.protocol.childDataReceived(1, said)
            process.protocol.childDataReceived(2, errors)
            process.end(status)
            self.assertEqual(self.fails(reading), expected)

    def test_one_after_the_other(self) -> None:
        """Two lists are not read at the same time; the second one begins when the first is over."""
        first, second = self.compile(), self.compile()
        self.assertEqual(len(self.machine.processes), 1)
        self.machine.processes[0].end(None)
        self.fails(first)
        self.assertEqual(len(self.machine.processes), 2)
        self.machine.processes[1].end(None)
        self.fails(second)

    def test_too_slow(self) -> None:
        """A process that takes too long is killed."""
        reading = self.compile()
        self.machine.advance(WITHIN)
        self.assertEqual(self.machine.processes[0].signals, ["KILL"])
        self.assertNoResult(reading)
        self.machine.processes[0].end(None)
        self.assertEqual(self.fails(reading), ("timeout", "the list was not read within 300 s"))

    def test_cancelled(self) -> None:
        """A reading that is called off ends its process, or never begins; then the next one has its turn."""
        first, second, third = self.compile(), self.compile(), self.compile()
        second.cancel()
        self.failureResultOf(second, CancelledError)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.machine.processes[0].signals, ["KILL"])
        self.machine.processes[0].end(None)
        self.assertEqual(len(self.machine.processes), 2)
        self.machine.processes[1].is_gone = True
        third.cancel()
        self.failureResultOf(third, CancelledError)
        self.machine.processes[1].end(0)

    def test_no_process(self) -> None:
        """Where no process can be started the list is not read."""
        self.machine.error = OSError(12, "Cannot allocate memory")
        self.assertEqual(self.fails(self.compile()), ("internal", "the list cannot be read: Cannot allocate memory"))

    def test_now(self) -> None:
        """At the start real processes are waited for, however many lists there are."""
        missing = Task(["/nowhere/list"], "auto", 10_000)
        good = Task([str(self.path)], "domains", 10_000)
        found = compile_now([good, missing, good])
        assert isinstance(found[0], Compiled) and isinstance(found[1], Unusable) and isinstance(found[2], Compiled)
        self.assertTrue(found[2].listed.takes("x.ads.example"))
        self.assertEqual(found[1].reason, "unreadable")
        del found
