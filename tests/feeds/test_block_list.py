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

    def test_takes(self) -> None:
        """It takes names, all that is below them, and addresses, and says where that was written."""
        ads = loaded("ads.example", "192.0.2.0/24")
        self.assertTrue(ads.takes("x.ads.example"))
        self.assertTrue(ads.takes("192.0.2.9"))
        self.assertFalse(ads.takes("example"))
        self.assertEqual(str(ads.entry("x.ads.example")), "ads.example (ads.txt:1)")
        self.assertIsNone(ads.entry("example"))
        self.assertEqual((len(ads), ads.has_networks), (2, True))

    def test_hits(self) -> None:
        """Only what is told to be traffic is counted."""
        ads = loaded("ads.example")
        ads.takes("ads.example")
        ads.entry("ads.example")
        self.assertEqual(ads.counters.hits, 0)
        ads.hit()
        self.assertEqual(ads.counters.hits, 1)

    def test_exceptions_win(self) -> None:
        """Exceptions of the option, of the files and of other lists win, even where they are the shorter names."""
        other = loaded("other.example", exceptions=("not.other.example",))
        ads = loaded("a.example", "b.example", "c.other.example", exceptions=("a.example",), excepted=("example",))
        ads.others = (other,)
        self.assertFalse(ads.takes("a.example"))
        ads.swap(entries("a.example", "x.b.example", "c.other.example", "not.other.example"), entries("b.example"))
        for host, found in (
            ("x.a.example", False),
            ("x.b.example", False),
            ("c.other.example", False),
            ("not.other.example", True),
        ):
            self.assertIs(ads.takes(host), found, host)
            self.assertEqual(ads.entry(host) is not None, found, host)

    def test_exceptions_by_name_are_for_addresses_too(self) -> None:
        """Whoever excepts a name means its addresses as well, wherever the exception stands."""
        other = loaded("other.example", "198.51.100.7")
        ads = loaded("192.0.2.0/24", "198.51.100.0/24", exceptions=("a.example",), excepted=("b.example", "192.0.2.7"))
        ads.others = (other,)
        ads.swap(entries("192.0.2.0/24", "198.51.100.0/24"), entries("b.example", "192.0.2.7"))
        for address, name, found in (
            ("192.0.2.1", "x.a.example", False),
            ("192.0.2.1", "b.example", False),
            ("192.0.2.1", "other.example", False),
            ("192.0.2.1", "c.example", True),
            ("192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1", "", True),
            ("192.0.2.7", "c.example", False),
            ("198.51.100.7", "c.example", False),
        ):
            self.assertIs(ads.takes(address, name), found, (address, name))
            self.assertEqual(ads.entry(address, name) is not None, found, (address, name))

    def test_swap(self) -> None:
        """A swap is complete at once: the old entries are gone, the new ones are there."""
        ads = loaded("a.example")
        ads.swap(entries("b.example"), entries())
        self.assertEqual((ads.takes("a.example"), ads.takes("b.example")), (False, True))

    def test_empty_at_first(self) -> None:
        """Before anything was read nothing is in it."""
        self.assertFalse(BlockList("ads").takes("a.example"))
