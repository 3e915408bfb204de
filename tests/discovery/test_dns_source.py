"""Looks into the DNS, with a DNS that the test holds."""

from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import DiscoverSpec
from twisted_relay.discovery.answer import Answer, LookFailed
from twisted_relay.discovery.dns_source import AddressSource, ServiceSource
from twisted_relay.names.reply import Found, Kind, LookupFailed, Record, Service

Result = Found | str
NAME = "_http._tcp.api.internal"
ADDRESSES = DiscoverSpec("dns+a", "api.internal", 8080)
SERVICES = DiscoverSpec("dns+srv", NAME)


def found(kind: Kind, *data: str | Service, ttl: int = 20, additional: Sequence[Record] = ()) -> Found:
    """An answer."""
    return Found(tuple(Record("x", kind, ttl, each) for each in data), ttl, tuple(additional))


class Names:
    """A DNS: an answer, or the reason of a failure, by name and kind. What it does not know does not exist."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Result] = {}
        self.asked: list[tuple[str, str]] = []
        self.slow: list[Deferred[None]] | None = None

    async def ask(self, name: str, kind: Kind) -> Found:
        """Answer, at once or when the test says so."""
        self.asked.append((name, kind))
        if self.slow is not None:
            self.slow.append(Deferred())
            await self.slow[-1]
        answer = self.answers.get((name, kind), "nxdomain")
        if isinstance(answer, str):
            raise LookupFailed(answer, f"{kind} of {name}: {answer}")
        return answer


class Looking(SynchronousTestCase):
    """What a look brings."""

    def setUp(self) -> None:
        """A DNS that knows nothing."""
        self.names = Names()

    def look(self, source: AddressSource | ServiceSource) -> Answer:
        """An answer that must come."""
        return self.successResultOf(Deferred.fromCoroutine(source.look()))

    def failure(self, source: AddressSource | ServiceSource) -> str:
        """The reason of a failure that must come."""
        return str(self.failureResultOf(Deferred.fromCoroutine(source.look()), LookFailed).value.reason)

    def servers(self, source: AddressSource | ServiceSource) -> list[str]:
        """The names of the servers that are found."""
        return [server.name for server in self.look(source).servers]


class AddressTests(Looking):
    """`dns+a`."""

    def answers(self, four: Result, six: Result = "empty") -> None:
        """What is known of the name."""
        self.names.answers = {("api.internal", "A"): four, ("api.internal", "AAAA"): six}

    def test_both_families(self) -> None:
        """IPv4 and IPv6 addresses are asked for side by side; each is a server."""
        self.answers(found("A", "10.0.0.1"), found("AAAA", "::1"))
        self.names.slow = []
        looking = Deferred.fromCoroutine(AddressSource(ADDRESSES, self.names).look())
        self.assertEqual(self.names.asked, [("api.internal", "A"), ("api.internal", "AAAA")])
        for each in self.names.slow:
            each.callback(None)
        names = [server.name for server in self.successResultOf(looking).servers]
        self.assertEqual(names, ["10.0.0.1:8080", "[::1]:8080"])

    def test_one_family(self) -> None:
        """With `family` only one kind of address is asked for."""
        self.answers(found("A", "10.0.0.1"), found("AAAA", "::1"))
        for family, kind, name in (("ipv4", "A", "10.0.0.1:8080"), ("ipv6", "AAAA", "[::1]:8080")):
            self.names.asked.clear()
            spec = DiscoverSpec("dns+a", "api.internal", 8080, family=family)  # type: ignore[arg-type]
            self.assertEqual(self.servers(AddressSource(spec, self.names)), [name])
            self.assertEqual(self.names.asked, [("api.internal", kind)])

    def test_how_long_it_holds(self) -> None:
        """As long as the shortest answer, but a second at least and `every` at most."""
        for four, six, holds in ((20, 10, 10.0), (0, 20, 1.0), (3600, 7200, 30.0), (1, 1, 1.0)):
            self.answers(found("A", "10.0.0.1", ttl=four), found("AAAA", "::1", ttl=six))
            self.assertEqual(self.look(AddressSource(ADDRESSES, self.names)).holds, holds)

    def test_failures(self) -> None:
        """Nothing found: that somebody could not answer says more than that there is nothing."""
        for four, six, reason in (
            ("nxdomain", "nxdomain", "nxdomain"),
            ("empty", "empty", "empty"),
            ("empty", "timeout", "timeout"),
            ("servfail", "nxdomain", "servfail"),
            (found("A", "0.0.0.0"), "empty", "empty"),
        ):
            self.answers(four, six)
            self.assertEqual(self.failure(AddressSource(ADDRESSES, self.names)), reason)

    def test_half_an_answer(self) -> None:
        """When one family cannot be asked its last answer counts; when it has none any more it does not."""
        source = AddressSource(ADDRESSES, self.names)
        self.answers(found("A", "10.0.0.1"), found("AAAA", "::1"))
        self.look(source)
        self.answers(found("A", "10.0.0.2"), "timeout")
        for _ in range(2):
            answer = self.look(source)
            self.assertEqual([server.name for server in answer.servers], ["10.0.0.2:8080", "[::1]:8080"])
            self.assertEqual(answer.remarks, ("AAAA of api.internal: timeout; its last answer stays in use",))
        self.answers(found("A", "10.0.0.2"), "empty")
        self.assertEqual(self.servers(source), ["10.0.0.2:8080"])
        self.answers(found("A", "10.0.0.2"), "timeout")
        self.assertEqual(self.servers(source), ["10.0.0.2:8080"])

    def test_memory_alone_is_no_answer(self) -> None:
        """When nobody answers the look has failed, whatever is remembered; the memory stays."""
        source = AddressSource(ADDRESSES, self.names)
        self.answers(found("A", "10.0.0.1"), found("AAAA", "::1"))
        self.look(source)
        self.answers("timeout", "timeout")
        self.assertEqual(self.failure(source), "timeout")
        self.answers("timeout", found("AAAA", "::2"))
        self.assertEqual(self.servers(source), ["10.0.0.1:8080", "[::2]:8080"])

    def test_cancelled(self) -> None:
        """A look that is called off calls off its questions."""
        self.names.slow = []
        looking = Deferred.fromCoroutine(AddressSource(ADDRESSES, self.names).look())
        looking.cancel()
        self.failureResultOf(looking)
        for each in self.names.slow:
            self.assertTrue(each.called)
            each.addErrback(lambda failure: failure.trap(CancelledError) and None)


class ServiceTests(Looking):
    """`dns+srv`."""

    ONE, TWO = Service(10, 1, 8001, "one"), Service(20, 7, 8002, "two")

    def test_addresses_that_are_asked_for(self) -> None:
        """The addresses of each target are asked for once, in both families."""
        more = Service(10, 1, 8003, "one")
        self.names.answers = {
            (NAME, "SRV"): found("SRV", self.ONE, self.TWO, more),
            ("one", "A"): found("A", "10.0.0.1", ttl=9),
            ("two", "AAAA"): found("AAAA", "::2"),
        }
        answer = self.look(ServiceSource(SERVICES, self.names))
        self.assertEqual(
            [(server.name, server.weight, server.tier, server.host) for server in answer.servers],
            [("10.0.0.1:8001", 1, 1, "one"), ("10.0.0.1:8003", 1, 1, "one"), ("[::2]:8002", 7, 2, "two")],
        )
        self.assertEqual(answer.holds, 9.0)
        self.assertEqual(
            sorted(self.names.asked[1:]), [(name, kind) for name in ("one", "two") for kind in ("A", "AAAA")]
        )

    def test_addresses_beside_the_records(self) -> None:
        """Addresses that came with the records need no question, but only those of targets count."""
        beside = [
            Record("one", "A", 5, "10.0.0.1"),
            Record("evil", "A", 5, "10.6.6.6"),
            Record("one", "AAAA", 5, "::1"),
        ]
        self.names.answers = {(NAME, "SRV"): found("SRV", self.ONE, additional=beside)}
        for family, names in (("any", ["10.0.0.1:8001", "[::1]:8001"]), ("ipv4", ["10.0.0.1:8001"])):
            self.names.asked.clear()
            spec = DiscoverSpec("dns+srv", NAME, family=family)  # type: ignore[arg-type]
            answer = self.look(ServiceSource(spec, self.names))
            self.assertEqual([server.name for server in answer.servers], names)
            self.assertEqual((answer.holds, self.names.asked), (5.0, [(NAME, "SRV")]))

    def test_a_target_without_addresses(self) -> None:
        """The other targets are found all the same, and it is said."""
        self.names.answers = {(NAME, "SRV"): found("SRV", self.ONE, self.TWO), ("two", "A"): found("A", "10.0.0.2")}
        answer = self.look(ServiceSource(SERVICES, self.names))
        self.assertEqual([server.name for server in answer.servers], ["10.0.0.2:8002"])
        self.assertEqual(answer.remarks, ("the SRV target one has no address",))

    def test_a_target_that_nobody_answers_for(self) -> None:
        """Its last addresses count."""
        source = ServiceSource(SERVICES, self.names)
        self.names.answers = {
            (NAME, "SRV"): found("SRV", self.ONE, self.TWO),
            ("one", "A"): found("A", "10.0.0.1"),
            ("two", "A"): found("A", "10.0.0.2"),
        }
        self.look(source)
        self.names.answers["one", "A"] = "timeout"
        self.assertEqual(self.servers(source), ["10.0.0.1:8001", "10.0.0.2:8002"])

    def test_failures(self) -> None:
        """No records, none that can be used, no addresses at all."""
        cases: tuple[tuple[dict[tuple[str, str], Result], str], ...] = (
            ({(NAME, "SRV"): "servfail"}, "servfail"),
            ({}, "nxdomain"),
            ({(NAME, "SRV"): found("SRV", Service(0, 0, 0, ""))}, "empty"),
            ({(NAME, "SRV"): found("SRV", self.ONE), ("one", "A"): "timeout"}, "timeout"),
        )
        for answers, reason in cases:
            self.names.answers = answers
            self.assertEqual(self.failure(ServiceSource(SERVICES, self.names)), reason, answers)

    def test_a_priority_that_goes(self) -> None:
        """Servers of the next priority stay in their tier when all before them are gone, and go on as they are."""
        source = ServiceSource(SERVICES, self.names)
        self.names.answers = {("one", "A"): found("A", "10.0.0.1"), ("two", "A"): found("A", "10.0.0.2")}
        for services, tiers in (((self.ONE, self.TWO), [1, 2]), ((self.TWO,), [2]), ((self.TWO, self.ONE), [1, 2])):
            self.names.answers[NAME, "SRV"] = found("SRV", *services)
            self.assertEqual([server.tier for server in self.look(source).servers], tiers)

    def test_too_many(self) -> None:
        """No more targets are asked for than servers are taken, those of the best priority first."""
        services = [Service(priority, 1, 80, f"t{priority}") for priority in range(20, 0, -1)]
        self.names.answers = {(NAME, "SRV"): found("SRV", *services)}
        self.names.answers |= {(f"t{n}", "A"): found("A", f"10.0.0.{n}") for n in range(1, 21)}
        spec = DiscoverSpec("dns+srv", NAME, most=3)
        self.assertEqual(self.servers(ServiceSource(spec, self.names)), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"])
        self.assertEqual({name for name, _ in self.names.asked}, {NAME, "t1", "t2", "t3"})
