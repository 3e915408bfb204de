"""Clients that ask for many names at once."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.names.asked import Servers
from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.names.for_clients import TOO_MANY, ForClients
from twisted_relay.names.resolver import Resolver

ONE = "10.0.0.1"


class ForClientsTests(SynchronousTestCase):
    """Two names at one time for each client."""

    def setUp(self) -> None:
        """Name servers that answer when the test says so."""
        self.servers = Servers()
        self.resolver = Resolver(Clock(), DnsOptions(hosts="", max_lookups_per_client=2), self.servers)
        self.patch(self.resolver._routes, "has_route", lambda address: True)
        self.addCleanup(self.resolver.stop)
        self.names = ForClients(self.resolver)
        self.servers.slow = True

        self.reasons: list[str] = []

    def ask(self, client: str, host: str) -> list[tuple[str, ...]]:
        """Where the answer will be."""
        found: list[tuple[str, ...]] = []
        self.names.on_behalf_of(client)
        self.names.addresses(host, lambda addresses: self.told(host, found, addresses))
        return found

    def told(self, host: str, found: list[tuple[str, ...]], addresses: tuple[str, ...]) -> None:
        """What is found, and why nothing is."""
        found.append(addresses)
        self.reasons.append(self.names.failure(host))

    def is_refused(self, found: list[tuple[str, ...]]) -> bool:
        """Whether a client was told that it asks for too much."""
        return found == [()] and self.reasons[-1] == TOO_MANY

    def test_limit(self) -> None:
        """A third name is refused at once, and only to this client; of IPv6 a /64 is one client."""
        for client, same in (("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:2")):
            waiting = [self.ask(client, f"{number}.{client[0]}.example") for number in range(2)]
            self.assertEqual(waiting, [[], []])
            self.assertTrue(self.is_refused(self.ask(same, "c.example")))
        self.assertEqual(self.ask("192.0.2.2", "c.example"), [])
        self.assertEqual(self.resolver.lookups["client"], 2)
        self.assertEqual(self.names.failure("c.example"), "")
        self.servers.answer()
        self.assertEqual(self.reasons, [TOO_MANY, TOO_MANY, *["nxdomain"] * 5])
        self.assertEqual(self.ask("192.0.2.1", "d.example"), [])

    def test_what_is_known_is_free(self) -> None:
        """Remembered names, addresses, and what is no name are answered as always."""
        self.servers.know("known.example", ONE)
        self.ask("192.0.2.1", "known.example")
        self.servers.answer()
        for host in ("a.example", "b.example"):
            self.ask("192.0.2.1", host)
        for host, addresses in (("known.example", (ONE,)), (ONE, (ONE,)), ("localhost", ("::1", "127.0.0.1"))):
            self.assertEqual([sorted(each) for each in self.ask("192.0.2.1", host)], [sorted(addresses)])
        self.assertEqual(self.ask("192.0.2.1", "0x7f.1"), [()])
        self.assertEqual(self.resolver.lookups["client"], 0)

    def test_no_limit(self) -> None:
        """0 means none, and clients of UNIX sockets have none."""
        for number in range(5):
            self.assertEqual(self.ask("", f"{number}.example"), [])
        self.names = ForClients(Resolver(Clock(), DnsOptions(hosts="", max_lookups_per_client=0), self.servers))
        for number in range(5):
            self.assertEqual(self.ask("192.0.2.1", f"{number}.example"), [])

    def test_nothing_is_left(self) -> None:
        """When all look-ups are over no client is remembered."""
        for number in range(3):
            for client in range(5):
                self.ask(f"192.0.2.{client}", f"{number}.{client}.example")
        self.servers.answer()
        self.assertEqual(self.names._waiting, {})
