"""From addresses and services to servers."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import Address, DiscoverSpec, ServerSpec
from twisted_relay.discovery.answer import (
    HEAVIEST,
    LAST_TIER,
    Place,
    answer_from,
    limited,
    places_at,
    places_of,
    priorities_after,
    unusable,
    usable_services,
)
from twisted_relay.names.reply import Service

SPEC = DiscoverSpec("dns+a", "api.internal", 8080)
ONE, TWO = Service(10, 5, 80, "one"), Service(10, 5, 81, "two")


class AddressTests(SynchronousTestCase):
    """Which addresses a server may have."""

    def test_unusable(self) -> None:
        """Addresses that mean nobody, everybody, or need an interface are refused; private and loopback ones not."""
        for address, reason in (
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("::", "unspecified"),
            ("224.0.0.1", "a multicast address"),
            ("ff02::1", "a multicast address"),
            ("255.255.255.255", "reserved"),
            ("240.0.0.1", "reserved"),
            ("fe80::1", "link-local"),
            ("::ffff:10.0.0.1", "IPv4 in IPv6"),
            ("10.0.0.1", ""),
            ("127.0.0.1", ""),
            ("169.254.1.1", ""),
            ("fd00::1", ""),
            ("::1", ""),
        ):
            self.assertEqual(unusable(address), reason, address)


class ServiceTests(SynchronousTestCase):
    """What SRV records mean."""

    def weights(self, *written: int) -> list[int]:
        """Weights of servers whose records, of one priority, have these."""
        services = [Service(1, weight, 80 + number, "one") for number, weight in enumerate(written)]
        return [place.weight for place in places_of(services, {"one": ["10.0.0.1"]}, priorities_after(services, ()))]

    def test_weights(self) -> None:
        """Up to 256 as they are, larger ones in proportion, none below 1."""
        for written, ours in (
            ((1, 2, 3), [1, 2, 3]),
            ((0, 0), [1, 1]),
            ((0, 10), [1, 10]),
            ((256, 1), [256, 1]),
            ((512, 256, 2), [256, 128, 1]),
            ((65535, 1, 0), [256, 1, 1]),
            ((65535, 65535), [256, 256]),
        ):
            self.assertEqual(self.weights(*written), ours, written)
            self.assertLessEqual(max(ours), HEAVIEST)

    def test_weights_of_each_priority(self) -> None:
        """Large weights of one priority do not make those of another small."""
        services = [Service(1, 1000, 80, "one"), Service(2, 3, 81, "one")]
        self.assertEqual(
            [each.weight for each in places_of(services, {"one": ["10.0.0.1"]}, priorities_after(services, ()))],
            [256, 3],
        )

    def test_priorities(self) -> None:
        """The lowest priority is tier 1, the next one tier 2, whatever their numbers."""
        services = [Service(priority, 1, 80, "one") for priority in (500, 0, 20, 500)]
        self.assertEqual(
            [each.tier for each in places_of(services, {"one": ["10.0.0.1"]}, priorities_after(services, ()))],
            [3, 1, 2, 3],
        )

    def test_priorities_that_are_gone(self) -> None:
        """A priority that nobody has any more keeps its place, unless they become too many; tiers have a last one."""
        one, two = Service(10, 1, 80, "one"), Service(20, 1, 80, "one")
        self.assertEqual(priorities_after([two], priorities_after([one, two], ())), (10, 20))
        self.assertEqual(priorities_after([one], (5, 20)), (5, 10, 20))
        self.assertEqual(priorities_after([one, two], range(100, 100 + LAST_TIER)), (10, 20))
        many = [Service(priority, 1, 80, "one") for priority in range(200)]
        places = places_of(many, {"one": ["10.0.0.1"]}, priorities_after(many, ()))
        self.assertEqual([place.tier for place in places], [*range(1, LAST_TIER + 1), *[LAST_TIER] * 101])

    def test_targets(self) -> None:
        """Each address of a target is a place at the service's port; a target without addresses has none."""
        places = places_of([ONE, TWO], {"one": ["10.0.0.1", "::1"], "two": []}, (10,))
        self.assertEqual(places, [Place("one", Address(host, 80), 5, 1) for host in ("10.0.0.1", "::1")])

    def test_usable_services(self) -> None:
        """Targets that are no host names, and port 0, are left aside with a remark; `.` says that there is nothing."""
        for service, remark in (
            (Service(1, 1, 80, ""), ""),
            (Service(1, 1, 80, "a b"), "which is no host name"),
            (Service(1, 1, 80, "a\r\nx: y"), r"'a\r\nx: y', which is no host name"),
            (Service(1, 1, 80, "ü"), r"'\xfc', which is no host name"),
            (Service(1, 1, 80, "10.0.0.1"), "which is no host name"),
            (Service(1, 1, 80, "x" * 300), "which is no host name"),
            (Service(1, 1, 0, "one"), "port 0"),
        ):
            usable, remarks = usable_services([service, ONE])
            self.assertEqual(usable, [ONE])
            self.assertEqual(len(remarks), bool(remark))
            self.assertTrue(all(remark in each and len(each) < 200 for each in remarks), remarks)


