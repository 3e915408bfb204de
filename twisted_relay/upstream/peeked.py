"""What a forward proxy does with the name that a client asks for inside its tunnel (`peek = sni`).

The destination of the tunnel has been judged before, and the connection to it stands: a client sends its hello only
after it was answered 200. Then the name of the hello is judged by the same rules, as if CONNECT had named it, with the
address to which the connection leads; it is not resolved. The server gets nothing before that.
"""

from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import Any, cast

from twisted_relay.config.tree import ListenerOptions
from twisted_relay.errors import BadRequest, DeniedByRule, HelloRefused, RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.guard.hosts import is_literal, read_host
from twisted_relay.http.message import Answer, Answered, Response, Upgraded
from twisted_relay.http.proxied import destination
from twisted_relay.peek.alert import DECODE_ERROR, UNRECOGNIZED_NAME
from twisted_relay.peek.client_hello import NOT_TLS, Found, Hello, HelloReader
from twisted_relay.peek.look import Let, Refuse, Told
from twisted_relay.rules import Rules, Ruling
from twisted_relay.upstream.permitted import asked_by

ALLOWED, REFUSED = "allowed", "refused"
LATE = ("late", REFUSED)
GONE = ("gone", "none")
RESULTS = (
    *((found.value, told) for found in (Found.NAME, Found.NO_NAME, Found.NOT_TLS) for told in (ALLOWED, REFUSED)),
    (Found.UNREADABLE.value, REFUSED),
    LATE,
    GONE,
)
"""What a look can end with, for metrics: what was found, a hello that did not end in time, or nothing at all; and what
became of the tunnel."""

_ALERTS = {Found.NAME: UNRECOGNIZED_NAME, Found.NO_NAME: UNRECOGNIZED_NAME, Found.UNREADABLE: DECODE_ERROR}


class Peeked:
    """The destination of requests of one forward listener: whoever ties a tunnel for one of them looks at it first."""

    def __init__(self, options: ListenerOptions, rules: Rules | None, go: Destination) -> None:
        self.options = options
        self.rules = rules
        self.wall: Callable[[], float] = time
        """The time of day in seconds since 1970."""
        self.counts = dict.fromkeys(RESULTS, 0)
        """How many looks ended with what, and what became of the tunnels."""
        self._go = go

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        """See `Destination`."""
        request = exchange.request
        if request.method != b"CONNECT" or not self.options.looks_into(destination(request)[1]):
            self._go(exchange, answered)
            return

        def with_look(answer: Answer) -> None:
            if isinstance(answer, Response) and answer.upgraded is not None:
                exchange.look = SNILook(self, exchange, answer.upgraded)
            answered(answer)

        self._go(exchange, with_look)

    def refusal(self, hello: Hello, exchange: Exchange, address: str) -> RelayError | None:
        """Why a tunnel with this hello is not allowed; None if it is. `address` is where it leads, "" if unknown.

        Raises `BadRequest` for a name that is none. Writes the name to the exchange."""
        if hello.found is Found.NOT_TLS:
            return _if_refused(self.options.not_tls, "what is spoken in the tunnel is not TLS")
        if hello.found is Found.UNREADABLE:
            return HelloRefused(hello.why)
        if hello.found is Found.NO_NAME:
            return _if_refused(self.options.sni_missing, "the TLS hello asks for no name")
        name = exchange.sni = read_name(hello.name)
        return self._denied(name, exchange, address) or mismatch(name, exchange, self.options, hello)

    def _denied(self, name: str, exchange: Exchange, address: str) -> RelayError | None:
        if self.rules is None:
            return None
        ruling = judge(self.rules, name, exchange, address, self.wall())
        if ruling.allowed:
            return None
        exchange.rule = ruling.label
        self.rules.count(ruling)
        return DeniedByRule(f"the TLS hello asks for {name}: denied by {ruling.label}")


def mismatch(name: str, exchange: Exchange, options: ListenerOptions, hello: Hello) -> RelayError | None:
    """Why a name in a hello is not allowed beside the one of CONNECT; None if it is."""
    host = read_host(destination(exchange.request)[0])
    if name == host or (is_literal(host) and not is_literal(name)):
        return None
    outer = ", which may be the outer name of an encrypted hello" if hello.has_ech else ""
    return _if_refused(options.sni_mismatch, f"the TLS hello asks for {name}{outer}, CONNECT for {host}")


def _if_refused(option: str, text: str) -> RelayError | None:
    return HelloRefused(text) if option == "refuse" else None


def read_name(name: bytes) -> str:
    """The name in normal form, as `read_host` returns it; a dot at its end is taken away. Raises `BadRequest`."""
    return read_host(name.removesuffix(b".").decode("ascii", "replace"))


def judge(rules: Rules, name: str, exchange: Exchange, address: str, wall: float) -> Ruling:
    """What rules say to a name in a tunnel; `address` is where the tunnel leads, "" if that is unknown."""
    asked = replace(asked_by(exchange), host=name)
    addresses = (address,) if address else exchange.addresses
    ruling = rules.judge(asked, addresses or (), wall)
    assert isinstance(ruling, Ruling)
    return ruling


class SNILook:
    """One look; see `Look`."""

    def __init__(self, peeked: Peeked, exchange: Exchange, upgraded: Upgraded) -> None:
        self.patience = peeked.options.peek_timeout
        self.served, upgraded.early = upgraded.early, b""
        self._peeked = peeked
        self._exchange = exchange
        self._server = upgraded.transport
        self._reader = HelloReader()

    def received(self, data: bytes) -> Told | None:
        """See `Look`."""
        hello = self._reader.feed(data)
        return None if hello is None else self._judged(hello)

    def spoken_to(self) -> Told:
        """See `Look`."""
        return self._judged(NOT_TLS)

    def ended(self) -> Told:
        """See `Look`."""
        if not self._reader.octets:
            return self._judged(NOT_TLS)
        return self._judged(Hello(Found.UNREADABLE, why="the client ended in the middle of its TLS hello"))

    def late(self) -> Told:
        """See `Look`."""
        self._exchange.error = HelloRefused("the TLS hello did not end in time")
        self._peeked.counts[LATE] += 1
        return Refuse(DECODE_ERROR)

    def left(self) -> None:
        """See `Look`."""
        self._peeked.counts[GONE] += 1

    def _judged(self, hello: Hello) -> Told:
        try:
            error = self._peeked.refusal(hello, self._exchange, self._address())
        except BadRequest:
            hello = Hello(Found.UNREADABLE)
            error = HelloRefused("what the TLS hello asks for is neither a name nor an address")
        self._exchange.error = error
        self._peeked.counts[hello.found.value, ALLOWED if error is None else REFUSED] += 1
        if error is None:
            return Let(self._reader.octets)
        return Refuse(_ALERTS.get(hello.found, b""))

    def _address(self) -> str:
        """Where the connection leads; empty where a parent knows that."""
        if self._exchange.parent:
            return ""
        return str(getattr(cast(Any, self._server).getPeer(), "host", ""))
