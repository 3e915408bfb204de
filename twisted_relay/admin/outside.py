"""What a forward proxy would do with a request: the rules it met, and what would leave.

The name is not resolved and nothing is dialled, so what the guard says of its addresses stays open, but
for those that a parent would be asked for. Rules that look at
the address, or the user, take them from whoever asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import time

from twisted_relay.admin.candidates import describe_backend
from twisted_relay.admin.hidden import without_secrets
from twisted_relay.admin.inside import describe_inside, said
from twisted_relay.admin.json_input import JSON
from twisted_relay.admin.question import Question
from twisted_relay.config.tree import ParentOptions
from twisted_relay.config.values import NOWHERE, Address
from twisted_relay.downstream.listener import Listener
from twisted_relay.errors import DestinationForbidden, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.hosts import read_host
from twisted_relay.http.http1 import write_request, write_whole_request
from twisted_relay.http.proxied import authority_of, destination
from twisted_relay.rules.rules import Rules, Ruling, Verdict
from twisted_relay.rules.ways import Ways
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.permitted import asked_by
from twisted_relay.upstream.ports import check_port
from twisted_relay.upstream.server import Server
from twisted_relay.upstream.through import check_known

NO_RULING = Ruling(True, NOWHERE, "", "")
"""Stands for that of rules which do not exist, or do not know yet."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What decides where a request goes: the rules of its listener, and the parents."""

    rules: Rules | None
    ways: Ways
    backends: Mapping[str, Backend]
    """Parents among them, under their labels."""

    def describe(self, exchange: Exchange, listener: Listener, question: Question) -> JSON:
        """The members of an answer that tell of a request to somewhere else."""
        rules, ruling = self.rules, NO_RULING
        try:
            check_port(exchange.request, listener.options)
            asked = asked_by(exchange)
        except RelayError as error:
            return _refused(error.status, error.reason, str(error))
        verdicts: list[Verdict] = []
        if rules is not None:
            now, address = time(), question.address
            exchange.user, exchange.groups = question.user, frozenset(question.groups)
            asked = replace(asked_by(exchange), is_trial=True)
            verdicts = list(rules.explain(asked, address or None, now))
            judged = rules.judge(asked, (address,) if address else None, now)
            ruling = judged if isinstance(judged, Ruling) else NO_RULING
            if not ruling.allowed:
                return _refused(403, "rule", f"denied by {ruling.label}", verdicts)
        tunnel = describe_inside(exchange, listener, rules, question)
        way = self.ways.choose(ruling.parent, asked.host, listener.options.parent)
        told = [said(each) for each in verdicts]
        server = str(Address(asked.host, asked.port))
        if not way.parent:
            head = without_secrets(_head(exchange, None), listener.options)
            return {"forwarded": {"server": server, "head": head}, "rules": told, **tunnel}
        try:
            check_known(Guard(listener.options.allow_destination), asked.host, asked.port, ruling.addresses)
        except DestinationForbidden as error:
            return _refused(error.status, error.reason, str(error), verdicts)
        exchange.parent = way.parent
        parent = self.backends[f"parent:{way.parent}"]
        candidates = parent.peek(exchange)
        head = _head(exchange, candidates[0] if candidates else None)
        return {
            "forwarded": {"server": server, "head": without_secrets(head, listener.options)},
            "rules": told,
            **tunnel,
            "parent": {"name": way.parent, "why": way.why, "direct": _goes_direct(parent)},
            "backend": describe_backend(parent, exchange, candidates),
        }


def _goes_direct(parent: Backend) -> bool:
    return isinstance(parent.options, ParentOptions) and parent.options.direct


def _head(exchange: Exchange, proxy: Server | None) -> list[str]:
    """What leaves of a request that is no tunnel; `proxy` is whom it is for, if it is not for the destination."""
    request = exchange.request
    if request.method == b"CONNECT":
        return []
    octets = write_request(request, request.authority, request.upgrade)
    if proxy is not None and proxy.spec.scheme != "socks5" and not request.upgrade:
        host, port = destination(request)
        has_user = isinstance(proxy.options, ParentOptions) and proxy.options.username
        hidden = [b"Proxy-Authorization: (hidden)"] if has_user else []
        octets = write_whole_request(request, authority_of(read_host(host), port), hidden)
    return octets.decode("utf-8", "backslashreplace").split("\r\n")[:-2]


def _refused(status: int, reason: str, text: str, verdicts: list[Verdict] | None = None) -> JSON:
    return {
        "forwarded": None,
        "refused": {"status": status, "reason": reason, "text": text},
        "answer": {"status": status, "fields": []},
        "rules": [said(each) for each in verdicts or ()],
    }
