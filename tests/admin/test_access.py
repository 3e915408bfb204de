"""Who may ask the private listener."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.admin.access import Access, is_address_or_localhost

#: (Host, whether it may be one that an attacker's page made up: False)
HOSTS = (
    (b"127.0.0.1", True),
    (b"127.0.0.1:9180", True),
    (b"[::1]:9180", True),
    (b"[::1]", True),
    (b"localhost", True),
    (b"LocalHost:9180", True),
    (b"10.0.0.7:9180", True),
    (b"", True),
    (b"rebound.example:9180", False),
    (b"localhost.example", False),
    (b"127.0.0.1.example", False),
    (b"127.0.0.1:9180@rebound.example", False),
    (b"[::1].rebound.example", False),
    (b"[rebound.example]", False),
    (b"\xff", False),
)


class AccessTests(SynchronousTestCase):
    """`Access`."""

    def setUp(self) -> None:
        self.access = Access([ip_network("127.0.0.0/8"), ip_network("::1")])

    def test_networks(self) -> None:
        """Only clients in the networks, and those over a UNIX socket, may."""
        for client, allowed in (("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("", True)):
            self.assertEqual(not self.access.refusal(client, [b"localhost"]), allowed, client)
        self.assertEqual(self.access.refusal("192.0.2.1", [b"localhost"]), "192.0.2.1 is not in [admin] allow")

    def test_hosts(self) -> None:
        """Addresses and localhost may be asked for; names may not, because a web page could have made them up."""
        for host, allowed in HOSTS:
            self.assertEqual(is_address_or_localhost(host), allowed, host)
            self.assertEqual(not self.access.refusal("127.0.0.1", [host]), allowed, host)

    def test_several_hosts(self) -> None:
        """A second Host cannot hide the first; none at all is no browser."""
        self.assertNotEqual(self.access.refusal("127.0.0.1", [b"localhost", b"rebound.example"]), "")
        self.assertEqual(self.access.refusal("127.0.0.1", []), "")

    def test_other_machines(self) -> None:
        """A scraper on another machine that is allowed asks for the name of a service."""
        access = Access([ip_network("192.0.2.0/24")])
        self.assertEqual(access.refusal("192.0.2.1", [b"relay:9180"]), "")

    def test_unix_socket(self) -> None:
        """Over a UNIX socket every name will do: no browser gets there."""
        self.assertEqual(self.access.refusal("", [b"relay"]), "")
