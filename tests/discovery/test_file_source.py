"""Looks at a file of servers."""

import os
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import DiscoverSpec
from twisted_relay.discovery.answer import Answer, LookFailed
from twisted_relay.discovery.file_source import FileSource


class FileSourceTests(SynchronousTestCase):
    """`FileSource`."""

    def setUp(self) -> None:
        """A source whose file is not there yet."""
        self.path = Path(self.mktemp()).absolute()
        self.source = FileSource(DiscoverSpec("file", str(self.path), every=2.0, most=3))

    def look(self) -> Answer:
        """An answer that must come."""
        return self.successResultOf(Deferred.fromCoroutine(self.source.look()))

    def failure(self) -> tuple[str, str]:
        """The reason and the text of a failure that must come, without the folder."""
        failed = self.failureResultOf(Deferred.fromCoroutine(self.source.look()), LookFailed).value
        return failed.reason, str(failed).replace(str(self.path), "FILE")

    def test_servers(self) -> None:
        """The lines of the file, again after `every`."""
        self.path.write_text("a http://10.0.0.1\n\n# more\nhttp://10.0.0.2:81 weight=3\n")
        answer = self.look()
        self.assertEqual([(server.name, server.weight) for server in answer.servers], [("a", 1), ("10.0.0.2:81", 3)])
        self.assertEqual((answer.holds, answer.remarks), (2.0, ()))

    def test_it_is_read_only_when_it_has_changed(self) -> None:
        """A file that is as it was is not read again; one that is renamed into its place is, whatever its times."""
        self.path.write_text("http://10.0.0.1\n")
        first = self.look()
        self.assertIs(self.look(), first)
        other = Path(self.mktemp())
        other.write_text("http://10.0.0.2\n")
        found = self.path.stat()
        os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
        os.replace(other, self.path)
        self.assertEqual(self.look().servers[0].name, "10.0.0.2")

    def test_failures(self) -> None:
        """Missing, not a file, empty, invalid, too large: each with its reason, and with line and column."""
        self.assertEqual(self.failure(), ("unreadable", "FILE: No such file or directory"))
        for content, reason, words in (
            ("", "empty", "FILE has no server in it"),
            ("# none\n", "empty", "FILE has no server in it"),
            ("http://10.0.0.1\n  b http//10.0.0.2", "invalid", 'FILE:2:5: "http//10.0.0.2" is not valid'),
            ("\xff", "invalid", 'FILE:1:1: "ÿ" is not valid'),
            ("#" * 1024 * 1024 + "##", "invalid", "is larger than 1 MiB"),
        ):
            self.path.write_text(content)
            for _ in range(2):
                failure = self.failure()
                self.assertEqual(failure[0], reason)
                self.assertIn(words, failure[1])
        self.path.unlink()
        self.path.mkdir()
        self.assertIn("is not a file", self.failure()[1])

    def test_a_pipe(self) -> None:
        """A pipe is not waited for."""
        os.mkfifo(self.path)
        self.assertIn("is not a file", self.failure()[1])

    def test_it_is_gone_and_comes_back(self) -> None:
        """A file that was away is read again, also if it is the same."""
        self.path.write_text("http://10.0.0.1\n")
        self.look()
        away = self.path.with_suffix(".away")
        self.path.rename(away)
        self.assertEqual(self.failure()[0], "unreadable")
        away.rename(self.path)
        self.assertEqual(self.look().servers[0].name, "10.0.0.1")

    def test_too_many(self) -> None:
        """The first lines count, and it is said."""
        self.path.write_text("".join(f"http://10.0.0.{n}\n" for n in range(1, 6)))
        answer = self.look()
        self.assertEqual((len(answer.servers), answer.remarks), (3, ("2 of 5 servers are left aside: max=3",)))

    def test_proxies(self) -> None:
        """A parent's file names proxies, SOCKS5 among them; a backend's does not."""
        self.path.write_text("socks5://10.0.0.1:1080\n")
        self.assertEqual(self.failure()[0], "invalid")
        source = FileSource(DiscoverSpec("file", str(self.path), proxies=True))
        answer = self.successResultOf(Deferred.fromCoroutine(source.look()))
        self.assertEqual([server.scheme for server in answer.servers], ["socks5"])
