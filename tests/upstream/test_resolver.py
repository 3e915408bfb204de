"""Names of servers: looked up in the background, and the last good answer kept."""

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.upstream.resolver import REFRESH, Resolver, is_address


class Receiver(Protocol):
    """What takes the answers of a look-up."""

    def resolutionBegan(self, resolution: object) -> None: ...
    def addressResolved(self, address: object) -> None: ...
    def resolutionComplete(self) -> None: ...


class SlowNames(Clock):
    """A reactor whose name resolver answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Receiver, str]] = []

    @property
    def nameResolver(self) -> "SlowNames":
        """Where Twisted looks for the resolver."""
        return self

    def resolveHostName(self, receiver: Receiver, host: str) -> None:
        """As `IHostnameResolver`."""
        self.asked.append((receiver, host))

    def answer(self, *addresses: str) -> None:
        """Answer the oldest question; without addresses the name does not exist."""
        receiver, _ = self.asked.pop(0)
        receiver.resolutionBegan(None)
        for address in addresses:
            receiver.addressResolved(IPv4Address("TCP", address, 0))
        receiver.resolutionComplete()


class ResolverTests(SynchronousTestCase):
    """What those who ask for a host get."""

    def setUp(self) -> None:
        """A resolver, and a place for what is found."""
        self.reactor = SlowNames()
        self.resolver = Resolver(self.reactor)
        self.addCleanup(self.resolver.stop)
        self.found: list[Sequence[str]] = []
        self.add: Callable[[tuple[str, ...]], None] = self.found.append

    def test_literals(self) -> None:
        """An address needs no look-up."""
        for host in ("10.0.0.1", "::1"):
            self.resolver.addresses(host, self.add)
        self.assertEqual(self.found, [("10.0.0.1",), ("::1",)])
        self.assertEqual(self.reactor.asked, [])
        self.assertFalse(is_address("localhost"))

    def test_first_answer(self) -> None:
        """Those who ask before the first answer wait for it; those after get it at once, from one look-up."""
        self.resolver.addresses("app", self.add)
        self.resolver.addresses("app", self.add)
        self.assertEqual((len(self.reactor.asked), self.found), (1, []))
        self.reactor.answer("10.0.0.1", "10.0.0.2", "10.0.0.1")
        self.resolver.addresses("app", self.add)
        self.assertEqual(self.found, [("10.0.0.1", "10.0.0.2")] * 3)
        self.assertEqual(self.reactor.asked, [])

    def test_refresh(self) -> None:
        """A name is looked up again in the background; meanwhile the old answer holds."""
        self.resolver.watch("app")
        self.reactor.answer("10.0.0.1")
        self.reactor.advance(REFRESH)
        self.resolver.addresses("app", self.add)
        self.reactor.answer("10.0.0.2")
        self.resolver.addresses("app", self.add)
        self.assertEqual(self.found, [("10.0.0.1",), ("10.0.0.2",)])

    def test_the_last_good_answer_stays(self) -> None:
        """A look-up that fails changes nothing, and is told once."""
        self.resolver.watch("app")
        self.reactor.answer("10.0.0.1")
        with capturedLogs() as events:
            for _ in range(3):
                self.reactor.advance(REFRESH)
                self.reactor.answer()
        self.resolver.addresses("app", self.add)
        self.assertEqual(self.found, [("10.0.0.1",)])
        self.assertEqual([event["host"] for event in events if "host" in event], ["app"])

    def test_unknown(self) -> None:
        """A name that was never found gives nothing, at once, until it is found."""
        self.resolver.addresses("app", self.add)
        self.reactor.answer()
        self.resolver.addresses("app", self.add)
        self.assertEqual(self.found, [(), ()])
        self.reactor.advance(REFRESH)
        self.reactor.answer("10.0.0.1")
        self.resolver.addresses("app", self.add)
        self.assertEqual(self.found[-1], ("10.0.0.1",))

    def test_a_look_up_that_hangs(self) -> None:
        """No second look-up of a name is begun while one is running."""
        self.resolver.watch("app")
        for _ in range(5):
            self.reactor.advance(REFRESH)
        self.assertEqual(len(self.reactor.asked), 1)

    def test_stop(self) -> None:
        """After the stop nothing is looked up and nobody is called."""
        self.resolver.addresses("app", self.add)
        self.resolver.stop()
        self.reactor.answer("10.0.0.1")
        self.reactor.advance(REFRESH * 3)
        self.assertEqual((self.found, self.reactor.asked, self.reactor.getDelayedCalls()), ([], [], []))
