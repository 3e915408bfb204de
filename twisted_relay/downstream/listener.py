"""A listener's state: its options, its routes, who is connected, and what was counted.

The listening sockets are in `port`; what is said on a connection is in `http1` and `socks5`.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from twisted_relay.auth.door import SOCKSDoor
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.downstream.answers import answer_in_exchange
from twisted_relay.downstream.forward_answers import Answers, ForwardAnswers
from twisted_relay.downstream.plan import Plan
from twisted_relay.exchange import Exchange, Observer
from twisted_relay.http.forwarding import Origin, prepare_request
from twisted_relay.http.http1 import RequestLimits, read_request
from twisted_relay.http.message import Request
from twisted_relay.http.proxied import prepare_proxied_request, read_proxied_or_own_request, read_proxied_request
from twisted_relay.net.deadlines import Deadlines, Limited
from twisted_relay.net.tunnel import Tunnel
from twisted_relay.networks import NetworkSet
from twisted_relay.routing import Router

REJECTIONS = ("draining", "client_limit")
"""Why a connection may be refused before its first request."""


class Connection(Limited, Protocol):
    """One client's connection, whatever it speaks."""

    def drain(self) -> None:
        """Take no more requests; end when the running one is answered."""

    def abort(self) -> None:
        """End at once."""


class ListenerCounters:
    """Numbers that only grow, and `active_requests`."""

    __slots__ = ("active_requests", "bytes_received", "connections", "handshakes", "rejected")

    def __init__(self) -> None:
        self.connections = 0
        self.active_requests = 0
        self.bytes_received = 0
        """Octets read from clients."""
        self.rejected = dict.fromkeys(REJECTIONS, 0)
        self.handshakes = {"success": 0, "failure": 0}


class Listener:
    """An address where clients connect, and everything that their connections share."""

    def __init__(
        self,
        options: ListenerOptions,
        router: Router[Plan],
        deadlines: Deadlines,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.name = options.name
        self.options = options
        self.router = router
        self.deadlines = deadlines
        self.observers = tuple(observers)
        self.now: Callable[[], float] = deadlines.now
        self.limits = RequestLimits(options.max_request_line, options.max_header, options.max_header_fields)
        self.counters = ListenerCounters()
        self.connections: set[Connection] = set()
        self.tunnels: dict[Tunnel, Exchange] = {}
        """Those that are open, the oldest first."""
        self.draining = False
        self.on_idle: Callable[[], None] | None = None
        """Called when the last connection of a draining listener is gone."""
        self.on_full: Callable[[], None] | None = None
        """Called when `max_connections` is reached: further clients wait in the kernel's queue."""
        self.on_room: Callable[[], None] | None = None
        """Called when there is room again."""
        self.door: SOCKSDoor | None = None
        """Asks clients of SOCKS5 who they are; None: nobody is asked."""
        self._of_client: Counter[str] = Counter()
        self._trusted = NetworkSet(options.trusted_proxies)
        forward = options.leads_out
        proxied = read_proxied_or_own_request if options.pac else read_proxied_request
        self.read_request: Callable[[bytes, int], Request] = proxied if forward else read_request
        """Reads the head of a request."""
        self.prepare_request: Callable[[Request, Origin], bytes] = (
            prepare_proxied_request if forward else prepare_request
        )
        """Makes its fields those that the server shall see; returns its X-Request-Id."""
        self.answer: Answers = ForwardAnswers(options) if forward else answer_in_exchange
        """Puts errors into words."""
        self._pseudonym = b"%b-%b" % (options.name.encode("ascii"), os.urandom(4).hex().encode("ascii"))

    def admit(self, client: str) -> bool:
        """Whether one more connection of this client may be opened; counts the refusal if not."""
        options = self.options
        if self.draining:
            self.counters.rejected["draining"] += 1
            return False
        if 0 < options.max_connections_per_client <= self._of_client[client]:
            self.counters.rejected["client_limit"] += 1
            return False
        return True

    def room(self) -> int:
        """How many more connections there may be now."""
        limit = self.options.max_connections
        return limit - len(self.connections) if limit else sys.maxsize

    def origin(self, client: str, port: int) -> Origin:
        """Who the requests of a new connection come from; `client` is "" for a UNIX socket."""
        trusted = bool(client) and client in self._trusted if self.options.trusted_proxies else False
        origin = Origin(
            client,
            b"https" if self.options.tls else b"http",
            port,
            self._pseudonym if self.options.tells_via else b"",
            trusted=trusted,
            hidden=not self.options.tells_client,
        )
        if self.options.mode == "socks5":
            origin.protocol = "SOCKS5"
        return origin

    def apart(self, router: Router[Plan], observers: Sequence[Observer]) -> "Listener":
        """A listener of the same options for what is not traffic: its connections count for nothing here."""
        listener = Listener(replace(self.options, block_page=""), router, self.deadlines, observers)
        listener._pseudonym = self._pseudonym
        listener.answer = self.answer  # the file of the page is not read again
        return listener

    def connected(self, connection: Connection, client: str) -> None:
        """A connection has been made."""
        self.counters.connections += 1
        self.connections.add(connection)
        self.deadlines.members.add(connection)
        if self.options.max_connections_per_client:
            self._of_client[client] += 1
        if len(self.connections) == self.options.max_connections and self.on_full is not None:
            self.on_full()

    def disconnected(self, connection: Connection, client: str) -> None:
        """A connection is gone. Later calls for the same one do nothing."""
        if connection not in self.connections:
            return
        if len(self.connections) == self.options.max_connections and self.on_room is not None:
            self.on_room()
        self.connections.discard(connection)
        self.deadlines.members.discard(connection)
        if self.options.max_connections_per_client:
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]
        if self.draining and not self.connections and self.on_idle is not None:
            self.on_idle()

    def drain(self) -> None:
        """Close what is idle, let what is running finish."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()

    def abort(self) -> None:
        """End every connection at once."""
        for connection in list(self.connections):
            connection.abort()
        for tunnel in list(self.tunnels):
            tunnel.abort()  # its server's side too, or it would last until everything queued is sent


def address_text(host: str) -> str:
    """A peer's address as the rest of the program writes it: IPv4-mapped addresses as IPv4, no zone."""
    host = host.partition("%")[0]
    if ":" in host:
        address = ip_address(host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
    return host
