"""Brings one list up to date, again and again: fetch, read, judge, swap. What fails leaves the list as it was."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_relay.config.tree import ListOptions
from twisted_relay.feeds.block_list import BlockList
from twisted_relay.feeds.compiling import Compiled, Task
from twisted_relay.feeds.fetch import Fetched
from twisted_relay.feeds.kept import Kept, Validators, stamps
from twisted_relay.lists.reading import Unusable

SOONEST = 60.0
"""Seconds between an update that failed and the next one; then twice as many, up to `reload`."""
LATEST = 3600.0
"""The most seconds between failed updates of a list that is only loaded at the start."""


class Fetching(Protocol):
    """What fetches; see `Fetcher`."""

    def fetch(self, known: Validators | None, file: Any) -> Deferred[Fetched | None]: ...


class Compiling(Protocol):
    """What reads; see `Compiler`."""

    def compile(self, task: Task) -> Deferred[Compiled]: ...


class Feed:
    """Keeps one list up to date from `start` to `stop`. `kept` and `fetcher` are there when it has a URL."""

    _log = Logger(namespace="twisted_relay.lists")

    def __init__(self, block_list: BlockList, options: ListOptions, compiler: Compiling, clock: IReactorTime) -> None:
        self.list = block_list
        self.kept: Kept | None = None
        self.store = ""
        """Where what was made of the list is kept; empty: nowhere."""
        self.fetcher: Fetching | None = None
        self.wall: Callable[[], float] = time.time
        self.is_waiting = False
        """Whether there is no list yet, and the first update may bring it."""
        self.failure = ""
        """Why the last update failed, for people; empty when it did not."""
        self._options = options
        self._compiler = compiler
        self._clock = clock
        self._stamps: tuple[object, ...] = ()
        self._has_loaded = False
        self._failures = 0
        self._is_running = False
        self._timer: Any = None
        self._updating: Deferred[None] | None = None

    @property
    def name(self) -> str:
        """Of the list."""
        return self.list.name

    # -- the start ------------------------------------------------------------------------------------------------

    def task(self) -> Task | None:
        """What is to be read of what is on this disk; None if nothing is."""
        return task_on_disk(self._options, self.kept, self.store)

    def begin(self, found: Compiled | Unusable) -> None:
        """Take the first list, read at the start; or say why there is none."""
        self._stamps = stamps(self._options.file)
        if isinstance(found, Unusable):
            self._fail(found)
        else:
            self._take(found)

    def start(self) -> None:
        """Look now, and then every `reload`."""
        self._is_running = True
        if self.fetcher is not None:
            self.is_waiting = not self._has_loaded
            self._update()
        else:
            self._plan()

    def stop(self) -> None:
        """Look no more; an update that is under way is called off. The list stays."""
        self._is_running = self.is_waiting = False
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        updating, self._updating = self._updating, None
        if updating is not None:
            updating.cancel()

    # -- updates --------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        self._timer = None
        updating = Deferred.fromCoroutine(self._bring_up_to_date())
        self._updating = updating
        updating.addErrback(self._failed)
        updating.addBoth(self._ended)

    async def _bring_up_to_date(self) -> None:
        """One update; raises `Unusable`."""
        kept, problem = self.kept, None
        fetched: Fetched | None = None
        if kept is not None:
            try:
                fetched = await self._fetch(kept)
            except Unusable as error:
                problem = error  # the files may have changed nevertheless
        try:
            has_changed = await self._read(fetched)
        except Unusable as error:
            raise problem or error from None
        finally:
            if kept is not None:
                kept.drop()
        if problem is not None:
            raise problem
        if not has_changed:
            self._count("unchanged")
            self.list.counters.last_success = self.wall()

    async def _fetch(self, kept: Kept) -> Fetched | None:
        assert self.fetcher is not None
        try:
            with kept.open() as file:
                return await self.fetcher.fetch(kept.validators(), file)
        except OSError as error:
            raise Unusable("state", f"cannot keep what is fetched: {error.strerror}: {error.filename}") from error

    async def _read(self, fetched: Fetched | None) -> bool:
        """Read what has changed, if anything has, and take it; whether anything has."""
        seen = stamps(self._options.file)
        if fetched is None and self._has_loaded and seen == self._stamps:
            return False
        kept = self.kept
        has_kept = kept is not None and (fetched is not None or kept.validators() is not None)
        path = "" if kept is None or not has_kept else kept.path if fetched is None else kept.new
        task = task_of(self._options, path, self.store)
        if task is None:
            raise Unusable("empty", "there is nothing to be read")
        compiled = await self._compiler.compile(task)
        self._judge(compiled)
        if kept is not None and fetched is not None:
            try:
                kept.keep(fetched.validators)
            except OSError as error:
                self._log.warn("list {name}: cannot keep what was fetched: {why}", name=self.name, why=error.strerror)
        self._stamps = seen
        self._take(compiled)
        return True

    def _judge(self, compiled: Compiled) -> None:
        """Refuse an update that has lost too much; raises `Unusable`."""
        before, after = len(self.list), len(compiled.listed)
        if after < before * (1 - self._options.max_shrink):
            text = f"it would shrink from {before} to {after} entries, by more than max_shrink"
            raise Unusable("shrunk", text)

    # -- outcomes -------------------------------------------------------------------------------------------------

    def _take(self, compiled: Compiled) -> None:
        self.list.swap(compiled.listed, compiled.excepted)
        self._has_loaded = True
        self._count("success")
        self.list.counters.last_success = self.wall()
        self._log.info("list {name} has {what}", name=self.name, what=summary(compiled))
        for bad in compiled.read.first_bad:
            self._log.warn("list {name}: {bad}", name=self.name, bad=str(bad))

    def _failed(self, failure: Failure) -> None:
        """An update came to nothing: all stays as it is."""
        if not self._is_running:
            return
        if isinstance(failure.value, Unusable):
            self._fail(failure.value)
        else:
            self._log.failure("list {name}: a fault of relay", failure, name=self.name)
            self._fail(Unusable("internal", f"{type(failure.value).__name__}: {failure.value}"))

    def _fail(self, problem: Unusable) -> None:
        self._count(problem.reason)
        text = str(problem)
        if text != self.failure:
            stays = f"the old one stays in use ({len(self.list)} entries)" if self._has_loaded else "it is empty"
            self._log.warn("list {name} was not updated: {text}; {stays}", name=self.name, text=text, stays=stays)
        self.failure = text
        self._failures += 1

    def _count(self, result: str) -> None:
        updates = self.list.counters.updates
        updates[result] = updates.get(result, 0) + 1
        if result in ("success", "unchanged"):
            self.failure, self._failures = "", 0

    def _ended(self, _: object) -> None:
        self._updating = None
        self.is_waiting = False
        if self._is_running:
            self._plan()

    def _plan(self) -> None:
        """Say when the next update is, if there is one."""
        if self._failures:
            self._again(min(SOONEST * 2 ** min(self._failures - 1, 16), self._options.reload or LATEST))
        elif self._options.reload:
            self._again(self._options.reload)

    def _again(self, seconds: float) -> None:
        self._timer = self._clock.callLater(seconds, self._update)


def task_of(options: ListOptions, fetched: str, store: str = "") -> Task | None:
    """What is to be read of a list: its files, and that of what was fetched, if there is any; None for nothing."""
    files = [*options.file, *[fetched] * bool(fetched)]
    names = (*options.file, str(options.url))[: len(files)]
    return Task(files, options.format, options.max_size, names, store) if files else None


def task_on_disk(options: ListOptions, kept: Kept | None, store: str = "") -> Task | None:
    """The same with what was fetched before, if that is good."""
    return task_of(options, kept.path if kept is not None and kept.validators() is not None else "", store)


def summary(compiled: Compiled) -> str:
    """What was read, in words."""
    read = compiled.read
    formats = " and ".join(sorted(read.formats))
    parts = [f"{len(compiled.listed)} entries ({formats})"]
    parts += [f"{len(compiled.excepted)} exceptions"] * bool(len(compiled.excepted))
    parts += [f"{read.skipped} rules skipped"] * bool(read.skipped)
    parts += [f"{read.bad} bad lines"] * bool(read.bad)
    return ", ".join(parts)
