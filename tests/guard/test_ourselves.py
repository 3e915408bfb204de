"""guard.ourselves: this machine, and where relay listens."""

from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.guard.ourselves import Ourselves


def packed(address: str) -> bytes:
    return ip_address(address).packed


class OurselvesTests(SynchronousTestCase):
    """A machine with two addresses that listens on one more."""

    def setUp(self) -> None:
        self.ourselves = Ourselves(lambda: frozenset((packed("93.184.216.34"), packed("2606:4700::1"))))
        self.ourselves.listen(["93.184.216.99:3128", "[::]:8080", "unix:/run/relay.sock"])

    def test_addresses(self) -> None:
        """The machine's addresses, and those of listeners, are ours; others are not."""
        for address in ("93.184.216.34", "2606:4700::1", "93.184.216.99"):
            self.assertTrue(self.ourselves.are_at(packed(address)), address)
        for address in ("93.184.216.35", "2606:4700::2"):
            self.assertFalse(self.ourselves.are_at(packed(address)), address)

    def test_listeners(self) -> None:
        """A port of ours is ours at every address that leads to this machine, and only there."""
        for address in ("93.184.216.34", "2606:4700::1", "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"):
            for port in (3128, 8080):
                self.assertTrue(self.ourselves.listen_at(packed(address), port), address)
            self.assertFalse(self.ourselves.listen_at(packed(address), 80), address)
        self.assertFalse(self.ourselves.listen_at(packed("93.184.216.35"), 8080))

    def test_nothing_known(self) -> None:
        """Without addresses and listeners nothing is ours."""
        nobody = Ourselves()
        self.assertFalse(nobody.are_at(packed("127.0.0.1")))
        self.assertFalse(nobody.listen_at(packed("127.0.0.1"), 80))

    def test_addresses_change(self) -> None:
        """The machine is asked each time."""
        known: set[bytes] = set()
        ourselves = Ourselves(lambda: frozenset(known))
        self.assertFalse(ourselves.are_at(packed("93.184.216.34")))
        known.add(packed("93.184.216.34"))
        self.assertTrue(ourselves.are_at(packed("93.184.216.34")))
