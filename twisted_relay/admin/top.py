"""Who uses the forward proxies most, and where they go, as JSON: `GET /api/top?of=destinations&by=bytes&limit=20`.

A name has `requests` for sure, and `requests_at_most` if it may have come before it was among the largest; the same for
bytes. So what is said of the names, and of all others together (`other`), adds up to the total.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from twisted_relay.accounting.accounting import Accounting
from twisted_relay.accounting.tally import MEASURES, Row
from twisted_relay.admin.json_input import JSON, Refused, check_keys
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.downstream.listener import Listener
from twisted_relay.exchange import Exchange

WINDOWS = ("start", "recent")
"""Since the start; or of late, which is the last half hour to hour."""
LIMIT = 20
MAX_LIMIT = 1000


class Top:
    """The largest of each kind. `now` reads the clock of the exchanges."""

    def __init__(self, accounting: Accounting | None, now: Callable[[], float]) -> None:
        self._accounting = accounting
        self._now = now

    def answer(self, asked: Mapping[str, str]) -> JSON:
        """What a query asks for; raises `Refused`."""
        accounting = self._accounting
        if accounting is None:
            raise Refused("nothing is counted", "write top = 100 in [accounting] and start again", 404)
        check_keys(asked, ("of", "by", "window", "limit"))
        kinds = list(accounting.tallies)
        kind = one_of(asked, "of", kinds)
        by, window = one_of(asked, "by", MEASURES), one_of(asked, "window", WINDOWS)
        limit = whole_number(asked, "limit", LIMIT, MAX_LIMIT)
        accounting.look(self._now())
        tally = accounting.tallies[kind]
        found = tally.ever(by, limit) if window == "start" else tally.recent(by, limit)
        since = accounting.started if window == "start" else accounting.recent_since
        return {
            "of": kind,
            "by": by,
            "window": window,
            "seconds": round(self._now() - since, 3),
            "total": {"requests": found.requests, "bytes": found.bytes},
            "other": {
                "requests": found.requests - sum(row.requests.least for row in found.rows),
                "bytes": found.bytes - sum(row.bytes.least for row in found.rows),
            },
            "names": found.names,
            "top": [_row(row) for row in found.rows],
        }


def _row(row: Row) -> JSON:
    return {
        "name": row.name,
        "requests": row.requests.least,
        "requests_at_most": row.requests.estimate,
        "bytes": row.bytes.least,
        "bytes_at_most": row.bytes.estimate,
    }


def one_of(asked: Mapping[str, str], key: str, values: Iterable[str]) -> str:
    """A value of a query that is one of these, the first if there is none; raises `Refused`."""
    known = list(values)
    value = asked.get(key, known[0])
    if value not in known:
        raise Refused(f'"{key}" is not valid', did_you_mean(value, known) or f"write one of {', '.join(known)}")
    return value


def whole_number(asked: Mapping[str, str], key: str, default: int, most: int) -> int:
    """A value of a query that is a number from 1 on; raises `Refused`."""
    text = asked.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
        raise Refused(f'"{key}" is not valid', f"write a whole number from 1 to {most}")
    return int(text)


def running_in(listeners: Iterable[Listener]) -> Iterator[tuple[Exchange, int]]:
    """The tunnels of these listeners, and the octets that each has moved."""
    for listener in listeners:
        for tunnel, exchange in listener.tunnels.items():
            yield exchange, exchange.bytes_received + exchange.bytes_sent + sum(tunnel.moved)
