"""The resolver against a name server of twisted.names on loopback, with real sockets and real time."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns, error
from twisted.names.server import DNSServerFactory
from twisted.trial.unittest import TestCase

from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.config.values import Address
from twisted_relay.names.resolver import Resolver

LOOP: Any = reactor


def record(name: str, payload: Any, ttl: int = 60) -> dns.RRHeader:
    """A record."""
    return dns.RRHeader(name, payload.TYPE, dns.IN, ttl, payload)


class Authority:
    """Answers as the test says; `records` are those of all names, `beside` go with every answer."""

    def __init__(self) -> None:
        self.records: list[dns.RRHeader] = []
        self.beside: list[dns.RRHeader] = []
        self.mode = "answer"
        self.asked: list[str] = []

    def query(self, query: dns.Query, timeout: object = None) -> "Deferred[Any]":
        """As `IResolver`."""
        name = query.name.name.decode()
        self.asked.append(f"{name} {dns.QUERY_TYPES[query.type]}")
        if self.mode == "silent":
            return Deferred()
        if self.mode == "fail":
            return fail(RuntimeError("as it was told"))
        names = {name.lower()}
        for each in self.records:
            payload: Any = each.payload
            if each.type == dns.CNAME and each.name.name.decode() in names:
                names.add(payload.name.name.decode())
        known = [each for each in self.records if each.name.name.decode() in names]
        if not known:
            return fail(error.DNSNameError())
        return succeed(([each for each in known if each.type in (query.type, dns.CNAME)], [], self.beside))


class Datagrams(dns.DNSDatagramProtocol):
    """UDP as RFC 1035 has it: at most 512 octets."""

    def writeMessage(self, message: dns.Message, address: tuple[str, int]) -> None:
        """Send a message, truncated if need be."""
        message.maxSize = 512
        super().writeMessage(message, address)


class SocketTests(TestCase):
    """What a resolver finds, and what it asks for it."""

    def setUp(self) -> None:
        """A name server, and a resolver that asks it."""
        self.authority = Authority()
        self.address = self.serve(self.authority)
        self.resolver = self.make(self.address)

    def serve(self, authority: Authority) -> Address:
        """A name server on a free port."""
        factory = DNSServerFactory(clients=[authority])
        factory.noisy = False
        factory.canRecurse = True
        tcp = LOOP.listenTCP(0, factory, interface="127.0.0.1")
        number = tcp.getHost().port
        protocol = Datagrams(factory)
        protocol.noisy = False
        udp = LOOP.listenUDP(number, protocol, interface="127.0.0.1")
        self.addCleanup(tcp.stopListening)
        self.addCleanup(udp.stopListening)
        return Address("127.0.0.1", number)

    def make(self, *servers: Address, timeout: float = 20.0) -> Resolver:
        """Who asks these."""
        made = Resolver(LOOP, DnsOptions(servers=servers, hosts="", timeout=timeout))
        self.addCleanup(made.stop)
        return made

    def addresses(self, name: str, resolver: Resolver | None = None) -> "Deferred[tuple[str, ...]]":
        """The addresses of a name."""
        found: Deferred[tuple[str, ...]] = Deferred()
        (resolver or self.resolver).addresses(name, found.callback)
        return found

    async def test_both_kinds(self) -> None:
        """A name with aliases and both kinds of addresses is asked for once."""
        self.authority.records = [
            record("app.example", dns.Record_CNAME("real.example")),
            record("real.example", dns.Record_A("10.0.0.1")),
            record("real.example", dns.Record_AAAA("2001:db8::1")),
        ]
        self.assertEqual(set(await self.addresses("App.Example.")), {"10.0.0.1", "2001:db8::1"})
        self.assertEqual(set(await self.addresses("app.example")), {"10.0.0.1", "2001:db8::1"})
        self.assertEqual(sorted(self.authority.asked), ["app.example A", "app.example AAAA"])

    async def test_too_long_for_a_datagram(self) -> None:
        """A truncated answer is fetched over TCP; of many addresses the first ones are used."""
        self.authority.records = [record("app.example", dns.Record_A(f"10.0.0.{n}")) for n in range(40)]
        self.assertEqual(await self.addresses("app.example"), tuple(f"10.0.0.{n}" for n in range(32)))

    async def test_no_such_name(self) -> None:
        """A name that does not exist has no address, and is not asked for again at once."""
        for _ in range(2):
            self.assertEqual(await self.addresses("gone.example"), ())
        self.assertEqual(len(self.authority.asked), 2)
        self.assertEqual(self.resolver.observed.queries, {("A", "nxdomain"): 1, ("AAAA", "nxdomain"): 1})

    async def test_another_name_server(self) -> None:
        """One that fails or is silent is passed over."""
        self.authority.records = [record("app.example", dns.Record_A("10.0.0.1"))]
        for mode in ("fail", "silent"):
            broken = Authority()
            broken.mode = mode
            resolver = self.make(self.serve(broken), self.address, timeout=0.2)
            self.assertEqual(await self.addresses("app.example", resolver), ("10.0.0.1",), mode)
            self.assertTrue(broken.asked)
        self.flushLoggedErrors(RuntimeError)

    async def test_aliases_without_end(self) -> None:
        """A loop of aliases is no answer."""
        self.authority.records = [
            record("a.example", dns.Record_CNAME("b.example")),
            record("b.example", dns.Record_CNAME("a.example")),
        ]
        self.assertEqual(await self.addresses("a.example"), ())
        self.assertEqual(self.resolver.observed.queries["A", "malformed"], 1)

    async def test_poison(self) -> None:
        """What an answer says of other names is believed neither now nor later."""
        self.authority.records = [record("app.example", dns.Record_A("10.0.0.1"))]
        self.authority.beside = [record("bank.example", dns.Record_A("10.6.6.6"))]
        self.assertEqual(await self.addresses("app.example"), ("10.0.0.1",))
        self.assertEqual(await self.addresses("bank.example"), ())

    async def test_changing_answers(self) -> None:
        """When an answer has ended the new one is found; when name servers fail, the old one is used."""
        self.authority.records = [record("app.example", dns.Record_A("10.0.0.1"), 1)]
        self.assertEqual(await self.addresses("app.example"), ("10.0.0.1",))
        self.authority.records = [record("app.example", dns.Record_A("10.0.0.2"), 1)]
        later = LOOP.seconds() + 100.0
        self.patch(self.resolver, "_reactor", Later(LOOP, later))
        self.assertEqual(await self.addresses("app.example"), ("10.0.0.2",))
        self.authority.mode = "fail"
        self.patch(self.resolver, "_reactor", Later(LOOP, later + 100.0))
        self.assertEqual(await self.addresses("app.example"), ("10.0.0.2",))
        self.flushLoggedErrors(RuntimeError)


class Later:
    """The reactor, at another time."""

    def __init__(self, loop: Any, now: float) -> None:
        self._loop = loop
        self._now = now

    def seconds(self) -> float:
        """As `IReactorTime`."""
        return self._now

    def callLater(self, *arguments: Any) -> Any:
        """As `IReactorTime`."""
        return self._loop.callLater(*arguments)
