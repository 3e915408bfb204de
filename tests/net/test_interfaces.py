"""net.interfaces: the addresses of this machine."""

import socket

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.net import interfaces
from twisted_relay.net.binding import has_ipv6
from twisted_relay.net.interfaces import KEPT, MachineAddresses


class MachineAddressesTests(SynchronousTestCase):
    """What the kernel says."""

    def test_loopback(self) -> None:
        """The loopback addresses are among them, and every one of them can be bound."""
        found = MachineAddresses(Clock().seconds)()
        self.assertIn(b"\x7f\0\0\1", found)
        self.assertEqual(bytes(15) + b"\1" in found, has_ipv6())
        for packed in found:
            family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
            address = socket.inet_ntop(family, packed)
            if not address.startswith("fe80:"):  # these need their interface's name
                with socket.socket(family) as probe:
                    probe.bind((address, 0))

    def test_the_address_towards_others(self) -> None:
        """The address from which this machine would speak to others is one of them."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.1", 9))
            own = socket.inet_aton(probe.getsockname()[0])
        self.assertIn(own, MachineAddresses(Clock().seconds)())

    def test_asked_now_and_then(self) -> None:
        """The kernel is asked at first, and again when the answer is old."""
        clock, answers = Clock(), iter((b"\x0a\0\0\1", b"\x0a\0\0\2"))
        self.patch(interfaces, "_ipv4", lambda: iter((next(answers),)))
        self.patch(interfaces, "_ipv6", lambda: iter(()))
        addresses = MachineAddresses(clock.seconds)
        self.assertEqual(addresses(), {b"\x0a\0\0\1"})
        clock.advance(KEPT - 0.1)
        self.assertEqual(addresses(), {b"\x0a\0\0\1"})
        clock.advance(0.2)
        self.assertEqual(addresses(), {b"\x0a\0\0\2"})
