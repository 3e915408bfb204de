"""A list is brought up to date again and again, and whatever fails leaves it as it was."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.tree import ListOptions
from twisted_relay.config.values import Address, ListUrl
from twisted_relay.feeds.block_list import BlockList
from twisted_relay.feeds.compiling import Compiled, Task
from twisted_relay.feeds.feed import SOONEST, Feed, summary
from twisted_relay.feeds.fetch import Fetched
from twisted_relay.feeds.kept import Kept, Validators
from twisted_relay.lists.name_set import set_of
from twisted_relay.lists.reading import Read, Unusable

URL = ListUrl("https", Address("lists.example", 443), "/ads")


def compiled(*names: str) -> Compiled:
    """A list of these names."""
    return Compiled(set_of({name.encode(): b"0:1" for name in names}), set_of({}), Read())


class Reads:
    """Readings that end when a test says so."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.waiting: list[Deferred[Compiled]] = []

    def compile(self, task: Task) -> Deferred[Compiled]:
        """See `Compiler`."""
        self.tasks.append(task)
        self.waiting.append(Deferred())
        return self.waiting[-1]


class Fetches:
    """Fetches that end when a test says so."""

    def __init__(self) -> None:
        self.known: list[Validators | None] = []
        self.waiting: list[Deferred[Fetched | None]] = []
        self.file: Any = None

    def fetch(self, known: Validators | None, file: Any) -> Deferred[Fetched | None]:
        """See `Fetcher`."""
        self.known.append(known)
        self.file = file
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def bring(self, content: bytes, etag: str) -> None:
        """New content has come."""
        self.file.write(content)
        self.waiting[-1].callback(Fetched(Validators(etag)))


