"""Files of servers."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.parents import parse_parent_url
from twisted_relay.config.server_file import fault_lines, parse_server_file, read_server_file
from twisted_relay.config.words import BadValue


class ServerFileTests(SynchronousTestCase):
    """`config/server_file.py`."""

    def faults(self, text: str | bytes) -> list[str]:
        """What is wrong with a file, in words."""
        content = text.encode() if isinstance(text, str) else text
        return fault_lines(self.assertRaises(BadValue, parse_server_file, "F", content))

    def test_servers(self) -> None:
        """One on each line as in `servers`; comments, blank lines, white space and line ends do not matter."""
        text = (
            "\ufeff# ours\r\n\r\n  a http://10.0.0.1 weight=2 tier=2 # first\r\n\thttps://b.example\nunix:/run/x#y\n#"
        )
        servers = parse_server_file("F", text.encode())
        self.assertEqual(
            [(server.name, server.weight, server.tier) for server in servers],
            [("a", 2, 2), ("b.example", 1, 1), ("unix:/run/x#y", 1, 1)],
        )
        self.assertEqual(parse_server_file("F", b""), ())

    def test_repetitions(self) -> None:
        """The same server twice is one; two different ones cannot have one name."""
        self.assertEqual(len(parse_server_file("F", b"http://a\nhttp://a\n")), 1)
        self.assertEqual(
            self.faults("a http://a\na http://b\n"),
            ['F:2:1: another server is called "a" (put a name of its own before the URL)'],
        )

    def test_faults(self) -> None:
        """Each fault has its line and column; of many the first ones are told."""
        self.assertEqual(
            [
                line.partition(" is not valid")[0]
                for line in self.faults("http://a\n b htp://c\nd http://e weight=x # y\n")
            ],
            ['F:2:4: "htp://c"', 'F:3:12: "weight=x"'],
        )
        self.assertEqual(self.faults(b"http://a\nhttp://\xff\n"), ["F:2:1: is not UTF-8 text"])
        many = self.faults("x\n" * 20)
        self.assertEqual((len(many), many[-1]), (6, "and 15 more"))

    def test_reading(self) -> None:
        """A file that cannot be read is named."""
        path = Path(self.mktemp())
        bad = self.assertRaises(BadValue, read_server_file, str(path))
        self.assertRegex(fault_lines(bad)[0], r'^cannot read ".*": No such file or directory$')
        path.write_text("http://a\n")
        self.assertEqual(read_server_file(str(path))[0].name, "a")

    @given(st.text(alphabet="ah:/. \n\r\t#=[]\x00\u2028weightp12\xe4", max_size=80))
    def test_whatever_stands_there(self, text: str) -> None:
        """Any text is servers, or faults that have a place in it."""
        try:
            parse_server_file("F", text.encode())
        except BadValue as bad:
            for fault in bad.faults:
                assert fault.span is not None
                self.assertTrue(0 < fault.span.line <= text.count("\n") + 1)

    def test_proxies(self) -> None:
        """A file of a parent names proxies."""
        content = b"a socks5://10.0.0.1:1080 weight=2\nhttps://p.example:3129\n"
        found = parse_server_file("F", content, parse_parent_url)
        self.assertEqual([(each.scheme, each.weight) for each in found], [("socks5", 2), ("https", 1)])
        self.assertRaises(BadValue, parse_server_file, "F", content)
        self.assertRaises(BadValue, parse_server_file, "F", b"http://p.example\n", parse_parent_url)
