"""Where the private listener listens."""

import os
import stat
from ipaddress import ip_network
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.python.filepath import FilePath
from twisted.trial.unittest import TestCase

from tests.admin.asking import ask, ask_raw, listen, make_site, port_of
from tests.metrics.measured import make_sources
from twisted_relay.admin.access import Access
from twisted_relay.admin.ports import AdminPorts
from twisted_relay.config.values import Address, UnixAddress
from twisted_relay.errors import BindError
from twisted_relay.metrics.exposition import Exposition


class AdminPortsTests(TestCase):
    """`AdminPorts`."""

    def setUp(self) -> None:
        self.site = make_site(Exposition(make_sources()), Access([ip_network("127.0.0.0/8")]), [])

    async def test_tcp_and_unix(self) -> None:
        """Every address answers; the UNIX socket is for its owner and group, whatever the Host says."""
        folder = FilePath(mkdtemp())  # a path in the test's own folder may be too long for a socket
        self.addCleanup(folder.remove)
        path = folder.child("admin.sock").path
        ports = listen(self, self.site, Address("127.0.0.1", 0), UnixAddress(path))
        self.assertEqual((await ask(port_of(ports), "/-/healthy")).status, 200)
        self.assertEqual(ports.addresses[1], f"unix:{path}")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        received = await ask_raw(path, b"GET /-/healthy HTTP/1.0\r\nHost: relay\r\n\r\n")
        self.assertTrue(received.endswith(b"\r\n\r\nhealthy\n"), received)

    async def test_taken(self) -> None:
        """An address that is taken ends the start with the reason, and nothing stays bound."""
        taken = port_of(listen(self, self.site, Address("127.0.0.1", 0)))
        ports = AdminPorts((Address("127.0.0.1", 0), Address("127.0.0.1", taken)), self.site, reactor)
        error = self.assertRaises(BindError, ports.open)
        self.assertIn(f"[admin] cannot listen on 127.0.0.1:{taken}: ", str(error))
        await deferLater(reactor, 0)  # the reactor closes sockets in its next turn
        listen(self, self.site, Address("127.0.0.1", port_of(ports)))

    async def test_all_interfaces(self) -> None:
        """Without a host every interface answers."""
        ports = listen(self, self.site, Address("", 0))
        self.assertEqual((await ask(port_of(ports), "/-/ready")).status, 200)
