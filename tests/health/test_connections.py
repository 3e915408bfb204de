"""The connections of checks stand apart from those of the traffic."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS, Group
from twisted_relay.config.values import Address
from twisted_relay.errors import ConnectFailed, TLSFailed
from twisted_relay.health.connections import CheckConnections, explain


class CheckConnectionsTests(SynchronousTestCase):
    """`CheckConnections`."""

    def test_one_pool_for_each_server(self) -> None:
        """Each server has its own, made once; the traffic's pool is another."""
        group = Group("a", "b")
        connections = CheckConnections(group.backend)
        first, second = (connections.pool(server) for server in group.servers)
        self.assertIsNot(first, second)
        self.assertIs(connections.pool(group.servers[0]), first)
        self.assertIsNot(first, group.servers[0].pool)

    def test_aim(self) -> None:
        """Port and TLS of checks are their own; the traffic's dialler is not touched."""
        group = Group("a", options=replace(OPTIONS, check_port=9000))
        dialler = group.servers[0].pool.dialler
        tls = dialler.tls = object()
        for plain in (False, True):
            made = CheckConnections(group.backend, plain=plain).pool(group.servers[0]).dialler
            self.assertEqual(made.spec.address, Address("a.example.org", 9000))
            self.assertIs(made.tls, None if plain else tls)
        self.assertEqual((dialler.spec.address, dialler.tls), (Address("a.example.org", 8000), tls))

    def test_server_that_has_left(self) -> None:
        """A check that is still under way as its server leaves finds its way."""
        group = Group("a", "b")
        server = group.servers[0]
        group.backend.leave(server)
        self.assertEqual(CheckConnections(group.backend).pool(server).dialler.spec, server.spec)

    def test_words(self) -> None:
        """Errors are told in words."""
        self.assertEqual(explain(TLSFailed("expired")), "TLS failed: expired")
        self.assertEqual(explain(ConnectFailed("refused")), "connection refused")
