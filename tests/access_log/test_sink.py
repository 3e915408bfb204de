"""Lines reach their file, or are counted as lost."""

import fcntl
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.access_log.sink import BATCH, MAX_WAITING, LineSink
from twisted_relay.errors import ConfigurationError

LINE = b"x" * 99 + b"\n"


class SinkCase(SynchronousTestCase):
    """A sink whose complaints are collected."""

    def make(self, target: str) -> LineSink:
        """An open sink."""
        self.complaints: list[str] = []
        sink = LineSink("main", target, lambda format, **values: self.complaints.append(format.format(**values)))
        sink.open()
        self.addCleanup(sink.close)
        return sink


class FileTests(SinkCase):
    """A file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.sink = self.make(str(self.path))

    def test_batches(self) -> None:
        """Lines are written when they are flushed, or at once when there are enough of them."""
        self.sink.write(LINE)
        self.assertEqual(self.path.read_bytes(), b"")
        self.sink.flush()
        self.assertEqual(self.path.read_bytes(), LINE)
        count = BATCH // len(LINE) + 1
        for _ in range(count):
            self.sink.write(LINE)
        self.assertEqual(self.path.read_bytes(), LINE * (count + 1))

    def test_append(self) -> None:
        """What stands in the file stays, and others cannot read it."""
        self.path.write_bytes(b"before\n")
        self.sink.write(LINE)
        self.sink.flush()
        self.assertEqual(self.path.read_bytes(), b"before\n" + LINE)
        self.assertEqual(self.path.stat().st_mode & 0o007, 0)

    def test_reopen(self) -> None:
        """After a rotation, lines from before go to the renamed file and later ones to a new one."""
        self.sink.write(b"old\n")
        rotated = self.path.rename(self.path.with_suffix(".1"))
        self.sink.reopen()
        self.sink.write(b"new\n")
        self.sink.flush()
        self.assertEqual((rotated.read_bytes(), self.path.read_bytes()), (b"old\n", b"new\n"))

    def test_reopen_fails(self) -> None:
        """When the file cannot be opened again, the old one stays in use and it is said."""
        rotated = self.path.rename(self.path.with_suffix(".1"))
        self.path.mkdir()
        self.sink.reopen()
        self.sink.write(LINE)
        self.sink.flush()
        self.assertEqual(rotated.read_bytes(), LINE)
        self.assertEqual(
            self.complaints,
            [f"[log:main] cannot open {self.path} again, goes on with the old file: Is a directory"],
        )

    def test_close(self) -> None:
        """What is left at the end is written."""
        self.sink.write(LINE)
        self.sink.close()
        self.assertEqual(self.path.read_bytes(), LINE)

    def test_target_that_cannot_be_opened(self) -> None:
        """The start fails with the section, the path and the reason."""
        path = f"{self.path}.missing/access.log"
        sink = LineSink("main", path, lambda format, **values: None)
        error = self.assertRaises(ConfigurationError, sink.open)
        self.assertEqual(str(error), f"[log:main] cannot write to {path}: No such file or directory")


class FullDiskTests(SinkCase):
    """A target that refuses to take anything."""

    def test_lost_lines_are_counted(self) -> None:
        """Each lost line is counted, the reason is said once, and nothing waits."""
        sink = self.make("/dev/full")
        for _ in range(3):
            sink.write(LINE)
            sink.flush()
        self.assertEqual(sink.dropped, 3)
        self.assertEqual(
            self.complaints,
            ["[log:main] cannot write to /dev/full: No space left on device; lines are dropped until it works again"],
        )

    def test_recovery(self) -> None:
        """When it works again, that is said with the number of lines lost."""
        path = Path(self.mktemp())
        path.symlink_to("/dev/full")
        sink = self.make(str(path))
        sink.write(LINE)
        sink.flush()
        path.unlink()
        sink.reopen()
        sink.write(LINE)
        sink.flush()
        self.assertEqual(path.read_bytes(), LINE)
        self.assertEqual(self.complaints[1:], ["[log:main] works again; 1 lines were lost"])


class PipeTests(SinkCase):
    """A pipe whose reader is in no hurry."""

    def setUp(self) -> None:
        path = self.mktemp()
        os.mkfifo(path)
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.sink = self.make(path)
        fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, 4096)

    def tearDown(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)

    def take_all(self) -> bytes:
        """Read until nothing more comes, with a flush whenever there is room."""
        taken = b""
        while True:
            try:
                taken += os.read(self.reader, 65536)
            except BlockingIOError:
                return taken
            self.sink.flush()

    def test_nobody_waits_for_the_reader(self) -> None:
        """What the pipe does not take is kept and comes later, complete and in order."""
        lines = [b"%04d\n" % number for number in range(2000)]
        for line in lines:
            self.sink.write(line)
        self.sink.flush()
        self.assertEqual(self.take_all(), b"".join(lines))
        self.assertEqual((self.sink.dropped, self.complaints), (0, []))

    def test_what_waits_is_bounded(self) -> None:
        """A reader that never reads costs a megabyte, then lines; those that are written are whole."""
        count = 2 * MAX_WAITING // len(LINE)
        for _ in range(count):
            self.sink.write(LINE)
        taken = self.take_all()
        self.assertGreater(self.sink.dropped, 0)
        self.assertEqual(taken, LINE * (count - self.sink.dropped))
        self.assertIn("it takes no more", self.complaints[0])
        self.assertEqual(len(self.complaints), 2)

    def test_the_reader_goes_away(self) -> None:
        """A pipe that broke in the middle of a line loses what was meant for it; a new reader begins with a line."""
        self.sink.write(b"x" * 5000 + b"\n")
        self.sink.flush()
        os.close(self.reader)
        self.sink.flush()
        self.assertEqual(self.sink.dropped, 1)
        self.reader = os.open(self.sink.target, os.O_RDONLY | os.O_NONBLOCK)
        self.sink.write(b"whole\n")
        self.sink.flush()
        self.assertEqual(self.take_all().splitlines()[-1], b"whole")

    def test_close_does_not_wait(self) -> None:
        """What a stuck reader has not taken at the end is counted as lost."""
        self.sink.write(b"x" * 10000 + b"\n")
        self.sink.close()
        self.assertEqual(self.sink.dropped, 1)
