"""Tunnels that are open now, as JSON: `GET /api/tunnels?limit=100`. A page is bounded and says how many there are."""

from collections.abc import Callable, Mapping, Sequence
from heapq import nlargest, nsmallest
from itertools import chain

from twisted_relay.accounting.accounting import destination_of
from twisted_relay.admin.json_input import JSON, check_keys
from twisted_relay.admin.top import one_of, whole_number
from twisted_relay.downstream.listener import Listener
from twisted_relay.exchange import Exchange
from twisted_relay.net.tunnel import Tunnel

LIMIT = 100
MAX_LIMIT = 5000
ORDERS = ("age", "bytes")
_Open = tuple[Exchange, Tunnel]


class Tunnels:
    """The tunnels of all listeners. `now` reads their clock."""

    def __init__(self, listeners: Sequence[Listener], now: Callable[[], float]) -> None:
        self._listeners = listeners
        self._now = now

    def answer(self, asked: Mapping[str, str]) -> JSON:
        """The oldest tunnels, or those that have moved most; raises `Refused`."""
        check_keys(asked, ("by", "user", "client", "limit"))
        order = one_of(asked, "by", ORDERS)
        limit = whole_number(asked, "limit", LIMIT, MAX_LIMIT)
        found = [
            (exchange, tunnel)
            for tunnel, exchange in chain.from_iterable(each.tunnels.items() for each in self._listeners)
            if asked.get("user", exchange.user) == exchange.user
            and asked.get("client", exchange.origin.client) == exchange.origin.client
        ]
        page = nsmallest(limit, found, _started) if order == "age" else nlargest(limit, found, _octets)
        return {"open": len(found), "tunnels": [self._tunnel(*each) for each in page]}

    def _tunnel(self, exchange: Exchange, tunnel: Tunnel) -> JSON:
        received, sent = tunnel.moved
        return {
            "listener": exchange.listener,
            "client": exchange.origin.client,
            "user": exchange.user,
            "destination": destination_of(exchange),
            "sni": exchange.sni,
            "server": exchange.server,
            "parent": exchange.parent,
            "rule": exchange.rule,
            "age": round(max(0.0, self._now() - exchange.started), 3),
            "bytes_received": exchange.bytes_received + received,
            "bytes_sent": exchange.bytes_sent + sent,
        }


def _started(each: _Open) -> float:
    return each[0].started


def _octets(each: _Open) -> int:
    return sum(each[1].moved)
