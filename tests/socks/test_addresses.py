"""Addresses and ports as they stand in messages."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.socks.addresses import read_place, write_place


class PlaceTests(SynchronousTestCase):
    """Hosts and ports."""

    def test_both_ways(self) -> None:
        """What is written is read again, wherever it stands."""
        for host, port in (("192.0.2.1", 1), ("2001:db8::1", 443), ("example.org", 65535), ("a" * 255, 80)):
            octets = write_place(host, port)
            place = read_place(b"..." + octets + b"...", 3)
            assert place is not None
            self.assertEqual((place.host, place.port, place.end), (host, port, 3 + len(octets)))

    def test_incomplete(self) -> None:
        """Nothing before the last octet of the port."""
        octets = write_place("example.org", 80)
        self.assertEqual([read_place(octets[:end], 0) for end in range(len(octets))], [None] * len(octets))

    def test_unknown(self) -> None:
        """There are three kinds of addresses."""
        for kind in (0, 2, 5, 255):
            self.assertRaises(ValueError, read_place, bytes((kind,)), 0)

    def test_what_is_no_text(self) -> None:
        """A name that is not ASCII cannot be taken for one that is."""
        place = read_place(b"\x03\x02a\xff\x00\x50", 0)
        assert place is not None
        self.assertEqual(place.host, "a\N{REPLACEMENT CHARACTER}")
