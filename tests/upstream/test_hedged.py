"""Slow requests that go to a second server while the first still has them."""

import errno
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, Conversation, Party, get, head, ok, post, servers
from twisted_relay.config.tree import BackendOptions
from twisted_relay.upstream.hedged import may_be_hedged
from twisted_relay.upstream.hedging import Hedging
from twisted_relay.upstream.server import Server

OPTIONS = replace(BACKEND, servers=servers(3), hedge=True, hedge_budget=0.5, response_timeout=5.0)
BUSY = head("HTTP/1.1 503 Service Unavailable", "Content-Length: 4") + b"busy"


class Hedges(Conversation):
    """A backend whose route answers within 100 ms, as far as is known, and a client that has asked."""

    def __init__(self, case: SynchronousTestCase, options: BackendOptions = OPTIONS, request: bytes = b"") -> None:
        super().__init__(case, backend=options)
        for _ in range(128):
            self.hedging.budget.deposit(self.reactor.seconds())
            self.hedging.answered("all", self.reactor.seconds(), 0.1)
        self.asker = self.client()
        self.asker.sends(request or get("/", "Connection: close"))

    @property
    def hedging(self) -> Hedging:
        """What is known."""
        assert self.backend.hedging is not None
        return self.backend.hedging

    def two(self) -> tuple[Party, Party]:
        """The first server has taken too long, and a second one has the request too."""
        first = self.accepts("10.0.0.1")
        self.waits(0.12)
        return first, self.accepts("10.0.0.2")

    def is_over(self) -> None:
        """Nothing is left, and nobody is blamed."""
        super().is_over()
        self.case.assertEqual(self.hedging.budget.active, 0)


