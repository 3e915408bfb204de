"""What changes when servers have been found: who joins, who leaves, who is held, and who only gets another weight."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.discovery.changes import NEVER, Changes, Limits, Present, changes, next_removal

HOLD = 30.0
LIMITS = Limits(HOLD, 1000)
NOTHING = Present({}, {})


def server(number: int, weight: int = 1, tier: int = 1) -> ServerSpec:
    """A server of its own address."""
    return ServerSpec(f"10.0.0.{number}:80", "http", Address(f"10.0.0.{number}", 80), weight, tier=tier)


ONE, TWO, THREE = server(1), server(2), server(3)


def present(*servers: ServerSpec, **missing: float) -> Present:
    """These servers, the one called `10.0.0.N:80` missing since `sN`."""
    named = {f"10.0.0.{key[1:]}:80": since for key, since in missing.items()}
    return Present({each.name: each for each in servers}, named)


class ChangesTests(SynchronousTestCase):
    """`changes`."""

    def test_the_first_servers(self) -> None:
        """All that is found joins, in its order."""
        todo = changes(NOTHING, [TWO, ONE], 0.0, LIMITS)
        self.assertEqual(todo, Changes((), (TWO, ONE), (), {}))

    def test_nothing_new(self) -> None:
        """The same servers in another order change nothing."""
        self.assertTrue(changes(present(ONE, TWO), [TWO, ONE], 5.0, LIMITS).is_nothing)

    def test_missing(self) -> None:
        """A server that is missing stays until it has been missing for long enough, then it leaves."""
        for since, now, leaves in (
            (None, 100.0, False),
            (100.0, 129.9, False),
            (100.0, 130.0, True),
            (100.0, 500.0, True),
        ):
            before = present(ONE, TWO) if since is None else present(ONE, TWO, s2=since)
            todo = changes(before, [ONE], now, LIMITS)
            self.assertEqual(todo.leave, (TWO.name,) if leaves else (), now)
            self.assertEqual(todo.missing, {} if leaves else {TWO.name: now if since is None else since}, now)

    def test_back_in_time(self) -> None:
        """A server that comes back is as if it had never been missing."""
        todo = changes(present(ONE, TWO, s2=100.0), [ONE, TWO], 120.0, LIMITS)
        self.assertEqual((todo.is_nothing, todo.missing), (True, {}))

    def test_without_hold(self) -> None:
        """Without a hold-down a missing server leaves at once."""
        self.assertEqual(changes(present(ONE, TWO), [ONE], 0.0, Limits(0.0, 1000)).leave, (TWO.name,))

    def test_another_weight(self) -> None:
        """A server with another weight stays and is told."""
        heavy = replace(ONE, weight=7)
        self.assertEqual(changes(present(ONE, TWO), [heavy, TWO], 0.0, LIMITS), Changes((), (), (heavy,), {}))

    def test_another_server_of_the_same_name(self) -> None:
        """What differs in more than its weight leaves and joins again."""
        for other in (
            replace(ONE, tier=2),
            replace(ONE, scheme="https"),
            replace(ONE, address=Address("10.0.0.9", 80), weight=3),
            replace(ONE, backup=True),
            replace(ONE, host="other.example.org"),
        ):
            self.assertEqual(changes(present(ONE), [other], 0.0, LIMITS), Changes((ONE.name,), (other,), (), {}), other)

    def test_room(self) -> None:
        """Servers that are held make room for those that are found; the one that is missing for longest goes first."""
        before = present(ONE, TWO, THREE, s1=5.0, s2=3.0)
        todo = changes(before, [THREE, server(4)], 10.0, Limits(HOLD, 3))
        self.assertEqual(todo, Changes((TWO.name,), (server(4),), (), {ONE.name: 5.0}))

    def test_next_removal(self) -> None:
        """The time to the first removal, or never."""
        self.assertEqual(next_removal({"a": 10.0, "b": 12.0}, 15.0, HOLD), 25.0)
        self.assertEqual(next_removal({}, 15.0, HOLD), NEVER)

    @given(
        st.lists(
            st.tuples(
                st.floats(0, 40),
                st.dictionaries(st.integers(1, 8), st.tuples(st.integers(0, 3), st.integers(1, 2)), max_size=8),
            ),
            max_size=12,
        ),
        st.integers(1, 10),
    )
    def test_any_answers(self, answers: list[tuple[float, dict[int, tuple[int, int]]]], most: int) -> None:
        """Whatever is answered, all that is found is there, nobody leaves before its time, and there is a limit."""
        now, has, missing = 0.0, dict[str, ServerSpec](), dict[str, float]()
        for pause, answer in answers:
            now += pause
            found = [server(number, weight, tier) for number, (weight, tier) in sorted(answer.items())][:most]
            todo = changes(Present(has, missing), found, now, Limits(HOLD, most))
            wanted = {each.name for each in found}
            for name in todo.leave:
                if name not in wanted:
                    late = now - missing.get(name, now) >= HOLD
                    self.assertTrue(late or len(has.keys() | wanted) > most, name)
                del has[name]
            self.assertTrue(has.keys().isdisjoint(each.name for each in todo.join))
            has.update((each.name, each) for each in (*todo.join, *todo.reweigh))
            missing = dict(todo.missing)
            self.assertEqual({each.name: each for each in found}, {name: has[name] for name in wanted})
            self.assertEqual(has.keys() - wanted, missing.keys())
            self.assertLessEqual(len(has), most)
