"""Routes that can never match."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files

LISTENERS = "[listener:a]\nbind = :80\n[listener:b]\nbind = :81\n"


class UnreachableTests(SynchronousTestCase):
    """What an earlier route takes."""

    def unreachable(self, *routes: str) -> list[str]:
        """The routes, by number, that are warned about; each answers by itself."""
        text = LISTENERS + "[defaults:route]\nrespond = 200\n"
        text += "".join(f"[route:{number}]\n{conditions}\n" for number, conditions in enumerate(routes))
        found = load_files(self.mktemp(), {"relay.ini": text}).diagnostics
        return [each.message[7] for each in found if each.code == "unreachable-route"]

    def test_same_conditions(self) -> None:
        """In whatever order the values stand."""
        self.assertEqual(self.unreachable("host = x y\npath = /a", "path = /a\nhost = y x"), ["1"])
        self.assertEqual(self.unreachable("host = x", "host = x\npath = /a", "host = y", "path = /a"), [])

    def test_after_one_that_takes_all(self) -> None:
        """Nothing is left, for the listeners that it is for."""
        self.assertEqual(self.unreachable("host = x", "", "host = y", "listener = a"), ["2", "3"])
        self.assertEqual(self.unreachable("path = /*", "host = y"), ["1"])
        self.assertEqual(
            self.unreachable("listener = a", "listener = a\nhost = y", "listener = a b", "host = x"), ["1"]
        )

    def test_not_known(self) -> None:
        """A route with an error is left out."""
        self.assertEqual(self.unreachable("host = *", "host = y"), [])
