"""What a forward proxy would do with a request: the rules it met, and what would leave.

The name is not resolved and nothing is dialled, so what the guard says of its addresses stays open. Rules that look at
the address, or the user, take them from whoever asks.
"""

from dataclasses import replace
from time import time

from twisted_relay.admin.json_input import JSON
from twisted_relay.admin.question import Question
from twisted_relay.downstream.listener import Listener
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.http1 import write_request
from twisted_relay.rules.rules import Rules, Ruling, Verdict
from twisted_relay.upstream.permitted import asked_by


def describe_outside(exchange: Exchange, listener: Listener, rules: Rules | None, question: Question) -> JSON:
    """The members of an answer that tell of a request to somewhere else."""
    try:
        asked = asked_by(exchange)
    except RelayError as error:
        return _refused(error.status, error.reason, str(error))
    verdicts: list[Verdict] = []
    if rules is not None:
        now, address = time(), question.address
        asked = replace(asked, user=question.user, groups=frozenset(question.groups))
        verdicts = list(rules.explain(asked, address or None, now))
        ruling = rules.judge(asked, (address,) if address else None, now)
        if isinstance(ruling, Ruling) and not ruling.allowed:
            return _refused(403, "rule", f"denied by {ruling.label}", verdicts)
    request = exchange.request
    if request.method == b"CONNECT":
        if not listener.options.may_connect(asked.port):
            return _refused(403, "forbidden", f"port {asked.port} is not among connect_ports", verdicts)
        head: list[str] = []
    else:
        octets = write_request(request, request.authority, b"")
        head = octets.decode("utf-8", "backslashreplace").split("\r\n")[:-2]
    server = f"[{asked.host}]:{asked.port}" if ":" in asked.host else f"{asked.host}:{asked.port}"
    return {"forwarded": {"server": server, "head": head}, "rules": [_said(each) for each in verdicts]}


def _refused(status: int, reason: str, text: str, verdicts: list[Verdict] | None = None) -> JSON:
    return {
        "forwarded": None,
        "refused": {"status": status, "reason": reason, "text": text},
        "answer": {"status": status, "fields": []},
        "rules": [_said(each) for each in verdicts or ()],
    }


def _said(verdict: Verdict) -> JSON:
    where = verdict.rule.where
    return {"rule": verdict.rule.text, "where": str(where), "matches": verdict.matches, "why": verdict.why}
