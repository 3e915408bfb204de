"""Files of lists: what is read, counted, and refused as a whole."""

import gzip
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.lists.name_set import NameSet
from twisted_relay.lists.reading import (
    LONGEST_LINE,
    MOST_BAD,
    Report,
    Unusable,
    compile_list,
    report_as_json,
    report_of_json,
    unusable_as_json,
)

HOSTS = "\ufeff# Title\r\n127.0.0.1 localhost\r\n0.0.0.0 Ads.Example # x\r\n\r\n0.0.0.0 a/b\r\n0.0.0.0 track.example"
ADBLOCK = "[Adblock Plus 2.0]\n! Title\n||ads.example^\n@@||cdn.ads.example^\n##.banner\n"


class ReadingTests(SynchronousTestCase):
    """`compile_list`."""

    def setUp(self) -> None:
        """A folder for files."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.memory = bytearray()

    def write(self, name: str, content: str | bytes) -> str:
        """A file; its path."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def compiled(self, *files: str, format: str = "auto", most: int = 1_000_000) -> Report:
        """Read files."""
        self.memory.clear()
        return compile_list(files, format, most, self.memory.extend)

    def unusable(self, *files: str, format: str = "auto", most: int = 1_000_000) -> tuple[str, str]:
        """Reason and text of a failure that must come, without the folder."""
        error = self.assertRaises(Unusable, self.compiled, *files, format=format, most=most)
        return error.reason, str(error).replace(f"{self.folder}/", "")

    def test_counts(self) -> None:
        """Entries, exceptions, rules that are skipped and bad lines are counted; BOM and CRLF do no harm."""
        report = self.compiled(self.write("hosts", HOSTS), self.write("adblock", ADBLOCK))
        read = report.read
        self.assertEqual((report.listed.count, report.excepted.count), (2, 1))
        self.assertEqual((read.lines, read.bad, read.skipped), (11, 1, 2))
        self.assertEqual(dict(read.formats), {"hosts": 1, "adblock": 1})
        self.assertEqual(str(read.first_bad[0]), f"{self.folder}/hosts:5: cannot be read: 0.0.0.0 a/b")
        self.assertEqual(report.size, len(self.memory))

    def test_sets(self) -> None:
        """What was written can be asked, each entry for its file and line."""
        report = self.compiled(self.write("hosts", HOSTS), self.write("adblock", ADBLOCK))
        memory = bytes(self.memory)
        listed = NameSet(memory, report.listed, ("one", "two"))
        excepted = NameSet(memory, report.excepted, ("one", "two"))
        self.assertEqual(str(listed.entry("x.ads.example")), "ads.example (one:3)")
        self.assertEqual(str(excepted.entry("cdn.ads.example")), "cdn.ads.example (two:4)")
        self.assertIsNone(excepted.entry("ads.example"))

    def test_written_format(self) -> None:
        """A format that is given is not guessed."""
        report = self.compiled(self.write("x", "ads.example\n0.0.0.0 track.example\n"), format="hosts")
        self.assertEqual((report.listed.count, report.read.bad), (1, 1))

    def test_only_the_first_bad_lines_are_kept(self) -> None:
        """However many lines are bad, a few are shown, and not in their whole length."""
        report = self.compiled(self.write("x", "a.example\n" + ("/" * 500 + "\n") * 50), format="domains")
        self.assertEqual((report.read.bad, len(report.read.first_bad)), (50, MOST_BAD))
        self.assertLess(len(report.read.first_bad[0].text), 100)

    def test_unusable(self) -> None:
        """A file that is missing, empty, binary, without a use or too large gives no list, and says why."""
        for content, expected in (
            ("", ("empty", "nothing is listed in x")),
            ("# none\n\n", ("empty", "nothing is listed in x")),
            ("<html>\n<p>Not found</p>\n", ("empty", "nothing is listed in x")),
            (b"a.example\n\0\n", ("binary", "x is no text")),
            ("a.example\n" + "a" * LONGEST_LINE, ("binary", "x is no text")),
            ("a.example\n" * 200, ("too_large", "x is longer than max_size allows")),
        ):
            path = self.write("x", content)
            self.assertEqual(self.unusable(path, most=LONGEST_LINE * 2 if "a" * 99 in str(content) else 1000), expected)
        self.assertEqual(
            self.unusable(str(self.folder / "y")), ("unreadable", "cannot read y: No such file or directory")
        )
        self.assertEqual(self.unusable(str(self.folder))[0], "unreadable")

    def test_gzip(self) -> None:
        """A file that is packed is unpacked, whatever it is called, and in any number of pieces."""
        packed = gzip.compress(HOSTS.encode()[:60]) + gzip.compress(HOSTS.encode()[60:])
        report = self.compiled(self.write("hosts", packed), self.write("adblock.gz", gzip.compress(ADBLOCK.encode())))
        self.assertEqual((report.listed.count, report.excepted.count), (2, 1))
        self.assertEqual(dict(report.read.formats), {"hosts": 1, "adblock": 1})

    def test_broken_gzip(self) -> None:
        """What is cut short, changed, or goes on in another way gives no list."""
        packed = gzip.compress(b"a.example\nb.example\n")
        for content in (
            packed[:-3],
            packed[:15],
            packed[:2],
            packed[:15] + b"?" + packed[16:],
            packed + b"a.example\n",
        ):
            reason, text = self.unusable(self.write("x", content), format="domains")
            self.assertEqual(reason, "unreadable", content)
            self.assertIn("cannot read x: ", text)

    def test_gzip_bombs(self) -> None:
        """No more is unpacked than is allowed: lines without an end are no text, too many of them too large."""
        bombs = (
            (b"a" * 20_000_000, "binary"),
            (b"a.example\n" * 2_000_000, "too_large"),
            (b"\n" * 20_000_000, "too_large"),
        )
        for content, reason in bombs:
            path = self.write("x", gzip.compress(content, 1))
            for format in ("auto", "domains"):
                self.assertEqual(self.unusable(path, format=format, most=1_000_000)[0], reason)

    def test_one_missing_file_of_two(self) -> None:
        """Half a list is none."""
        self.assertEqual(self.unusable(self.write("x", "a.example\n"), str(self.folder / "y"))[0], "unreadable")

    def test_report_travels(self) -> None:
        """A report and a failure come through as they are; anything else is a failure."""
        report = self.compiled(self.write("hosts", HOSTS + "\n10.0.0.1 x.example\n"))
        self.assertEqual(report_of_json(report_as_json(report)), report)
        networks = self.compiled(self.write("n", "10.0.0.0/8\n2001:db8::/32\n"))
        self.assertEqual(report_of_json(report_as_json(networks)), networks)
        for data, reason in (
            (unusable_as_json(Unusable("binary", "no text")), "binary"),
            (b"", "internal"),
            (b"{}", "internal"),
            (b"[1, 2, 3]", "internal"),
        ):
            self.assertEqual(self.assertRaises(Unusable, report_of_json, data).reason, reason)
