"""The lists of a configuration, and what keeps each of them up to date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twisted_relay.config.lists import LIST_PREFIX
from twisted_relay.config.tree import ListOptions
from twisted_relay.feeds.block_list import BlockList
from twisted_relay.feeds.compiling import Compiler, compile_now
from twisted_relay.feeds.feed import Feed, task_on_disk
from twisted_relay.feeds.fetch import Fetcher
from twisted_relay.feeds.kept import Kept, store_of
from twisted_relay.guard.guard import Guard
from twisted_relay.lists.reading import Unusable
from twisted_relay.upstream.assemble import Surroundings


@dataclass(frozen=True, slots=True)
class Fetches:
    """What fetching needs besides the options: how to connect, what judges redirects, where things are kept."""

    surroundings: Surroundings
    guard: Guard
    directory: str = ""


def lists_of(options: Mapping[str, ListOptions]) -> dict[str, BlockList]:
    """A list for each section, by name; they are empty."""
    lists = {}
    for name, each in options.items():
        own = [word for word in each.exceptions if not word.startswith(LIST_PREFIX)]
        lists[name] = BlockList(name, own)
    for name, each in options.items():
        others = [word.removeprefix(LIST_PREFIX) for word in each.exceptions if word.startswith(LIST_PREFIX)]
        lists[name].others = [lists[other] for other in others]
    return lists


def feeds_of(lists: Mapping[str, BlockList], options: Mapping[str, ListOptions], fetches: Fetches) -> list[Feed]:
    """What keeps lists up to date, not yet started."""
    reactor = fetches.surroundings.reactor
    compiler = Compiler(reactor)
    feeds = []
    for name, each in options.items():
        feed = Feed(lists[name], each, compiler, reactor)
        feed.kept = _kept(each, fetches.directory)
        feed.store = store_of(fetches.directory, name)
        if each.url is not None:
            feed.fetcher = Fetcher(each, each.url, fetches.surroundings, fetches.guard)
        feeds.append(feed)
    return feeds


def load_now(lists: Mapping[str, BlockList], options: Mapping[str, ListOptions], directory: str) -> list[str]:
    """Load what is on this disk into lists that nobody keeps up to date, and wait for it; what is wrong, in words."""
    found = {
        name: task_on_disk(each, _kept(each, directory), store_of(directory, name)) for name, each in options.items()
    }
    tasks = {name: task for name, task in found.items() if task is not None}
    problems = [f"list {name} was not fetched yet" for name in options if name not in tasks]
    for name, compiled in zip(tasks, compile_now(list(tasks.values())), strict=True):
        if isinstance(compiled, Unusable):
            problems.append(f"list {name}: {compiled}")
        else:
            lists[name].swap(compiled.listed, compiled.excepted)
    return problems


def _kept(options: ListOptions, directory: str) -> Kept | None:
    return None if options.url is None else Kept(directory, options.name, str(options.url))


def begin(feeds: Sequence[Feed]) -> None:
    """Load what is on this disk, and wait for it: before there is any traffic, lists are there."""
    tasks = [(feed, task) for feed in feeds if (task := feed.task()) is not None]
    for (feed, _), found in zip(tasks, compile_now([task for _, task in tasks]), strict=True):
        feed.begin(found)