class HedgedTests(SynchronousTestCase):
    """Two servers, one answer."""

    def blames(self, talk: Conversation) -> int:
        """Errors that were counted for servers."""
        return sum(sum(server.counters.errors.values()) for server in talk.backend.servers)

    def test_the_second_wins(self) -> None:
        """The answer of the second server is passed on; the first is cut off and blamed for nothing."""
        talk = Hedges(self)
        told: list[object] = []
        talk.backend.observers.append(lambda *what: told.append(what))
        first, second = talk.two()
        second.sees_head("GET / HTTP/1.1")
        second.sends(ok(b"second"))
        first.sees_reset()
        self.assertEqual(talk.asker.sees_answer("HTTP/1.1 200 OK", "Connection: close"), b"second")
        last = talk.last()
        self.assertEqual((last.server, last.tries, last.authority), ("s2", 2, b"example.org"))
        self.assertAlmostEqual(last.first_byte - last.sent, 0.0, places=3)
        self.assertEqual((talk.hedging.made, talk.hedging.won), (1, 1))
        self.assertEqual((self.blames(talk), told), (0, []))
        talk.is_over()

    def test_the_first_wins(self) -> None:
        """The answer of the first server is passed on all the same when it is the first; the second is cut off."""
        talk = Hedges(self)
        first, second = talk.two()
        first.sends(ok(b"first"))
        second.sees_reset()
        self.assertEqual(talk.asker.sees_answer("HTTP/1.1 200 OK"), b"first")
        self.assertEqual((talk.last().server, talk.last().tries), ("s1", 2))
        self.assertAlmostEqual(talk.last().first_byte - talk.last().sent, 0.12, places=3)
        self.assertEqual((talk.hedging.made, talk.hedging.won, self.blames(talk)), (1, 0, 0))
        talk.is_over()

    def test_what_the_loser_took_is_told(self) -> None:
        """A policy that chooses by time hears what the loser has taken so far, so that it does not look fast."""
        told: list[tuple[str, float]] = []

        def hear(server: Server, seconds: float) -> None:
            told.append((server.name, round(seconds, 2)))

        for winner in (0, 1):
            talk = Hedges(self)
            told.clear()
            for server in talk.backend.servers:
                server.on_answer = hear
            parties = talk.two()
            talk.waits(0.08)
            parties[winner].sends(ok())
            self.assertEqual(sorted(told), [("s1", 0.2), ("s2", 0.08)])
            talk.is_over()

    def test_in_time(self) -> None:
        """A request that is answered in the usual time is given to one server only."""
        talk = Hedges(self)
        server = talk.accepts()
        talk.waits(0.09)
        server.sends(ok())
        talk.waits(1.0)
        talk.nobody_is_dialled()
        self.assertEqual((talk.hedging.made, talk.codes()), (0, [200]))
        talk.is_over()

    def test_a_bad_answer_waits(self) -> None:
        """An error or a 5xx of one server is not passed on while the other may do better, whichever it is."""
        for bad in ("first", "second"):
            for answer in (BUSY, b""):
                talk = Hedges(self, replace(OPTIONS, retries=0))
                first, second = talk.two()
                one, other = (first, second) if bad == "first" else (second, first)
                if answer:
                    one.sends(answer)
                else:
                    one.aborts()
                talk.asker.sees_nothing()
                other.sends(ok(b"good"))
                self.assertEqual(talk.asker.sees_answer("HTTP/1.1 200 OK"), b"good")
                self.assertEqual(talk.last().server, "s2" if bad == "first" else "s1")
                talk.is_over()

    def test_both_are_bad(self) -> None:
        """When both fail, the answer is what the first server did."""
        for order in (0, 1):
            talk = Hedges(self, replace(OPTIONS, retries=0))
            parties = talk.two()
            long = head("HTTP/1.1 500 Internal Server Error", "Content-Length: 9") + b"half"
            answers = (BUSY, long)
            for index in (order, 1 - order):
                parties[index].sends(answers[index])
            self.assertEqual(talk.asker.sees_answer("HTTP/1.1 503 Service Unavailable"), b"busy")
            self.assertEqual(talk.last().server, "s1")
            talk.is_over()

    def test_further_tries(self) -> None:
        """When the first server fails, its further tries go on beside the second server."""
        talk = Hedges(self)
        first, second = talk.two()
        first.aborts()
        third = talk.accepts()
        third.sends(ok(b"third"))
        second.sees_reset()
        self.assertEqual(talk.asker.sees_answer("HTTP/1.1 200 OK"), b"third")
        self.assertEqual((talk.last().server, talk.last().tries), ("s3", 3))
        talk.is_over()

    def test_streams(self) -> None:
        """The winner's content flows on after the other one is cut off."""
        talk = Hedges(self)
        _, second = talk.two()
        second.sends(head("HTTP/1.1 200 OK", "Content-Length: 6") + b"abc")
        second.sends(b"def")
        self.assertEqual(talk.asker.sees_answer("HTTP/1.1 200 OK"), b"abcdef")
        talk.is_over()

    def test_the_client_leaves(self) -> None:
        """Both servers are let go when the client leaves, and an answer that is held is too."""
        for held in (b"", head("HTTP/1.1 503 Service Unavailable", "Content-Length: 9") + b"half"):
            talk = Hedges(self)
            first, second = talk.two()
            if held:
                second.sends(held)
            talk.asker.aborts()
            first.sees_reset()
            second.sees_reset()
            self.assertEqual((talk.codes(), talk.last().tries, self.blames(talk)), ([499], 2, 0))
            talk.is_over()

    def test_the_client_leaves_before(self) -> None:
        """No second try is made for a client that has left."""
        talk = Hedges(self)
        talk.accepts()
        talk.asker.aborts()
        talk.waits(1.0)
        talk.nobody_is_dialled()
        talk.is_over()

    def test_total_timeout(self) -> None:
        """Both ways have the same end."""
        talk = Hedges(self, replace(OPTIONS, total_timeout=1.0))
        first, second = talk.two()
        talk.waits(0.9)
        first.sees_reset()
        second.sees_reset()
        self.assertEqual(talk.codes(), [504])
        talk.is_over()

    def test_a_server_that_refuses(self) -> None:
        """A second server that cannot be reached changes nothing."""
        talk = Hedges(self)
        first = talk.accepts()
        talk.waits(0.12)
        talk.refuses(errno.ECONNREFUSED)
        talk.nobody_is_dialled()
        first.sends(ok())
        self.assertEqual(talk.codes(), [200])
        talk.is_over()