class AnswerTests(SynchronousTestCase):
    """`answer_from`."""

    def test_servers(self) -> None:
        """Named by address and port, with the name by which they were found; in one order whatever that of records."""
        addresses = ["10.0.0.10", "10.0.0.9", "2001:db8::1"]
        expected = tuple(
            ServerSpec(name, "http", address, host="api.internal")
            for name, address in (
                ("10.0.0.9:8080", Address("10.0.0.9", 8080)),
                ("10.0.0.10:8080", Address("10.0.0.10", 8080)),
                ("[2001:db8::1]:8080", Address("2001:db8::1", 8080)),
            )
        )
        for order in (addresses, addresses[::-1]):
            answer = answer_from(SPEC, places_at("api.internal", 8080, order), 30.0)
            self.assertEqual((answer.servers, answer.holds, answer.remarks), (expected, 30.0, ()))

    def test_https(self) -> None:
        """Servers that are found speak what the option says."""
        spec = DiscoverSpec("dns+a", "api.internal", 8443, scheme="https")
        self.assertEqual(answer_from(spec, places_at("a", 8443, ["10.0.0.1"]), 1.0).servers[0].scheme, "https")

    def test_duplicates(self) -> None:
        """One address and port is one server: that of the better tier, then that of the larger weight."""
        address = Address("10.0.0.1", 80)
        places = [Place("a", address, 9, 2), Place("b", address, 1, 1), Place("c", address, 4, 1)]
        for order in (places, places[::-1]):
            [server] = answer_from(SPEC, order, 1.0).servers
            self.assertEqual((server.weight, server.tier, server.host), (4, 1, "c"))

    def test_refused(self) -> None:
        """Addresses that no server can have are left aside, each with one remark."""
        answer = answer_from(SPEC, places_at("a", 80, ["0.0.0.0", "10.0.0.1", "0.0.0.0"]), 1.0)
        self.assertEqual([server.name for server in answer.servers], ["10.0.0.1:80"])
        self.assertEqual(answer.remarks, ("a has the address 0.0.0.0, which is unspecified",))

    def test_limited(self) -> None:
        """No more servers than `max` are taken, and it is said."""
        spec = DiscoverSpec("dns+a", "a", 80, most=2)
        servers = answer_from(SPEC, places_at("a", 80, [f"10.0.0.{n}" for n in range(1, 6)]), 1.0).servers
        answer = limited(spec, servers, 1.0, ("x",))
        self.assertEqual(answer.servers, servers[:2])
        self.assertEqual(answer.remarks, ("x", "3 of 5 servers are left aside: max=2"))
        self.assertEqual(limited(spec, servers[:2], 1.0, ()).remarks, ())
