"""What a forward proxy would do with the name that a TLS hello inside a tunnel asks for."""

from dataclasses import replace
from time import time

from twisted_relay.admin.json_input import JSON
from twisted_relay.admin.question import Question
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.errors import BadRequest, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.proxied import destination
from twisted_relay.peek.client_hello import Found, Hello
from twisted_relay.rules.rules import Rules, Ruling, Verdict
from twisted_relay.upstream.peeked import mismatch, read_name
from twisted_relay.upstream.permitted import asked_by


def describe_inside(exchange: Exchange, listener: Listener, rules: Rules | None, question: Question) -> JSON:
    """The members of an answer that tell of a tunnel's inside; none where nobody looks or asks."""
    options = listener.options
    if why := _why_not(exchange, options):
        return {"sni": _sni(question.sni, why=why)} if question.sni else {}
    if not question.sni:
        return {"sni": _sni("")}
    try:
        name = read_name(question.sni.encode("utf-8", "surrogateescape"))
    except BadRequest:
        text = "what the TLS hello asks for is neither a name nor an address"
        return _closed(_sni(question.sni), "sni", text)
    verdicts, denied = _ruled(name, exchange, rules, question.address)
    told = _sni(name, [said(each) for each in verdicts])
    if denied:
        return _closed(told, "rule", denied)
    error: RelayError | None = mismatch(name, exchange, options, Hello(Found.NAME))
    return {"sni": told} if error is None else _closed(told, error.reason, str(error))


def _why_not(exchange: Exchange, options: ListenerOptions) -> str:
    """Why nobody looks; empty if somebody does."""
    if exchange.request.method != b"CONNECT":
        return "this is no tunnel"
    port = destination(exchange.request)[1]
    if options.peek == "off":
        return "peek is off"
    return "" if options.looks_into(port) else f"port {port} is not among peek_ports"


def _ruled(name: str, exchange: Exchange, rules: Rules | None, address: str) -> tuple[list[Verdict], str]:
    """What rules say to the name, and the words of the one that denies it."""
    if rules is None:
        return [], ""
    asked, now = replace(asked_by(exchange), host=name, is_trial=True), time()
    ruling = rules.judge(asked, (address,) if address else None, now)
    denied = f"denied by {ruling.label}" if isinstance(ruling, Ruling) and not ruling.allowed else ""
    return list(rules.explain(asked, address or None, now)), denied


def _sni(name: str, rules: list[JSON] | None = None, why: str = "") -> JSON:
    return {"name": name or None, "looked_at": not why, "why": why, "rules": rules or [], "refused": None}


def _closed(told: JSON, reason: str, text: str) -> JSON:
    """The answer to CONNECT was 200 by then."""
    refused = {"status": 200, "reason": reason, "text": text}
    return {"sni": {**told, "refused": refused}, "refused": refused}


def said(verdict: Verdict) -> JSON:
    """A verdict as JSON."""
    where = verdict.rule.where
    return {"rule": verdict.rule.text, "where": str(where), "matches": verdict.matches, "why": verdict.why}
