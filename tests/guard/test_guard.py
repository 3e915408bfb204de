"""guard.guard: what is refused, in which words, and what exceptions let through."""

from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import parse
from twisted_relay.config.destinations import DESTINATIONS
from twisted_relay.errors import DestinationForbidden
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.ourselves import Ourselves

PUBLIC, OWN = "93.184.216.34", "93.184.216.99"

#: (address, what the log says)
REFUSED = (
    ("127.0.0.1", "127.0.0.1 is in 127.0.0.0/8 (loopback)"),
    ("169.254.169.254", "169.254.169.254 is in 169.254.169.254 (metadata of a cloud)"),
    ("fd00:ec2::254", "fd00:ec2::254 is in fd00:ec2::254 (metadata of a cloud)"),
    (OWN, f"{OWN} is in the addresses of this machine"),
    (
        "::ffff:10.0.0.1",
        "::ffff:10.0.0.1 is in ::ffff:0:0/96 (IPv4-mapped); it carries 10.0.0.1 is in 10.0.0.0/8 (private)",
    ),
    ("64:ff9b::808:808", "64:ff9b::808:808 is in 64:ff9b::/96 (NAT64)"),
    ("localhost", "'localhost' is not an address"),
    ("127.1", "'127.1' is not an address"),
    ("0177.0.0.1", "'0177.0.0.1' is not an address"),
    ("2130706433", "'2130706433' is not an address"),
    ("fe80::1%eth0", "'fe80::1%eth0' is not an address"),
    ("93.184.216.34\0", "'93.184.216.34\\x00' is not an address"),
    ("", "'' is not an address"),
)

#: (exceptions, host, address, port, whether it may be dialled)
EXCEPTIONS = (
    ("10.0.0.0/8", "a", "10.1.2.3", 80, True),
    ("10.0.0.0/8", "a", "11.0.0.1", 80, True),
    ("10.0.0.0/8", "a", "192.168.0.1", 80, False),
    ("10.0.0.0/8", "a", "::ffff:10.1.2.3", 80, False),
    ("::ffff:0:0/96", "a", "::ffff:10.1.2.3", 80, False),
    ("10.0.0.0/8 ::ffff:0:0/96", "a", "::ffff:10.1.2.3", 80, True),
    ("64:ff9b::/96", "a", "64:ff9b::808:808", 80, True),
    ("64:ff9b::/96", "a", "64:ff9b::7f00:1", 80, False),
    ("64:ff9b::/96", "a", "64:ff9b::a9fe:a9fe", 80, False),
    ("64:ff9b::/96 10.0.0.0/8", "a", "64:ff9b::a00:1", 80, True),
    ("64:ff9b:1::/48", "a", "64:ff9b:1::808:808", 80, True),
    ("64:ff9b:1::/48", "a", "64:ff9b:1::a00:1", 80, False),
    ("64:ff9b:1::/48", "a", "64:ff9b:1:a00:0:100::", 80, False),
    ("2002::/16", "a", "2002:7f00:1::1", 80, False),
    ("2002::/16", "a", "2002:808:808::1", 80, True),
    ("10.1.2.3:8080", "a", "10.1.2.3", 8080, True),
    ("10.1.2.3:8080", "a", "10.1.2.3", 80, False),
    ("10.0.0.0/8:80,8000-8099", "a", "10.9.9.9", 8050, True),
    ("10.0.0.0/8:80,8000-8099", "a", "10.9.9.9", 8100, False),
    ("[fd00:1::/32]:443", "a", "fd00:1::7", 443, True),
    ("[fd00:1::/32]:443", "a", "fd00:1::7", 80, False),
    ("0.0.0.0/0", "a", "::1", 80, False),
    ("::/0", "a", "127.0.0.1", 80, False),
    ("wiki.example.org", "wiki.example.org", "10.1.2.3", 80, True),
    ("wiki.example.org", "a.wiki.example.org", "10.1.2.3", 80, False),
    ("wiki.example.org", "evil.example", "10.1.2.3", 80, False),
    ("wiki.example.org", "10.1.2.3", "10.1.2.3", 80, False),
    ("wiki.example.org:443", "wiki.example.org", "10.1.2.3", 80, False),
    (".inner.example.org", "a.b.inner.example.org", "10.1.2.3", 80, True),
    (".inner.example.org", "inner.example.org", "10.1.2.3", 80, True),
    (".inner.example.org", "xinner.example.org", "10.1.2.3", 80, False),
    (".inner.example.org", "inner.example.org.evil.example", "10.1.2.3", 80, False),
    (OWN, "a", OWN, 80, True),
    (OWN, "a", OWN, 3128, False),
    (f"{OWN}:3128", "a", OWN, 3128, True),
    ("127.0.0.0/8", "a", "127.0.0.1", 3128, False),
    ("127.0.0.0/8:1-65535", "a", "127.0.0.1", 3128, True),
    ("localhost", "localhost", "127.0.0.1", 3128, False),
    ("localhost:3128", "localhost", "127.0.0.1", 3128, True),
)


