"""Ports, ranges of them, and all."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.ports import ANY, OWN_PORTS, has_port, parse_ports
from twisted_relay.config.words import BadValue


class PortsTests(SynchronousTestCase):
    """How ports are written."""

    def test_read(self) -> None:
        """A port, or the lowest and the highest."""
        for text, ports in (("443", (443, 443)), ("8000-8999", (8000, 8999)), ("1-65535", ANY), ("7-7", (7, 7))):
            self.assertEqual(parse_ports(text), ports)

    def test_refused(self) -> None:
        """What is no port, and a range that goes down."""
        for text in ("", "0", "65536", "-", "1-", "-1", "9-8", "1-2-3", "any", "http"):
            self.assertRaises(BadValue, parse_ports, text)

    def test_shown(self) -> None:
        """As they are written; nothing where nothing is said."""
        self.assertEqual(OWN_PORTS.show(((443, 443), (8000, 8999), ANY)), "443 8000-8999 any")
        self.assertEqual(OWN_PORTS.show(None), "")

    def test_has_port(self) -> None:
        """Both ends of a range are meant."""
        ranges = ((22, 22), (8000, 8009))
        self.assertEqual([p for p in (21, 22, 23, 7999, 8000, 8009, 8010) if has_port(ranges, p)], [22, 8000, 8009])