class FeedTests(SynchronousTestCase):
    """`Feed`."""

    def setUp(self) -> None:
        """A file, a clock, and nothing that has begun."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "ads"
        self.path.write_text("a.example\n")
        self.clock = Clock()
        self.reads = Reads()
        self.fetches = Fetches()
        self.list = BlockList("ads")

    def feed(self, url: ListUrl | None = None, **options: Any) -> Feed:
        """What keeps the list up to date, from the file if there is no URL."""
        files = () if url is not None else (str(self.path),)
        made = ListOptions(name="ads", url=url, file=files, **options)
        feed = Feed(self.list, made, self.reads, self.clock)
        feed.wall = lambda: 1000.0 + self.clock.seconds()
        if url is not None:
            feed.kept = Kept(str(self.folder), "ads", str(url))
            feed.fetcher = self.fetches
        return feed

    def running(self, *names: str, **options: Any) -> Feed:
        """The same with a first list, started."""
        feed = self.feed(**options)
        feed.begin(compiled(*names))
        feed.start()
        return feed

    def change(self, text: str) -> None:
        """The file has other content, and `reload` is over."""
        self.path.write_text(text)
        self.clock.advance(3600.0)

    def counts(self) -> dict[str, int]:
        """What has been counted."""
        return {result: count for result, count in self.list.counters.updates.items() if count}

    def test_begin(self) -> None:
        """What was read at the start is the list, at once."""
        feed = self.feed()
        task = feed.task()
        assert task is not None
        self.assertEqual((task.files, task.format), ([str(self.path)], "auto"))
        feed.begin(compiled("a.example"))
        self.assertTrue(self.list.takes("a.example"))
        self.assertEqual((self.counts(), self.list.counters.last_success), ({"success": 1}, 1000.0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_unchanged(self) -> None:
        """A file that is as it was is not read again, and the list counts as up to date."""
        self.running("a.example")
        self.clock.advance(3600.0)
        self.assertEqual(self.reads.tasks, [])
        self.assertEqual((self.counts(), self.list.counters.last_success), ({"success": 1, "unchanged": 1}, 4600.0))

    def test_changed(self) -> None:
        """A file that has changed is read in the background; until that is done the old list is in use."""
        self.running("a.example")
        self.change("b.example\nc.example\n")
        self.assertTrue(self.list.takes("a.example"))
        self.reads.waiting[0].callback(compiled("b.example", "c.example"))
        self.assertEqual((self.list.takes("a.example"), self.list.takes("b.example")), (False, True))
        self.clock.advance(3600.0)
        self.assertEqual(len(self.reads.tasks), 1)

    def test_broken(self) -> None:
        """A broken update leaves the old list in use and says so, once; it is tried again, later and later."""
        feed = self.running("a.example")
        self.change("")
        for seconds in (SOONEST, 2 * SOONEST, 4 * SOONEST):
            self.reads.waiting[-1].errback(Unusable("empty", "nothing is listed"))
            self.assertTrue(self.list.takes("a.example"))
            count = len(self.reads.tasks)
            self.clock.advance(seconds - 1)
            self.assertEqual(len(self.reads.tasks), count)
            self.clock.advance(1)
            self.assertEqual(len(self.reads.tasks), count + 1)
        self.assertEqual((self.counts(), feed.failure), ({"success": 1, "empty": 3}, "nothing is listed"))
        self.reads.waiting[-1].callback(compiled("b.example"))
        self.assertEqual((self.list.takes("b.example"), feed.failure), (True, ""))
        self.clock.advance(3599.0)
        self.assertEqual(len(self.reads.tasks), 4)

    def test_shrunk(self) -> None:
        """An update that has lost too much is refused; with `max_shrink = 100%` it is taken."""
        for share, kept in ((0.9, 20), (1.0, 1)):
            self.list = BlockList("ads")
            feed = self.running(*(f"n{number}.example" for number in range(20)), max_shrink=share)
            self.change(f"{share}")
            self.reads.waiting[-1].callback(compiled("b.example"))
            self.assertEqual(len(self.list), kept)
            feed.stop()
        self.assertEqual(self.counts(), {"success": 2})

    def test_just_not_shrunk(self) -> None:
        """What has lost exactly as much as is allowed is taken."""
        self.running(*(f"n{number}.example" for number in range(10)))
        self.change("b")
        self.reads.waiting[-1].callback(compiled("b.example"))
        self.assertEqual(len(self.list), 1)

    def test_no_list_at_the_start(self) -> None:
        """A file that is missing at the start is looked for again soon."""
        feed = self.feed()
        feed.begin(Unusable("unreadable", "cannot read ads"))
        feed.start()
        self.assertFalse(feed.is_waiting)
        self.clock.advance(SOONEST)
        self.reads.waiting[0].callback(compiled("a.example"))
        self.assertTrue(self.list.takes("a.example"))

    def test_only_at_the_start(self) -> None:
        """With `reload = 0` nothing is looked at later, unless the start has failed."""
        self.running("a.example", reload=0.0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        feed = self.feed(reload=0.0)
        feed.begin(Unusable("unreadable", "cannot read ads"))
        feed.start()
        self.clock.advance(SOONEST)
        self.reads.waiting[0].callback(compiled("a.example"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_first_fetch(self) -> None:
        """A list that was never fetched is fetched at the start; until that has ended it is waited for."""
        feed = self.feed(URL)
        self.assertIsNone(feed.task())
        feed.start()
        self.assertTrue(feed.is_waiting)
        self.fetches.bring(b"a.example\n", '"1"')
        self.assertEqual(self.reads.tasks[0].files, [str(self.folder / "list-ads.txt.new")])
        self.assertEqual(self.reads.tasks[0].names, ("https://lists.example/ads",))
        self.assertTrue(feed.is_waiting)
        self.reads.waiting[0].callback(compiled("a.example"))
        self.assertFalse(feed.is_waiting)
        self.assertTrue(self.list.takes("a.example"))
        self.assertEqual((self.folder / "list-ads.txt").read_bytes(), b"a.example\n")

    def test_next_fetches(self) -> None:
        """The server is told what is there; nothing is read when nothing has changed; what is kept is used again."""
        self.test_first_fetch()
        self.clock.advance(3600.0)
        self.assertEqual(self.fetches.known, [None, Validators('"1"')])
        self.fetches.waiting[-1].callback(None)
        self.assertEqual((len(self.reads.tasks), self.counts()), (1, {"success": 1, "unchanged": 1}))
        task = self.feed(URL).task()
        assert task is not None
        self.assertEqual(task.files, [str(self.folder / "list-ads.txt")])

    def test_fetched_rubbish(self) -> None:
        """What was fetched and is no list is not kept, and the server is not told that it is there."""
        self.test_first_fetch()
        self.clock.advance(3600.0)
        self.fetches.bring(b"<html>", '"2"')
        self.reads.waiting[-1].errback(Unusable("empty", "nothing is listed"))
        self.assertTrue(self.list.takes("a.example"))
        self.assertEqual((self.folder / "list-ads.txt").read_bytes(), b"a.example\n")
        self.assertFalse((self.folder / "list-ads.txt.new").exists())
        self.clock.advance(SOONEST)
        self.assertEqual(self.fetches.known[-1], Validators('"1"'))

    def test_failed_fetch(self) -> None:
        """A fetch that fails leaves the list as it was, and is told apart in the counts; it ends the waiting."""
        feed = self.feed(URL)
        feed.start()
        self.fetches.waiting[-1].errback(Unusable("dns", "no address"))
        self.assertEqual((self.counts(), feed.failure, feed.is_waiting), ({"dns": 1}, "no address", False))
        self.clock.advance(SOONEST)
        self.fetches.waiting[-1].errback(Unusable("dns", "no address"))
        self.clock.advance(SOONEST)
        self.assertEqual(len(self.fetches.known), 2)
        self.clock.advance(SOONEST)
        self.assertEqual(len(self.fetches.known), 3)

    def test_state_that_cannot_be_written(self) -> None:
        """Where nothing can be kept nothing is fetched, and that is said."""
        feed = self.feed(URL)
        feed.kept = Kept(str(self.folder / "missing"), "ads", str(URL))
        feed.start()
        self.assertEqual((self.fetches.known, self.counts()), ([], {"state": 1}))
        self.assertIn("No such file or directory", feed.failure)

    def test_stop(self) -> None:
        """Stopped while it waits, fetches or reads, it ends at once and leaves nothing behind."""
        self.running("a.example").stop()
        feed = self.feed(URL)
        feed.start()
        feed.stop()
        feed = self.feed(URL)
        feed.start()
        self.fetches.bring(b"a.example\n", '"1"')
        feed.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.counts(), {"success": 1})
        self.assertEqual([path.name for path in self.folder.iterdir()], ["ads"])

    def test_fault_of_ours(self) -> None:
        """An error that nobody foresaw does not end the updates."""
        self.running("a.example")
        self.change("b.example\n")
        self.reads.waiting[0].errback(ZeroDivisionError("x"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.counts(), {"success": 1, "internal": 1})
        self.clock.advance(SOONEST)
        self.assertEqual(len(self.reads.tasks), 2)

    def test_summary(self) -> None:
        """What was read is said in one line."""
        read = Read(lines=10, bad=2, skipped=3)
        read.formats.update(["hosts", "adblock", "hosts"])
        made = Compiled(set_of({b"a": b"0:1"}), set_of({b"b": b"0:1"}), read)
        self.assertEqual(summary(made), "1 entries (adblock and hosts), 1 exceptions, 3 rules skipped, 2 bad lines")