class WhenTests(SynchronousTestCase):
    """Which requests get a second try."""

    def test_which(self) -> None:
        """GET and HEAD without content, and nothing else."""
        for request, expected in (
            (get("/", "Connection: close"), 1),
            (head("HEAD / HTTP/1.1", "Host: a"), 1),
            (head("OPTIONS / HTTP/1.1", "Host: a"), 0),
            (post(b"x"), 0),
            (head("GET / HTTP/1.1", "Host: a", "Content-Length: 1") + b"x", 0),
            (head("GET / HTTP/1.1", "Host: a", "Content-Length: 2"), 0),
        ):
            talk = Hedges(self, request=request)
            talk.accepts()
            talk.waits(0.2)
            self.assertEqual(len(talk.network.waiting), expected, request)
            talk.asker.aborts()
            talk.is_over()

    def test_upgrades(self) -> None:
        """A connection that is to be used for something else is asked for once."""
        talk = Hedges(self)
        talk.asker.aborts()
        request = talk.last().request
        self.assertTrue(may_be_hedged(request))
        request.upgrade = b"websocket"
        self.assertFalse(may_be_hedged(request))
        talk.is_over()

    def test_too_little_is_known(self) -> None:
        """Without a hundred answers of the route nothing is hedged."""
        talk = Conversation(self, backend=OPTIONS)
        client = talk.client()
        client.sends(get())
        talk.accepts()
        talk.waits(2.0)
        talk.nobody_is_dialled()
        client.aborts()
        talk.is_over()

    def test_one_server(self) -> None:
        """The same server is not asked twice at once."""
        talk = Hedges(self, replace(OPTIONS, servers=servers(1)))
        talk.accepts()
        talk.waits(0.2)
        talk.nobody_is_dialled()
        talk.asker.aborts()
        talk.is_over()

    def test_no_room(self) -> None:
        """A server without room is not asked."""
        talk = Hedges(self, replace(OPTIONS, servers=servers(2), max_connections_per_server=1))
        other = talk.client()
        talk.accepts("10.0.0.1")
        other.sends(get())
        talk.accepts("10.0.0.2")
        talk.waits(0.2)
        talk.nobody_is_dialled()
        talk.asker.aborts()
        other.aborts()
        talk.is_over()

    def test_while_it_waits_for_a_server(self) -> None:
        """A request that is in the queue is not hedged when its time comes."""
        talk = Hedges(self, replace(OPTIONS, servers=servers(1), max_connections_per_server=1))
        other = talk.client()
        busy = talk.accepts("10.0.0.1")
        other.sends(get("/", "Connection: close"))
        talk.waits(0.2)
        talk.nobody_is_dialled()
        busy.sends(ok())
        busy.sends(ok())
        self.assertEqual(talk.codes(), [200, 200])
        talk.is_over()

    def test_budget(self) -> None:
        """When the budget is used up no second try is made, and that is counted."""
        talk = Hedges(self, replace(OPTIONS, hedge_budget=0.0))
        talk.accepts()
        talk.waits(0.2)
        talk.nobody_is_dialled()
        self.assertEqual((talk.hedging.made, talk.hedging.budget.refused["rate"]), (0, 1))
        talk.asker.aborts()
        talk.is_over()

    def test_the_times_are_learned(self) -> None:
        """What good answers took decides when the next request is hedged."""
        talk = Conversation(self, backend=OPTIONS)
        client = talk.client()
        for _ in range(100):
            client.sends(get())
            server = talk.accepts()
            talk.waits(0.05)
            server.sends(head("HTTP/1.1 200 OK", "Content-Length: 0", "Connection: close"))
        hedging = talk.backend.hedging
        assert hedging is not None
        delay = hedging.delay("all", talk.reactor.seconds())
        assert delay is not None
        self.assertTrue(0.05 <= delay <= 0.056, delay)
        talk.is_over()
