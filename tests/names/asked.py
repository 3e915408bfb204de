"""Name servers in memory: what they know stands in a table, and they answer at once or when the test says so."""

from twisted.internet.defer import Deferred

from twisted_relay.names.nameservers import Observed
from twisted_relay.names.reply import Found, Kind, LookupFailed, Record

Answer = Found | LookupFailed


def records(kind: Kind, *addresses: str, ttl: int = 60) -> Found:
    """An answer with addresses."""
    return Found(tuple(Record("x", kind, ttl, address) for address in addresses), ttl)


def failure(reason: str, ttl: int | None = None) -> LookupFailed:
    """An answer without."""
    return LookupFailed(reason, f"it is said: {reason}", ttl)


class Servers:
    """Who is asked. What they do not know does not exist."""

    def __init__(self) -> None:
        self.observed = Observed()
        self.answers: dict[tuple[str, Kind], Answer] = {}
        self.asked: list[tuple[str, Kind]] = []
        self.slow = False
        self.open: list[tuple[str, Kind, Deferred[None]]] = []
        """Questions that are not answered yet."""

    def know(self, name: str, *ipv4: str, ttl: int = 60, ipv6: tuple[str, ...] = ()) -> None:
        """From now on a name has these addresses."""
        self.answers[name, "A"] = records("A", *ipv4, ttl=ttl) if ipv4 else failure("empty", ttl)
        self.answers[name, "AAAA"] = records("AAAA", *ipv6, ttl=ttl) if ipv6 else failure("empty", ttl)

    def fail(self, name: str, reason: str, ttl: int | None = None) -> None:
        """From now on there is no answer for a name."""
        self.answers[name, "A"] = self.answers[name, "AAAA"] = failure(reason, ttl)

    def forget(self) -> int:
        """How many questions there were since this was last asked."""
        count = len(self.asked)
        self.asked.clear()
        return count

    async def ask(self, name: str, kind: Kind) -> Found:
        """As `Asked`."""
        self.asked.append((name, kind))
        if self.slow:
            waiting: Deferred[None] = Deferred()
            self.open.append((name, kind, waiting))
            await waiting
        answer = self.answers.get((name, kind), failure("nxdomain"))
        if isinstance(answer, LookupFailed):
            raise answer
        return answer

    def answer(self, kind: Kind | None = None) -> None:
        """Answer the open questions of a kind, or all."""
        now = [each for each in self.open if kind in (None, each[1])]
        self.open = [each for each in self.open if each not in now]
        for _, _, waiting in now:
            waiting.callback(None)