def guard(exceptions: str = "") -> Guard:
    """A guard on a machine with one address, where a listener has port 3128."""
    ourselves = Ourselves(lambda: frozenset((ip_address(OWN).packed,)))
    ourselves.listen(["[::]:3128"])
    allowed = parse(DESTINATIONS, exceptions or "nothing.example")
    return Guard(allowed, ourselves)


class GuardTests(SynchronousTestCase):
    """May it be dialled?"""

    def test_refused(self) -> None:
        """A refusal names the address and its range; what is not an address in full is refused as that."""
        for address, expected in REFUSED:
            self.assertEqual(guard().refusal(address, "a", 80), expected, address)

    def test_public(self) -> None:
        """The public Internet may be dialled."""
        for address in (PUBLIC, "1.1.1.1", "2606:4700::1111", "2a00:1450::1"):
            self.assertEqual(guard().refusal(address, "a", 80), "", address)

    def test_own_listeners(self) -> None:
        """Listeners of relay are refused by whichever way they are reached, and so are addresses that carry one."""
        for address in ("127.0.0.1", "127.3.2.1", "::1", "0.0.0.0", "::", OWN):
            why = f"{address} port 3128 is a listener of relay itself"
            self.assertEqual(guard("0.0.0.0/0 ::/0").refusal(address, "a", 3128), why)
        self.assertIn("is a listener", guard("0.0.0.0/0 ::/0").refusal("::ffff:127.0.0.1", "a", 3128))

    def test_exceptions(self) -> None:
        """An exception lets through its network, or its name, at its ports, and nothing beside."""
        for exceptions, host, address, port, expected in EXCEPTIONS:
            why = guard(exceptions).refusal(address, host, port)
            self.assertIs(not why, expected, (exceptions, host, address, port, why))

    def test_one_address_is_enough(self) -> None:
        """A name is refused when one of its addresses is, wherever it stands, and the text says which."""
        for addresses in (("127.0.0.1", PUBLIC), (PUBLIC, "127.0.0.1"), (PUBLIC, "2606:4700::1111", "127.0.0.1")):
            error = self.assertRaises(DestinationForbidden, guard().check, "evil.example", 80, addresses)
            self.assertEqual(str(error), "evil.example: 127.0.0.1 is in 127.0.0.0/8 (loopback)")
        guard().check("good.example", 80, (PUBLIC, "2606:4700::1111"))
        guard().check("gone.example", 80, ())

    def test_a_literal_is_named_once(self) -> None:
        """The text for an address that the client wrote itself does not repeat it."""
        error = self.assertRaises(DestinationForbidden, guard().check, "::1", 80, ("::1",))
        self.assertEqual(str(error), "::1 is in ::1 (loopback)")

    def test_clients_are_not_told(self) -> None:
        """What a client gets names neither address nor range."""
        self.assertEqual(DestinationForbidden.explanation, "This destination is not allowed.")
