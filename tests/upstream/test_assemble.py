"""Tests of how a backend is put together."""

from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.addresses import parse_url
from twisted_relay.config.tree import BackendOptions
from twisted_relay.errors import ConfigurationError
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream import assemble as assembling
from twisted_relay.upstream.assemble import Surroundings, assemble, look_up_servers


class Names(Resolver):
    """Remembers what it was asked to watch."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.watched: list[str] = []

    def watch(self, host: str) -> None:
        self.watched.append(host)


class AssembleTests(SynchronousTestCase):
    """From options to a backend."""

    def setUp(self) -> None:
        clock = Clock()
        self.names = Names()
        self.surroundings = Surroundings(clock, clock, Deadlines(clock, clock.seconds), self.names)

    def options(self, *urls: str, tls_ca: str = "") -> BackendOptions:
        """A backend with these servers."""
        return BackendOptions(name="shop", servers=tuple(parse_url(url) for url in urls), tls_ca=tls_ca)

    def test_every_server_has_a_pool(self) -> None:
        """A backend has the servers of its options, each with its pool, and the bounds it was given."""
        backend = assemble(self.options("http://10.0.0.1:1", "unix:/run/x"), self.surroundings, (1.0, 2.0))
        self.assertEqual([server.name for server in backend.servers], ["10.0.0.1:1", "unix:/run/x"])
        self.assertEqual(list(backend.pools), ["10.0.0.1:1", "unix:/run/x"])
        self.assertEqual(backend.counters.response_times.bounds, (1.0, 2.0))

    def test_unusable_certificates(self) -> None:
        """Authorities that cannot be read are a mistake in the configuration."""
        options = self.options("https://a", tls_ca="/nonexistent")
        self.assertRaises(ConfigurationError, assemble, options, self.surroundings)

    def test_names_are_looked_up(self) -> None:
        """Only what is not an address has to be looked up."""
        backend = assemble(self.options("http://a.example", "http://[::1]:1", "unix:/x"), self.surroundings)
        look_up_servers(backend, self.names)
        self.assertEqual(self.names.watched, ["a.example"])

    def test_the_name_for_tls(self) -> None:
        """The certificate of a server must have the host of its URL, or the name by which it was found."""
        names: list[str] = []
        self.patch(assembling, "server_context", lambda options, host: names.append(host))
        backend = assemble(self.options("https://a.example:1"), self.surroundings)
        backend.join(replace(parse_url("https://10.0.0.1"), host="found.example"))
        backend.join(parse_url("http://10.0.0.2"))
        self.assertEqual(names, ["a.example", "found.example"])
