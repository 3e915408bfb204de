"""The limit that follows from response times."""

from collections.abc import Callable
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, Conversation, get, head, ok
from twisted_relay.upstream.gradient import (
    INTERVAL,
    LEAST,
    MEASURED,
    MOST,
    WINDOW,
    Gradient,
    next_limit,
)

START = 1000.0


class Load:
    """A server that always has as many requests as its limit allows; `time` says what it takes with so many."""

    def __init__(self, time: Callable[[int], float], random: float = 0.0) -> None:
        self.time = time
        self.now = START
        self.gradient = Gradient(lambda: random)

    def runs(self, seconds: float) -> int:
        """The limit after so long."""
        end = self.now + seconds
        while self.now < end:
            limit = self.gradient.limit
            took = self.time(limit)
            self.now += took
            for _ in range(limit):
                self.gradient.answered(self.now, took)
        return self.gradient.limit


def queues_above(capacity: int, base: float = 0.01) -> Callable[[int], float]:
    """A server that works on so many requests at once; the others wait inside it."""
    return lambda active: base * max(1.0, active / capacity)


class NextTests(SynchronousTestCase):
    """One window."""

    def test_formula(self) -> None:
        """The limit times the gradient, and the root of that on top."""
        for limit, least, time, expected in (
            (100, 0.1, 0.125, 110),  # as long as without load and the buffer: only the root
            (100, 0.1, 0.25, 57),  # twice that: half
            (100, 0.1, 10.0, 57),  # never less than half
            (100, 0.1, 0.1, 136),
            (100, 0.1, 0.001, 214),  # never more than twice
            (100, 0.1, 0.0, 214),
            (3, 0.1, 10.0, LEAST),
            (1000, 0.1, 0.1, MOST),
        ):
            self.assertEqual(next_limit(limit, least, time), expected, (limit, least, time))


class GradientTests(SynchronousTestCase):
    """One server."""

    def test_the_start(self) -> None:
        """It begins with few requests, measures what they take, and then lets more through."""
        gradient = Gradient(lambda: 0.0)
        self.assertEqual(gradient.limit, LEAST)
        for _ in range(MEASURED - 1):
            self.assertEqual(gradient.answered(START, 0.05), LEAST)
        self.assertTrue(gradient.is_measuring)
        gradient.answered(START, 0.05)
        self.assertEqual((gradient.is_measuring, gradient.least_time), (False, 0.05))
        for _ in range(20):
            gradient.answered(START + WINDOW, 0.05)
        self.assertGreater(gradient.limit, LEAST)

    def test_finds_the_capacity(self) -> None:
        """The limit settles a little above what the server can work on at once, whatever that is."""
        for capacity in (8, 50, 200):
            limit = Load(queues_above(capacity)).runs(INTERVAL / 2)
            self.assertTrue(capacity <= limit <= 2 * capacity, (capacity, limit))

    def test_a_server_without_an_end(self) -> None:
        """The limit grows to its own end when more requests take no longer."""
        self.assertEqual(Load(lambda active: 0.01).runs(INTERVAL / 2), MOST)

    def test_capacity_changes(self) -> None:
        """The limit follows a server that gets slower under load, and one that recovers."""
        load = Load(queues_above(100))
        before = load.runs(20.0)
        load.time = queues_above(20)
        self.assertLess(load.runs(5.0), before / 2)
        load.time = queues_above(100)
        self.assertGreater(load.runs(10.0), before * 0.8)

    def test_measures_again(self) -> None:
        """After a minute or a little more it measures again, with few requests, and goes on where it was."""
        load = Load(queues_above(50), random=0.5)
        load.runs(INTERVAL)
        self.assertFalse(load.gradient.is_measuring)
        before = load.gradient.limit
        while not load.gradient.is_measuring:
            load.gradient.answered(load.now, 0.01)
            load.now += 0.01
        self.assertLess(abs(load.now - START - INTERVAL * 1.05), 1.0)
        self.assertEqual(load.gradient.limit, LEAST)
        for _ in range(MEASURED):
            load.now += 0.01
            load.gradient.answered(load.now, 0.01)
        self.assertGreaterEqual(load.gradient.limit, before * 0.9)

    def test_what_was_sent_before(self) -> None:
        """Answers to requests that were sent while there were many do not count as times without load."""
        load = Load(queues_above(50))
        load.runs(INTERVAL)
        while not load.gradient.is_measuring:
            load.gradient.answered(load.now, 0.01)
            load.now += 0.01
        for _ in range(2 * MEASURED):
            load.gradient.answered(load.now, 5.0)
        self.assertTrue(load.gradient.is_measuring)

    def test_slower_for_good(self) -> None:
        """When even few requests take longer for a while, that is the new time without load."""
        load = Load(queues_above(50))
        load.runs(10.0)
        load.time = queues_above(50, base=0.1)
        limit = load.runs(30.0)
        self.assertAlmostEqual(load.gradient.least_time, 0.1)
        self.assertGreaterEqual(limit, 50)

    def test_few_answers(self) -> None:
        """A window with few answers goes on until there are enough to say something."""
        gradient = Gradient(lambda: 0.0)
        for _ in range(MEASURED):
            gradient.answered(START, 0.01)
        for number in range(9):
            self.assertEqual(gradient.answered(START + number, 9.9), LEAST)
        self.assertEqual(gradient.answered(START + 9, 0.01), LEAST)
        for number in range(10):
            gradient.answered(START + 10 + number, 0.01)
        self.assertGreater(gradient.limit, LEAST)


