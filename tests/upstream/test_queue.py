"""Who waits, and whose turn it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import RelayError
from twisted_relay.upstream.queue import Queue


@dataclass(eq=False)
class Waiter:
    """Somebody who waits, by name."""

    name: str
    client: str = "a"
    wanted: str = ""
    queued_at: float = 0.0
    refused: list[RelayError] = field(default_factory=list)

    def called(self) -> None:
        """See `Waiting`."""

    def refuse(self, error: RelayError) -> None:
        """See `Waiting`."""
        self.refused.append(error)


def waiting(queue: Queue, *waiters: Waiter) -> Sequence[Waiter]:
    """Let them join, one after the other."""
    for moment, waiter in enumerate(waiters):
        waiter.queued_at = float(moment)
        queue.join(waiter)
    return waiters


def turns(queue: Queue, server: str = "", *, any_will_do: bool = True) -> str:
    """Everybody in turn, until nobody is left."""
    names = []
    while (waiter := queue.take_for(server, any_will_do=any_will_do)) is not None:
        assert isinstance(waiter, Waiter)
        names.append(waiter.name)
    return " ".join(names)


class TurnTests(SynchronousTestCase):
    """The order in which requests leave the queue."""

    def test_clients_in_turn(self) -> None:
        """A client with many requests lets the others in between."""
        queue = Queue(10, fair=True)
        waiting(
            queue, Waiter("a1"), Waiter("a2"), Waiter("a3"), Waiter("b1", "b"), Waiter("c1", "c"), Waiter("b2", "b")
        )
        self.assertEqual(turns(queue), "a1 b1 c1 a2 b2 a3")
        self.assertEqual(len(queue), 0)

    def test_order_of_arrival(self) -> None:
        """With `fifo` nobody is preferred."""
        queue = Queue(10, fair=False)
        waiting(queue, Waiter("a1"), Waiter("a2"), Waiter("b1", "b"), Waiter("a3"))
        self.assertEqual(turns(queue), "a1 a2 b1 a3")

    def test_leaving(self) -> None:
        """Who leaves is not called; leaving twice is no harm."""
        queue = Queue(10, fair=True)
        one, two, three = waiting(queue, Waiter("1"), Waiter("2", "b", "s1"), Waiter("3"))
        self.assertEqual([queue.leave(one), queue.leave(one), queue.leave(two), queue.leave(two)], [1, 0, 1, 0])
        self.assertEqual((list(queue), len(queue), queue.wanted), ([three], 1, []))
        self.assertEqual(turns(queue, "s1"), "3")
        self.assertFalse(queue.leave(three))

    def test_stuck(self) -> None:
        """Who waits for one server is called for that one only; who has waited longer goes first."""
        queue = Queue(10, fair=True)
        waiting(queue, Waiter("any1"), Waiter("s1", "b", "s1"), Waiter("s2", "c", "s2"), Waiter("any2", "d"))
        self.assertEqual(turns(queue, "s1"), "any1 s1 any2")
        self.assertEqual(queue.wanted, ["s2"])
        self.assertEqual(turns(queue, "s1"), "")
        self.assertEqual(turns(queue, "s2", any_will_do=False), "s2")

    def test_a_server_that_takes_only_its_own(self) -> None:
        """A server that drains calls nobody who could go elsewhere."""
        queue = Queue(10, fair=True)
        waiting(queue, Waiter("any"), Waiter("s1", "b", "s1"))
        self.assertEqual(turns(queue, "s1", any_will_do=False), "s1")
        self.assertEqual(len(queue), 1)

    def test_a_server_that_is_gone(self) -> None:
        """Who waited for a server that takes nobody any more is content with any."""
        queue = Queue(10, fair=True)
        one, two = waiting(queue, Waiter("1", "a", "s1"), Waiter("2", "a", "s2"))
        queue.release({"s2"})
        self.assertEqual((one.wanted, two.wanted, queue.wanted, len(queue)), ("", "s2", ["s2"], 2))
        self.assertEqual(turns(queue), "1")


class FullTests(SynchronousTestCase):
    """Nobody more may wait."""

    def test_the_longest_line_loses(self) -> None:
        """A newcomer with a shorter line takes the place of the last one of the longest."""
        queue = Queue(3, fair=True)
        *_, last = waiting(queue, Waiter("a1"), Waiter("a2"), Waiter("a3"))
        self.assertIs(queue.join(Waiter("b1", "b")), last)
        newcomer = Waiter("b2", "b")
        self.assertIs(queue.join(newcomer), newcomer)
        self.assertEqual(turns(queue), "a1 b1 a2")

    def test_the_newcomer_loses(self) -> None:
        """Without somebody who takes more than others, who comes last is not taken."""
        for queue in (Queue(2, fair=True), Queue(2, fair=False), Queue(0, fair=True)):
            waiting(queue, Waiter("a1"), Waiter("b1", "b"))
            before = len(queue)
            for newcomer in (Waiter("a2"), Waiter("a3", wanted="s1")):
                self.assertIs(queue.join(newcomer), newcomer)
            self.assertEqual((len(queue), queue.wanted), (before, []))


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "take", "release"]), st.integers(0, 3), st.sampled_from(["", "s1", "s2"])
    ),
    max_size=60,
)


class AnyOrderTests(SynchronousTestCase):
    """Whatever happens, the counts are right."""

    @given(ACTIONS, st.booleans())
    def test_nobody_is_lost(self, actions: list[tuple[str, int, str]], fair: bool) -> None:
        """Everybody who joined is in the queue, or has left it exactly once."""
        queue = Queue(5, fair=fair)
        inside: list[object] = []
        for moment, (action, number, server) in enumerate(actions):
            if action == "join":
                newcomer = Waiter(str(moment), f"c{number}", server, float(moment))
                inside.append(newcomer)
                gone: object = queue.join(newcomer)
            elif action == "leave" and len(inside) > number:
                gone = inside[number]
                self.assertTrue(queue.leave(gone))  # type: ignore[arg-type]
            elif action == "take":
                gone = queue.take_for(server, any_will_do=True)
            else:
                queue.release({server})
                gone = None
            if gone is not None:
                inside.remove(gone)
            self.assertEqual((len(queue), set(queue)), (len(inside), set(inside)))
            self.assertLessEqual(len(queue), 5)
