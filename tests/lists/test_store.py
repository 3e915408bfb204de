"""What is kept of a list from one start to the next, and when it is not used."""

import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.lists import store as storing
from twisted_relay.lists.name_set import NameSet
from twisted_relay.lists.reading import Report, Unusable, compile_list
from twisted_relay.lists.store import compile_or_load

TEXT = "ads.example\n?\ntrack.example\n"


class StoreTests(SynchronousTestCase):
    """`compile_or_load`."""

    def setUp(self) -> None:
        """A list, and a place for the store."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "ads.txt"
        self.path.write_text(TEXT)
        self.store = self.folder / "ads.sets"
        self.memory = bytearray()

    def load(self, *files: Path, format: str = "domains", most: int = 1000) -> Report:
        """Read the list."""
        self.memory.clear()
        paths = [str(path) for path in files or (self.path,)]
        return compile_or_load(paths, format, most, str(self.store), self.memory.extend)

    def is_read_again(self, *files: Path, format: str = "domains", most: int = 1000) -> bool:
        """Whether the files are read line by line, and not only the store."""
        with patch.object(storing, "compile_list", wraps=compile_list) as reading:
            self.load(*files, format=format, most=most)
        return reading.called

    def test_same(self) -> None:
        """What is in the store is what was read: sets, counts and bad lines."""
        first, memory = self.load(), bytes(self.memory)
        self.assertFalse(self.is_read_again())
        self.assertEqual((self.load(), bytes(self.memory)), (first, memory))
        entry = NameSet(bytes(self.memory), first.listed, ("ads",)).entry("a.track.example")
        self.assertEqual(str(entry), "track.example (ads:3)")

    def test_files_are_known_by_their_content(self) -> None:
        """A file of another name with the same content, such as one just fetched, counts as the same; bad lines are
        told of it."""
        self.load()
        moved = self.path.rename(self.folder / "other.txt")
        self.assertFalse(self.is_read_again(moved))
        self.assertEqual([bad.file for bad in self.load(moved).read.first_bad], [str(moved)])

    def test_anything_else(self) -> None:
        """Another content, format or limit, or other files, are read."""
        self.load()
        other = self.folder / "other.txt"
        other.write_text("ads.example\n")
        for files, format, most in (
            ((other,), "domains", 1000),
            ((self.path,), "auto", 1000),
            ((self.path,), "domains", 1001),
            ((self.path, other), "domains", 1000),
        ):
            self.assertTrue(self.is_read_again(*files, format=format, most=most))
            self.assertFalse(self.is_read_again(*files, format=format, most=most))
        self.assertTrue(self.is_read_again())
        self.path.write_text(TEXT.replace("ads", "abs"))
        self.assertTrue(self.is_read_again())

    def test_broken_stores(self) -> None:
        """A store that is cut, changed anywhere, or something else is read anew, and does no harm."""
        first = self.load()
        good, memory = self.store.read_bytes(), bytes(self.memory)
        places = (0, 70, 140, len(good) // 2, len(good) - 1)
        changed = [good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :] for place in places]
        for content in (b"", b"\n\n\n", good[:100], good[:-1], good + b"x", *changed):
            self.store.write_bytes(content)
            self.assertEqual((self.load(), bytes(self.memory)), (first, memory))
            self.assertEqual(self.store.read_bytes(), good)

    def test_no_place(self) -> None:
        """A store that cannot be written is done without."""
        self.store = self.folder / "nowhere" / "ads.sets"
        self.assertEqual(self.load().listed.count, 2)
        self.assertTrue(self.is_read_again())

    def test_unusable(self) -> None:
        """Files that give no list say why, and the store stays as it was."""
        self.load()
        before = self.store.read_bytes()
        self.path.write_bytes(b"\0")
        self.assertRaises(Unusable, self.load)
        self.path.unlink()
        self.assertEqual(self.assertRaises(Unusable, self.load).reason, "unreadable")
        self.assertEqual(self.store.read_bytes(), before)

    def test_changed_while_it_was_read(self) -> None:
        """A file that changes meanwhile is not kept under what it was before."""

        def changing(files: list[str], format: str, most: int, write: Callable[[bytes], object]) -> Report:
            report = compile_list(files, format, most, write)
            self.path.write_text("new.example\n")
            return report

        with patch.object(storing, "compile_list", changing):
            self.load()
        self.assertFalse(os.path.exists(self.store))