class BackendTests(SynchronousTestCase):
    """Servers of a backend whose limits are found out."""

    def test_requests_wait(self) -> None:
        """What is above the limit waits, and is let through as the limit grows."""
        talk = Conversation(self, backend=replace(BACKEND, adaptive_limit=True))
        clients = [talk.client() for _ in range(5)]
        for client in clients:
            client.sends(get())
        parties = [talk.accepts() for _ in range(LEAST)]
        talk.nobody_is_dialled()
        self.assertEqual((len(talk.backend.queue), talk.server().limit), (2, LEAST))
        for party in parties:
            party.sends(ok())
        self.assertEqual(len(talk.backend.queue), 0)
        for party in parties:
            if b"GET" in party.taken():
                party.sends(ok())
        talk.backend.now = lambda: START
        server = talk.server()
        for _ in range(MEASURED):
            talk.backend.adapt(server, START, 0.01)
        for _ in range(10):
            talk.backend.adapt(server, START + 1.0, 0.01)
        self.assertGreater(server.limit, LEAST)
        self.assertEqual(server.limit, server.adaptive_limit)
        for client in clients:
            client.aborts()
        talk.is_over()

    def test_full(self) -> None:
        """A server is full when its limit falls to what it works on, and has room when it rises."""
        talk = Conversation(self, backend=replace(BACKEND, adaptive_limit=True))
        server, backend = talk.server(), talk.backend
        for _ in range(MEASURED):
            backend.adapt(server, START, 0.01)
        clients = [talk.client() for _ in range(LEAST)]
        for client in clients:
            client.sends(get())
        self.assertTrue(backend.is_saturated)
        for _ in range(10):
            backend.adapt(server, START + 1.0, 0.001)
        self.assertFalse(backend.is_saturated)
        for number in range(40):
            backend.adapt(server, START + 2.0 + number // 10, 9.0)
        self.assertTrue(backend.is_saturated)
        for client in clients:
            client.aborts()
        talk.is_over()

    def test_down(self) -> None:
        """A server that is down is not waited for, whatever is learned from what it still worked on."""
        talk = Conversation(self, backend=replace(BACKEND, adaptive_limit=True))
        server, backend = talk.server(), talk.backend
        clients = [talk.client() for _ in range(LEAST + 1)]
        for client in clients[:LEAST]:
            client.sends(get())
        server.set_down("test")
        for _ in range(MEASURED):
            backend.adapt(server, START, 0.01)
        for number in range(20):
            backend.adapt(server, START + 1.0 + number // 10, 0.001)
        for number in range(60):
            backend.adapt(server, START + 4.0 + number // 10, 9.0)
        self.assertFalse(server.has_room)
        clients[LEAST].sends(get())
        clients[LEAST].sees_head("HTTP/1.1 503 Service Unavailable")
        for client in clients:
            client.aborts()

    def test_answers_are_counted(self) -> None:
        """Every response of a server says how long it took."""
        talk = Conversation(self, backend=replace(BACKEND, adaptive_limit=True))
        client = talk.client()
        for _ in range(MEASURED):
            client.sends(get())
            server = talk.accepts()
            talk.waits(0.02)
            server.sends(head("HTTP/1.1 200 OK", "Content-Length: 0", "Connection: close"))
        gradient = talk.server().gradient
        assert gradient is not None
        self.assertEqual(round(gradient.least_time, 6), 0.02)
        talk.is_over()
