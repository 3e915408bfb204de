"""Addresses of hosts, asked of name servers and remembered: for servers of the configuration, and for whatever clients
of a forward proxy ask for. Nothing here takes a thread.

One look-up of a name is under way at a time, whoever waits for it; both kinds of addresses are asked for side by side.
Sources: RFC 8305 §3 (the kind that comes first waits a moment for the other), RFC 8767 (answers after their end).
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_relay.config.sections.process import DnsOptions
from twisted_relay.names.host import is_address, normal
from twisted_relay.names.hosts import Hosts
from twisted_relay.names.known import KINDS, Known
from twisted_relay.names.nameservers import Nameservers, Observed
from twisted_relay.names.order import in_order
from twisted_relay.names.reply import NEGATIVE, Kind, LookupFailed
from twisted_relay.names.reply import Found as Records
from twisted_relay.names.resolv_conf import ResolvConf
from twisted_relay.names.routes import Routes

MOST_AT_ONCE = 200
"""Names that clients ask for that are looked up at one time; names of servers come on top."""
MOST_EARLY = MOST_AT_ONCE // 2
"""With so many under way no name is asked for early: whose answer still holds can wait for those who have none."""
MOST_QUEUED = 2000
"""Names that wait for their turn; more fail at once."""
MOST_WAITING = 10_000
"""Callers that wait for one name; more get nothing at once."""
OTHER_KIND = 0.05
"""Seconds that the first kind of addresses waits for the other; RFC 8305 §3 has this value."""
STALE_AFTER = 1.8
"""Seconds after which an old answer is used while the name servers are still silent; RFC 8767 §5 has this value."""
SHORTEST_REFRESH = 1.0
"""Seconds between two look-ups of a name that is watched."""

Found = Callable[[tuple[str, ...]], None]


class Asked(Protocol):
    """Who knows the DNS."""

    @property
    def observed(self) -> Observed: ...

    async def ask(self, name: str, kind: Kind) -> Records:
        """The records that a name has; raises `LookupFailed`. May be cancelled."""


@dataclass(slots=True)
class _Name:
    """A name, and what happens to it."""

    host: str
    known: Known
    waiting: list[Found] = field(default_factory=list)
    asking: Deferred[None] | None = None
    is_queued: bool = False
    hurry: IDelayedCall | None = None
    """Answers who waits before everything is known."""
    refresh: IDelayedCall | None = None
    is_failing: bool = False
    failure: LookupFailed | None = None


class Resolver:
    """All names. `reactor` gives timers, UDP and TCP; nothing is asked before somebody wants to know."""

    _log = Logger(namespace="twisted_relay.names")

    def __init__(self, reactor: IReactorTime, options: DnsOptions | None = None, asked: Asked | None = None) -> None:
        self._reactor = reactor
        self._options = options or DnsOptions()
        self._resolv_conf = ResolvConf()
        self._asked = asked or Nameservers(reactor, self._options, self._resolv_conf)
        self._hosts = Hosts(self._options.hosts)
        self._routes = Routes(reactor.seconds)
        self._watched: dict[str, _Name] = {}
        self._remembered: OrderedDict[str, _Name] = OrderedDict()
        self._under_way: dict[int, _Name] = {}
        self._queue: deque[_Name] = deque()
        self._is_beginning = False
        self._is_stopped = False
        self.lookups = dict.fromkeys(("hosts", "hit", "negative", "stale", "miss", "full", "client", "invalid"), 0)
        """How questions for names were answered, by what was known."""

    @property
    def options(self) -> DnsOptions:
        """How names are looked up."""
        return self._options

    @property
    def entries(self) -> int:
        """Names that are remembered."""
        return len(self._watched) + len(self._remembered)

    @property
    def observed(self) -> Observed:
        """What was asked of name servers."""
        return self._asked.observed

    def addresses(self, host: str, found: Found) -> None:
        """Call `found` with the addresses of a host, at once if they are known; with none if there are none."""
        if is_address(host):
            found((host,))
            return
        name = normal(host)
        if not name:
            self.lookups["invalid"] += 1
            found(())
            return
        here = self._in_hosts(name)
        if here:
            self.lookups["hosts"] += 1
            found(here)
            return
        self._answer(self._name(name), found)

    def failure(self, host: str) -> str:
        """Why the last look-up of a name brought nothing, or less than it asked for, as one of `reply.FAILURES`."""
        name = normal(host)
        entry = self._watched.get(name) or self._remembered.get(name)
        return entry.failure.reason if entry is not None and entry.failure is not None else ""

    def on_behalf_of(self, client: str) -> None:
        """Who asks from now on: the address of a client. Only `ForClients` wants to know."""

    def knows(self, host: str) -> bool:
        """Whether nobody has to be asked for a host."""
        name = normal(host)
        if is_address(host) or not name or self._in_hosts(name):
            return True
        entry = self._watched.get(name) or self._remembered.get(name)
        if entry is None:
            return False
        now = self._reactor.seconds()
        return entry.known.keeps or entry.known.is_fresh(now) or bool(entry.known.fresh(now, self._routes.has_route))

    def watch(self, host: str) -> None:
        """Look a name up now and whenever its answer ends, so that it is known when it is needed."""
        name = normal(host)
        if is_address(host) or not name or name in self._watched:
            return
        entry = self._remembered.pop(name, None) or _Name(name, Known(self._options))
        entry.known.keeps = True
        self._watched[name] = entry
        if not self._in_hosts(name):
            self._begin(entry)

    def stop(self) -> None:
        """Look nothing up any more; nobody is called any more."""
        self._is_stopped = True
        self._queue.clear()
        for entry in (*self._watched.values(), *self._remembered.values(), *self._under_way.values()):
            entry.waiting = []
            _cancel(entry)
            if entry.asking is not None:
                entry.asking.cancel()

    # -- what is known --------------------------------------------------------------------------------------------

    def _in_hosts(self, name: str) -> tuple[str, ...]:
        found = self._hosts.addresses(name, self._reactor.seconds())
        ipv6 = [address for address in found if ":" in address]
        return in_order([address for address in found if ":" not in address], ipv6, self._options.prefer, _always)

    def _name(self, name: str) -> _Name:
        entry = self._watched.get(name) or self._remembered.get(name)
        if entry is None:
            entry = self._remembered[name] = _Name(name, Known(self._options))
            if len(self._remembered) > self._options.cache:
                self._remembered.popitem(last=False)
        elif not entry.known.keeps:
            self._remembered.move_to_end(name)
        return entry

    def _answer(self, entry: _Name, found: Found) -> None:
        """Answer with what is known, or let the caller wait for what is asked now."""
        now, known = self._reactor.seconds(), entry.known
        addresses = known.fresh(now, self._routes.has_route)
        if not addresses and known.keeps:
            addresses = known.stale(now, self._routes.has_route)
        if addresses or known.is_fresh(now):
            self.lookups["hit" if known.has_answer(now) else "stale" if addresses else "negative"] += 1
            if known.due(now) and not self._is_stopped and (known.keeps or len(self._under_way) < MOST_EARLY):
                self._begin(entry)
            found(addresses)
            return
        self.lookups["miss"] += 1
        if self._is_stopped or len(entry.waiting) >= MOST_WAITING:
            found(())
            return
        entry.waiting.append(found)
        self._begin(entry)

    # -- asking ---------------------------------------------------------------------------------------------------

    def _begin(self, entry: _Name) -> None:
        """Look a name up, or let it wait for its turn, unless it is already being done."""
        if entry.asking is not None or entry.is_queued:
            return
        if entry.known.keeps or len(self._under_way) < MOST_AT_ONCE:
            self._look_up(entry)
        elif len(self._queue) < MOST_QUEUED:
            entry.is_queued = True
            self._queue.append(entry)
        else:
            self.lookups["full"] += 1
            self._tell(entry, entry.known.stale(self._reactor.seconds(), self._routes.has_route))

    def _look_up(self, entry: _Name) -> None:
        _cancel(entry)
        now = self._reactor.seconds()
        self._under_way[id(entry)] = entry
        if entry.waiting and entry.known.stale(now, self._routes.has_route):
            entry.hurry = self._reactor.callLater(STALE_AFTER, self._hurry, entry)
        asking = entry.asking = Deferred.fromCoroutine(self._ask(entry))
        asking.addBoth(self._ended, entry)

    async def _ask(self, entry: _Name) -> None:
        """Ask for what is due, under each name that may be meant."""
        candidates = self._candidates(entry.host)
        kinds = entry.known.due(self._reactor.seconds()) if len(candidates) == 1 else list(KINDS)
        outcomes: list[Records | LookupFailed] = []
        for candidate in candidates:
            questions = [Deferred.fromCoroutine(self._outcome(entry, candidate, kind)) for kind in kinds]
            outcomes = await gatherResults(questions, consumeErrors=True)
            if not all(isinstance(each, LookupFailed) and each.reason in NEGATIVE for each in outcomes):
                break
        now = self._reactor.seconds()
        for kind, outcome in zip(kinds, outcomes, strict=True):
            if isinstance(outcome, LookupFailed):
                entry.known.learn(kind, outcome, now)
        failures = [each for each in outcomes if isinstance(each, LookupFailed)]
        entry.failure = next(
            (each for each in failures if each.reason not in NEGATIVE), failures[0] if failures else None
        )

    def _candidates(self, name: str) -> list[str]:
        if not self._options.search or "." in name:
            return [name]
        return [*filter(None, (normal(f"{name}.{domain}") for domain in self._resolv_conf.domains())), name]

    async def _outcome(self, entry: _Name, candidate: str, kind: Kind) -> Records | LookupFailed:
        try:
            found = await self._asked.ask(candidate, kind)
        except LookupFailed as failed:
            return failed
        entry.known.learn(kind, found, self._reactor.seconds())
        if entry.waiting:
            if entry.hurry is not None:
                entry.hurry.cancel()
            entry.hurry = self._reactor.callLater(OTHER_KIND, self._hurry, entry)
        return found

    def _hurry(self, entry: _Name) -> None:
        """Who waits has waited long enough: give what there is."""
        entry.hurry = None
        now = self._reactor.seconds()
        addresses = entry.known.fresh(now, self._routes.has_route)
        self._tell(entry, addresses or entry.known.stale(now, self._routes.has_route))

    # -- the end of a look-up -------------------------------------------------------------------------------------

    def _ended(self, result: Failure | None, entry: _Name) -> None:
        entry.asking = None
        self._under_way.pop(id(entry), None)
        _cancel(entry)
        if self._is_stopped:
            return
        now = self._reactor.seconds()
        if isinstance(result, Failure) and not result.check(CancelledError):
            self._log.failure("looking up {host} failed", result, host=entry.host)
            for kind in entry.known.due(now):
                entry.known.learn(kind, LookupFailed("malformed", result.getErrorMessage()), now)
        entry.known.remember(self._routes.has_route)
        self._hurry(entry)
        self._report(entry)
        if entry.known.keeps:
            wait = max(SHORTEST_REFRESH, entry.known.next_due() - now)
            entry.refresh = self._reactor.callLater(wait, self._refresh, entry)
        self._begin_queued()

    def _begin_queued(self) -> None:
        """Let those who wait have their turn; one that ends at once does not begin the next one inside of itself."""
        if self._is_beginning:
            return
        self._is_beginning = True
        while self._queue and len(self._under_way) < MOST_AT_ONCE:
            waiting = self._queue.popleft()
            waiting.is_queued = False
            self._look_up(waiting)
        self._is_beginning = False

    def _refresh(self, entry: _Name) -> None:
        entry.refresh = None
        if self._in_hosts(entry.host):
            entry.refresh = self._reactor.callLater(self._options.negative_ttl, self._refresh, entry)
        else:
            self._begin(entry)

    def _tell(self, entry: _Name, addresses: tuple[str, ...]) -> None:
        waiting, entry.waiting = entry.waiting, []
        for found in waiting:
            found(addresses)

    def _report(self, entry: _Name) -> None:
        """Tell once that a server's name fails, and that it is found again. Names of clients are nobody's business."""
        now = self._reactor.seconds()
        is_failing = not entry.known.has_answer(now)
        if not entry.known.keeps or is_failing == entry.is_failing:
            return
        entry.is_failing = is_failing
        if not is_failing:
            self._log.info("name {host} is found again", host=entry.host)
            return
        in_use = entry.known.stale(now, self._routes.has_route)
        kept = "the last answer stays in use" if in_use else "requests that need it fail until it is found"
        what = "name {host} was not found: {why}; {kept}"
        self._log.warn(what, host=entry.host, why=str(entry.failure or "no answer"), kept=kept)


def _always(address: str) -> bool:
    return True


def _cancel(entry: _Name) -> None:
    """End its timers."""
    for timer in (entry.hurry, entry.refresh):
        if timer is not None and timer.active():
            timer.cancel()
    entry.hurry = entry.refresh = None
