"""What is bound for an address of the configuration."""

import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.net.binding import has_ipv6, hosts_to_bind, remove_stale_socket


class HostsTests(SynchronousTestCase):
    """`hosts_to_bind`."""

    def test_addresses(self) -> None:
        """An address is itself; `localhost` is loopback and nothing is everything, of both families where there are."""
        both = has_ipv6()
        self.assertEqual(hosts_to_bind("192.0.2.1"), ["192.0.2.1"])
        self.assertEqual(hosts_to_bind("localhost"), ["127.0.0.1", "::1"] if both else ["127.0.0.1"])
        self.assertEqual(hosts_to_bind(""), ["::"] if both else ["0.0.0.0"])


class StaleSocketTests(SynchronousTestCase):
    """`remove_stale_socket`."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.socket = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.socket.close)

    def test_nobody_listens(self) -> None:
        """A socket that its daemon left behind is removed."""
        self.socket.bind(str(self.path))
        remove_stale_socket(str(self.path))
        self.assertFalse(self.path.exists())

    def test_somebody_listens(self) -> None:
        """A socket that is in use stays: the bind will fail and say so."""
        self.socket.bind(str(self.path))
        self.socket.listen()
        remove_stale_socket(str(self.path))
        self.assertTrue(self.path.exists())

    def test_somebody_hangs(self) -> None:
        """A socket whose daemon accepts nothing any more stays too, and is not waited for."""
        self.socket.bind(str(self.path))
        self.socket.listen(0)
        waiting = socket.socket(socket.AF_UNIX)
        self.addCleanup(waiting.close)
        waiting.connect(str(self.path))
        start_anew = threading.Thread(target=remove_stale_socket, args=(str(self.path),), daemon=True)
        start_anew.start()
        start_anew.join(5.0)
        self.assertFalse(start_anew.is_alive())
        self.assertTrue(self.path.exists())

    def test_another_file(self) -> None:
        """What is no socket is never removed, and nothing there is fine."""
        remove_stale_socket(str(self.path))
        self.path.write_text("precious")
        remove_stale_socket(str(self.path))
        self.assertEqual(self.path.read_text(), "precious")
