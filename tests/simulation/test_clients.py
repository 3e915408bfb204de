"""Modelled clients: when they come, who they are, and when they leave."""

from collections import Counter
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import backend
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.errors import NoServer
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Answer, Answered, Response
from twisted_relay.simulation.clients import AnsweredTwice, Clients
from twisted_relay.simulation.clock import VirtualClock
from twisted_relay.simulation.sections import ClientsOptions
from twisted_relay.simulation.simulate import parse_policies


class ClientsTests(SynchronousTestCase):
    """Clients before a relay that only notes what it gets."""

    def make(self, options: BackendOptions | None = None, **written: object) -> Clients:
        self.clock = VirtualClock()
        self.clock.rightNow = 1000.0
        self.asked: list[tuple[Exchange, Answered]] = []

        def relay(exchange: Exchange, answered: Answered) -> None:
            self.asked.append((exchange, answered))

        made = ClientsOptions(name="web", **written)  # type: ignore[arg-type]
        return Clients(made, self.clock, relay, options or backend(), "1")

    def note(self, left: dict[Exchange, float], exchange: Exchange) -> None:
        """A client has left."""
        left[exchange] = self.clock.rightNow

    def test_rate(self) -> None:
        """They come at random, in the mean as often as asked for: a Poisson process."""
        self.make().set_rate(50.0)
        self.clock.advance(200.0)
        self.assertLess(abs(len(self.asked) - 10_000), 500)
        seconds = Counter(int(exchange.started) for exchange, _ in self.asked)
        mean = len(self.asked) / 200
        variance = sum((seconds[1000 + second] - mean) ** 2 for second in range(200)) / 200
        self.assertTrue(0.7 < variance / mean < 1.4, variance / mean)

    def test_another_rate(self) -> None:
        """A new rate holds from now on; with none nobody comes any more."""
        clients = self.make()
        clients.set_rate(0.001)
        clients.set_rate(100.0)
        self.clock.advance(10.0)
        self.assertLess(abs(len(self.asked) - 1000), 160)
        clients.set_rate(0.0)
        before = len(self.asked)
        self.clock.advance(10_000.0)
        self.assertEqual((len(self.asked), clients.begun), (before, before))

    def test_what_they_count(self) -> None:
        """Answers, errors by reason, and the time each took."""
        clients = self.make()
        clients.set_rate(1.0)
        while len(self.asked) < 3:
            self.clock.advance(1.0)
        started = [exchange.started for exchange, _ in self.asked]
        answers: tuple[Answer, ...] = (Response(200, b"", Fields()), Response(502, b"", Fields()), NoServer("x"))
        for (exchange, answered), answer in zip(self.asked, answers, strict=False):
            exchange.tries = 2
            answered(answer)
        tally = clients.tally
        self.assertEqual((tally.ended, tally.tries, tally.aborted), (3, 6, 0))
        self.assertEqual(tally.errors, {"status 502": 1, "no_server": 1})
        self.assertEqual(tally.latencies, [self.clock.rightNow - each for each in started[:3]])

    def test_a_second_answer(self) -> None:
        """It is never taken for another request's: the run ends."""
        self.make().set_rate(1.0)
        while not self.asked:
            self.clock.advance(1.0)
        _, answered = self.asked[0]
        answered(NoServer("x"))
        self.assertRaises(AnsweredTwice, answered, NoServer("x"))

    def test_patience(self) -> None:
        """Each leaves when it has waited long enough, to the moment; who is answered does not."""
        clients = self.make(patience=5.0)
        clients.set_rate(2.0)
        left: dict[Exchange, float] = {}
        for _ in range(40):
            self.clock.advance(0.5)
            for exchange, _answered in self.asked:
                if exchange.cancel is None and not exchange.finished:
                    exchange.cancel = partial(self.note, left, exchange)
        answered = {exchange for exchange, _ in self.asked[-3:] if not exchange.finished}
        for exchange, answer in self.asked[-3:]:
            if exchange in answered:
                answer(NoServer("x"))
        clients.set_rate(0.0)
        self.clock.advance(10.0)
        self.assertGreater(len(left), 20)
        for exchange, when in left.items():
            self.assertAlmostEqual(when - exchange.started, 5.0)
        self.assertEqual(set(left) & answered, set())
        self.assertEqual(clients.tally.aborted, len(self.asked) - len(answered))
        self.assertEqual(self.clock.heap, [])

    def test_methods(self) -> None:
        """Each has its share."""
        self.make(methods=(("GET", 0.7), ("POST", 0.2), ("PUT", 0.1))).set_rate(100.0)
        self.clock.advance(50.0)
        counted = Counter(exchange.request.method for exchange, _ in self.asked)
        for method, share in ((b"GET", 0.7), (b"POST", 0.2), (b"PUT", 0.1)):
            self.assertLess(abs(counted[method] / len(self.asked) - share), 0.03, method)

    def test_people(self) -> None:
        """All ask alike, or by Zipf's law: the first a tenth as often again as the second, and so on."""
        for zipf, first, tenth in ((0.0, 0.01, 0.01), (1.0, 0.1928, 0.01928)):
            self.make(population=100, zipf=zipf).set_rate(100.0)
            self.clock.advance(200.0)
            counted = Counter(exchange.request.path for exchange, _ in self.asked)
            for path, share in ((b"/0", first), (b"/9", tenth)):
                self.assertLess(abs(counted[path] / len(self.asked) - share), 0.15 * share, (zipf, path))

    def test_keys(self) -> None:
        """Whatever a policy maps to servers is the client's own, and there are as many as clients."""
        for policy, key in (
            ("hash header:X-User", lambda exchange: exchange.request.fields.get(b"X-User")),
            ("hash cookie:id", lambda exchange: exchange.request.fields.get(b"Cookie")),
            ("hash query:u", lambda exchange: exchange.request.query),
            ("hash path", lambda exchange: exchange.request.path),
            ("maglev client-ip", lambda exchange: exchange.origin.client),
            ("ip-hash", lambda exchange: exchange.origin.client.rpartition(".")[0]),
        ):
            self.make(backend(balance=parse_policies(policy)[0]), population=20).set_rate(100.0)
            self.clock.advance(20.0)
            pairs = {(key(exchange), exchange.request.path) for exchange, _ in self.asked}
            self.assertEqual(len(pairs), 20, policy)
            self.assertEqual(len({first for first, _ in pairs} - {None}), 20, policy)
