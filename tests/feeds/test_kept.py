"""What was fetched, on disk."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.feeds.kept import Kept, Validators, stamps

URL = "https://lists.example/ads"


class KeptTests(SynchronousTestCase):
    """`Kept` and `stamps`."""

    def setUp(self) -> None:
        """An empty directory."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.kept = Kept(str(self.folder), "ads", URL)

    def bring(self, content: bytes, validators: Validators | None = None) -> None:
        """Content comes, and is good if there are validators."""
        with self.kept.open() as file:
            file.write(content)
        if validators is not None:
            self.kept.keep(validators)

    def test_kept(self) -> None:
        """Good content takes the place of the old, and the server knows it again at the next start."""
        self.assertIsNone(self.kept.validators())
        self.bring(b"one", Validators('"1"', "Mon"))
        self.bring(b"two!", Validators('"2"'))
        again = Kept(str(self.folder), "ads", URL)
        self.assertEqual(Path(again.path).read_bytes(), b"two!")
        self.assertEqual(again.validators(), Validators('"2"'))

    def test_dropped(self) -> None:
        """What is no good leaves nothing behind, and the old content as it was."""
        self.bring(b"one", Validators('"1"'))
        self.bring(b"bad")
        self.kept.drop()
        self.kept.drop()
        self.assertEqual(Path(self.kept.path).read_bytes(), b"one")
        self.assertEqual(self.kept.validators(), Validators('"1"'))
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_not_as_it_was_left(self) -> None:
        """Content of another URL, cut short, or with a note that is broken or missing, counts for nothing."""
        self.bring(b"one", Validators('"1"'))
        self.assertIsNone(Kept(str(self.folder), "ads", URL + "2").validators())
        note = Path(self.kept.path + ".json")
        whole = note.read_text()
        for broken in ("", "[]", "{}", whole[:-3], "3", '["a", 1, 2, 3]'):
            note.write_text(broken)
            self.assertIsNone(self.kept.validators(), broken)
        note.write_text(whole)
        self.assertEqual(self.kept.validators(), Validators('"1"'))
        Path(self.kept.path).write_bytes(b"on")
        self.assertIsNone(self.kept.validators())
        Path(self.kept.path).unlink()
        self.assertIsNone(self.kept.validators())

    def test_stamps(self) -> None:
        """A file that is changed, renamed into place or missing looks different."""
        path = self.folder / "x"
        seen = [stamps([str(path)])]
        path.write_text("a")
        seen.append(stamps([str(path)]))
        self.assertEqual(stamps([str(path)]), seen[-1])
        path.write_text("ab")
        seen.append(stamps([str(path)]))
        other = self.folder / "y"
        other.write_text("ab")
        other.rename(path)
        seen.append(stamps([str(path)]))
        self.assertEqual(len(set(seen)), 4)
