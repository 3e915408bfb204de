"""config.destinations: exceptions from the guard."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.destinations import DESTINATIONS, HELP, PORTS_HELP
from twisted_relay.config.values import AllowedDestination

#: (as written, what it means)
FORMS = (
    ("10.0.0.0/8", AllowedDestination(ip_network("10.0.0.0/8"))),
    ("10.1.2.3", AllowedDestination(ip_network("10.1.2.3/32"))),
    ("10.1.2.3:8080", AllowedDestination(ip_network("10.1.2.3/32"), ports=((8080, 8080),))),
    (
        "10.0.0.0/8:80,443,8000-8099",
        AllowedDestination(ip_network("10.0.0.0/8"), "", ((80, 80), (443, 443), (8000, 8099))),
    ),
    ("::1", AllowedDestination(ip_network("::1/128"))),
    ("fd00:1::/32", AllowedDestination(ip_network("fd00:1::/32"))),
    ("[fd00:1::/32]:443", AllowedDestination(ip_network("fd00:1::/32"), ports=((443, 443),))),
    ("wiki.example.org", AllowedDestination(None, "wiki.example.org")),
    ("wiki.example.org:443", AllowedDestination(None, "wiki.example.org", ((443, 443),))),
    (".inner.example.org", AllowedDestination(None, ".inner.example.org")),
    ("localhost:8080", AllowedDestination(None, "localhost", ((8080, 8080),))),
)

#: (as written, its usual spelling)
SPELLINGS = (
    ("WIKI.Example.org.", "wiki.example.org"),
    ("[::1]", "::1"),
    ("[FD00::1]:443", "[fd00::1]:443"),
    ("10.1.2.3:80-80", "10.1.2.3:80"),
)

#: (what is wrong, what would be right)
WRONG = (
    ("10.0.0.1/8", "it has bits beyond its prefix; did you mean 10.0.0.0/8?"),
    ("10.0.0.0/33", "write a network such as 10.0.0.0/8, or an address such as 127.0.0.1 or ::1"),
    ("10.1", "write a network such as 10.0.0.0/8, or an address such as 127.0.0.1 or ::1"),
    ("0x7f.1", HELP),
    ("example.1", HELP),
    ("*.example.org", "write .example.org for example.org and all names below it"),
    ("bücher.example", "write names that are not ASCII as xn--…"),
    ("http://wiki.example.org/", PORTS_HELP),
    ("wiki.example.org/a", HELP),
    ("wiki..example", HELP),
    ("..example.org", HELP),
    (".", HELP),
    ("example.org:", PORTS_HELP),
    ("example.org:0", PORTS_HELP),
    ("example.org:65536", PORTS_HELP),
    ("example.org:443,", PORTS_HELP),
    ("example.org:99-80", PORTS_HELP),
    ("example.org:http", PORTS_HELP),
    ("[10.0.0.1]:80", "brackets are for IPv6 addresses with a port, such as [fd00::1]:443"),
    ("[::1", HELP),
)


class DestinationTests(SynchronousTestCase):
    """How exceptions are written."""

    def test_forms(self) -> None:
        """Networks and names, with ports or without; each is shown as it is written."""
        for text, expected in FORMS:
            self.assertEqual(parse(DESTINATIONS, text), (expected,), text)
            self.assertEqual(DESTINATIONS.show((expected,)), text)

    def test_spellings(self) -> None:
        """Other spellings mean the same."""
        for text, usual in SPELLINGS:
            self.assertEqual(DESTINATIONS.show(parse(DESTINATIONS, text)), usual)

    def test_several(self) -> None:
        """They stand on one line or many."""
        self.assertEqual(len(parse(DESTINATIONS, "10.0.0.0/8 a.example\n.b.example:80")), 3)

    def test_wrong(self) -> None:
        """What is neither is refused, with what would be right."""
        for text, help in WRONG:
            (fault,) = faults_of(DESTINATIONS, text)
            self.assertEqual(fault.help, help, text)

    def test_all_faults_at_their_places(self) -> None:
        """Each wrong word is pointed at."""
        faults = faults_of(DESTINATIONS, "10.0.0.0/8 *.a.example b.example:0")
        self.assertEqual([fault.span and fault.span.column for fault in faults], [18, 30])
