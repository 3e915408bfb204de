"""What lines of lists say, and which format a file is in."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.lists.formats import BAD, FORMATS, NOTHING, SAMPLE, SKIPPED, recognise
from twisted_relay.lists.normal import key_text

#: Format, line, and what it says: keys as text; "bad", "skipped" or "nothing".
LINES: tuple[tuple[str, str, str], ...] = (
    ("domains", "ads.example", "ads.example"),
    ("domains", "*.ads.example", "ads.example"),
    ("domains", ".ads.example  # why", "ads.example"),
    ("domains", "a.example b.example", "a.example b.example"),
    ("domains", "# a.example", ""),
    ("domains", "192.0.2.1", "192.0.2.1"),
    ("domains", "192.0.2.0/24", "192.0.2.0/24"),
    ("domains", "0.0.0.0 ads.example", "bad"),
    ("domains", "http://ads.example/", "bad"),
    ("domains", "||ads.example^", "bad"),
    ("hosts", "0.0.0.0 ads.example", "ads.example"),
    ("hosts", "127.0.0.1\tads.example track.example # both", "ads.example track.example"),
    ("hosts", "::1 ads.example", "ads.example"),
    ("hosts", "fe80::1%lo0 localhost", "skipped"),
    ("hosts", "127.0.0.1 localhost localhost.localdomain local", "skipped"),
    ("hosts", "255.255.255.255 broadcasthost", "skipped"),
    ("hosts", "ff02::1 ip6-allnodes", "skipped"),
    ("hosts", "0.0.0.0 0.0.0.0", "skipped"),
    ("hosts", "# 0.0.0.0 ads.example", "nothing"),
    ("hosts", "0.0.0.0", "bad"),
    ("hosts", "ads.example", "bad"),
    ("hosts", "0.0.0.0 a/b", "bad"),
    ("hosts", "999.0.0.0 ads.example", "bad"),
    ("dnsmasq", "address=/ads.example/0.0.0.0", "ads.example"),
    ("dnsmasq", "address=/ads.example/", "ads.example"),
    ("dnsmasq", "address=/ads.example/#", "ads.example"),
    ("dnsmasq", "address=/ads.example/::", "ads.example"),
    ("dnsmasq", "address=/a.example/b.example/127.0.0.1", "a.example b.example"),
    ("dnsmasq", "address=/intranet.example/10.0.0.1", "skipped"),
    ("dnsmasq", "address=/#/0.0.0.0", "skipped"),
    ("dnsmasq", "server=/ads.example/", "ads.example"),
    ("dnsmasq", "server=/corp.example/10.0.0.1", "skipped"),
    ("dnsmasq", "server=/corp.example/#", "skipped"),
    ("dnsmasq", "server=9.9.9.9", "skipped"),
    ("dnsmasq", "local=/ads.example/", "ads.example"),
    ("dnsmasq", "no-resolv", "skipped"),
    ("dnsmasq", "cache-size=1000", "skipped"),
    ("dnsmasq", "# address=/ads.example/", "nothing"),
    ("dnsmasq", "address=ads.example", "bad"),
    ("dnsmasq", "address=/a b/", "bad"),
    ("dnsmasq", "0.0.0.0 ads.example", "bad"),
    ("adblock", "||ads.example^", "ads.example"),
    ("adblock", "||*.ads.example^", "ads.example"),
    ("adblock", "||ads.example^|", "ads.example"),
    ("adblock", "||ads.example^$important", "ads.example"),
    ("adblock", "||192.0.2.1^", "192.0.2.1"),
    ("adblock", "@@||cdn.example^", "not cdn.example"),
    ("adblock", "@@||cdn.example^$document", "not cdn.example"),
    ("adblock", "||ads.example^$third-party", "skipped"),
    ("adblock", "||ads.example^$domain=a.example", "skipped"),
    ("adblock", "||ads.example/banner", "skipped"),
    ("adblock", "||ads*.example^", "skipped"),
    ("adblock", "||ads.example", "skipped"),
    ("adblock", "|http://ads.example^", "skipped"),
    ("adblock", "/banner[0-9]+/", "skipped"),
    ("adblock", "shop.example##.banner", "skipped"),
    ("adblock", "shop.example#@#.banner", "skipped"),
    ("adblock", "##.banner", "skipped"),
    ("adblock", "! title: ads", "nothing"),
    ("adblock", "[adblock plus 2.0]", "nothing"),
    ("adblock", "# a comment", "nothing"),
    ("networks", "192.0.2.0/24", "192.0.2.0/24"),
    ("networks", "192.0.2.0/24 ; SBL1234", "192.0.2.0/24"),
    ("networks", "2001:db8::/32 # why", "2001:db8::/32"),
    ("networks", "192.0.2.1", "192.0.2.1"),
    ("networks", "; a comment", "nothing"),
    ("networks", "192.0.2.0/33", "bad"),
    ("networks", "ads.example", "bad"),
)

#: The beginning of a file, and its format.
FILES = (
    ("# Title\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 ads.example\n", "hosts"),
    ("127.0.0.1 localhost\n", "networks"),
    ("0.0.0.0 a.example b.example c.example\n", "hosts"),
    ("# Title\nads.example\n*.track.example\n", "domains"),
    ("! Title\n||ads.example^\nshop.example##.banner\n", "adblock"),
    ("[Adblock Plus]\n##.banner\n@@||cdn.example^\n", "adblock"),
    ("# dnsmasq\nno-resolv\naddress=/ads.example/0.0.0.0\n", "dnsmasq"),
    ("; list\n192.0.2.0/24 ; SBL1\n198.51.100.7\n", "networks"),
    ("ads.example\n192.0.2.1\n", "domains"),
)


class FormatTests(SynchronousTestCase):
    """`FORMATS` and `recognise`."""

    def test_lines(self) -> None:
        """Every format says what a line lists or excepts, and tells what is wrong from what is of no use here."""
        words = {id(BAD): "bad", id(SKIPPED): "skipped", id(NOTHING): "nothing"}
        for name, line, expected in LINES:
            said = FORMATS[name](line.encode())
            text = words.get(id(said)) or "not " * said.excepted + " ".join(map(key_text, said.keys))
            self.assertEqual(text, expected, f"{name}: {line}")

    def test_recognised(self) -> None:
        """The format of a file is seen from its lines, whatever comments it begins with."""
        for text, name in FILES:
            self.assertEqual(recognise(text.lower().encode().splitlines(True)), name, text)

    def test_only_the_beginning_counts(self) -> None:
        """Of a long file the first lines are looked at."""
        lines = iter([b"ads.example\n"] * SAMPLE + [b"||x.example^\n"] * 5)
        self.assertEqual(recognise(lines), "domains")
        self.assertEqual(len(list(lines)), 5)
