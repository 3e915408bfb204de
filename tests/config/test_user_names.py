"""Names of users and groups."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.user_names import GROUPS, membership, name_problem, normal_name
from twisted_relay.config.values import GroupSpec


class NameTests(SynchronousTestCase):
    """What a user can be called."""

    def test_names(self) -> None:
        """Any text without colon and control characters, compared in form C; case counts."""
        for name in ("alice", "Alice", "a b", "bøb", "姓名", "👩‍🚀", "a@example.org", "n" * 255):
            self.assertEqual(name_problem(name), "", name)
        for name in ("", "a:b", "a\nb", "a\x7f", "\ud800", "n" * 256, "ø" * 128):
            self.assertNotEqual(name_problem(name), "", ascii(name))
        self.assertEqual(normal_name("o\u0308"), "\u00f6")

    def test_groups(self) -> None:
        """Groups are read with their users, and written as they were."""
        groups = (GroupSpec("ops", ("alice", "bob")), GroupSpec("none", ()), GroupSpec("all", ("bob",)))
        self.assertEqual(parse(GROUPS, "ops: alice  bob\nnone:\nall:bob"), groups)
        self.assertEqual(GROUPS.show(groups), "ops: alice bob\nnone: \nall: bob")
        for text, column in (("ops alice", 7), ("o s: alice", 7), (": alice", 7), ("ops: a:b", 12)):
            [fault] = faults_of(GROUPS, text)
            assert fault.span is not None
            self.assertEqual(fault.span.column, column, text)

    def test_membership(self) -> None:
        """A group that stands twice has the users of both lines."""
        members = membership([GroupSpec("a", ("x", "y")), GroupSpec("b", ("x",)), GroupSpec("a", ("z",))])
        self.assertEqual([members.of(name) for name in "xyzq"], [{"a", "b"}, {"a"}, {"a"}, frozenset()])
