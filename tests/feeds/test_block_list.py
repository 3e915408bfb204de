"""A list: what is in it, what is excepted, and what is counted."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.feeds.block_list import BlockList
from twisted_relay.lists.formats import key_of
from twisted_relay.lists.name_set import NameSet, set_of


def entries(*texts: str) -> NameSet:
    """A set of these."""
    return set_of({key_of(text.encode()): b"0:%d" % line for line, text in enumerate(texts, 1)}, ("ads.txt",))


def loaded(*texts: str, exceptions: tuple[str, ...] = (), excepted: tuple[str, ...] = ()) -> BlockList:
    """A list of these, with exceptions of the configuration and of the files."""
    made = BlockList("ads", exceptions)
    made.swap(entries(*texts), entries(*excepted))
    return made


class BlockListTests(SynchronousTestCase):
    """`BlockList`."""

    def test_find(self) -> None:
        """It says which entry takes a host, and where that was written; it counts what was found for traffic."""
        ads = loaded("ads.example", "192.0.2.0/24")
        self.assertEqual(ads.find("x.ads.example"), "ads.example")
        self.assertEqual(ads.find("192.0.2.9"), "192.0.2.0/24")
        self.assertIsNone(ads.find("example"))
        self.assertEqual(str(ads.entry("x.ads.example")), "ads.example (ads.txt:1)")
        self.assertIsNone(ads.entry("example"))
        self.assertEqual((ads.counters.hits, len(ads), ads.has_networks), (2, 2, True))

    def test_exceptions_win(self) -> None:
        """Exceptions of the option, of the files and of other lists win, even where they are the shorter names."""
        other = loaded("other.example", exceptions=("not.other.example",))
        ads = loaded("a.example", "b.example", "c.other.example", exceptions=("a.example",), excepted=("example",))
        ads.others = (other,)
        self.assertIsNone(ads.find("a.example"))
        ads.swap(entries("a.example", "x.b.example", "c.other.example", "not.other.example"), entries("b.example"))
        for host, found in (
            ("x.a.example", None),
            ("x.b.example", None),
            ("c.other.example", None),
            ("not.other.example", "not.other.example"),
        ):
            self.assertEqual(ads.find(host), found, host)
            self.assertEqual(ads.entry(host) is not None, found is not None, host)
        self.assertEqual((ads.counters.hits, other.counters.hits), (1, 0))

    def test_swap(self) -> None:
        """A swap is complete at once: the old entries are gone, the new ones are there."""
        ads = loaded("a.example")
        ads.swap(entries("b.example"), entries())
        self.assertEqual((ads.find("a.example"), ads.find("b.example")), (None, "b.example"))

    def test_empty_at_first(self) -> None:
        """Before anything was read nothing is in it."""
        self.assertIsNone(BlockList("ads").find("a.example"))
