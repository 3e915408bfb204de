"""The hosts file."""

from pathlib import Path

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.names import hosts
from twisted_relay.names.hosts import Hosts, parse_hosts
from twisted_relay.names.watched_file import WatchedFile


class HostsTests(SynchronousTestCase):
    """Names that it knows."""

    def test_lines(self) -> None:
        """Addresses in the order of the lines, several names on each; what is not understood is left aside."""
        text = "10.0.0.1 App app.internal. # main\n::1\tapp\n10.0.0.1 app\n\n#10.0.0.2 no\nx y\n10.0.0.3\n"
        text += "10.0.0.4 1.2.3 b\u00fc\n"
        self.assertEqual(parse_hosts(text), {"app": ("10.0.0.1", "::1"), "app.internal": ("10.0.0.1",)})

    def test_it_is_read_again(self) -> None:
        """A change is noticed within a second; without the file, or while it is away, what was known stays."""
        path = Path(self.mktemp())
        known = Hosts(str(path))
        self.assertEqual(known.addresses("app", 0.0), ())
        path.write_text("10.0.0.1 app\n")
        self.assertEqual(known.addresses("app", 0.5), ())
        self.assertEqual(known.addresses("app", 1.0), ("10.0.0.1",))
        path.unlink()
        self.assertEqual(known.addresses("app", 9.0), ("10.0.0.1",))

    def test_localhost(self) -> None:
        """It has its addresses without any file, and the file may give others."""
        self.assertEqual(Hosts("").addresses("db.localhost", 0.0), ("127.0.0.1", "::1"))
        path = Path(self.mktemp())
        path.write_text("127.0.0.1 localhost\n")
        self.assertEqual(Hosts(str(path)).addresses("localhost", 0.0), ("127.0.0.1",))

    def test_too_large(self) -> None:
        """Of a file that is too large the first whole lines are used, and the log says so."""
        self.patch(hosts, "LARGEST", 30)
        path = Path(self.mktemp())
        path.write_text("10.0.0.1 one\n10.0.0.2 two\n10.0.0.3 three\n")
        with capturedLogs() as events:
            known = Hosts(str(path))
            self.assertEqual([known.addresses(name, 0.0) for name in ("two", "thr", "three")], [("10.0.0.2",), (), ()])
        self.assertEqual([event["path"] for event in events], [str(path)])


class WatchedFileTests(SynchronousTestCase):
    """Files that are read when they have changed."""

    def test_news(self) -> None:
        """Its text when it is new or has changed; nothing while it stays, or is away."""
        path = Path(self.mktemp())
        file = WatchedFile(str(path), 100)
        self.assertIs(file.news(), None)
        path.write_text("a\n")
        self.assertEqual([file.news(), file.news()], ["a\n", None])
        path.write_text("b\nc\n")
        self.assertEqual(file.news(), "b\nc\n")
