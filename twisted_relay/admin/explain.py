"""What relay would do with a request, and why: the answer of `relay explain`, offline and from the running daemon.

Nothing is decided here. A `Trial` has taken the way of the traffic, and the backend names its candidates itself; this
module puts into words what they say. The shape is that of `docs/reference/control-api.md`.
"""

from collections.abc import Mapping, Sequence

from twisted_relay.admin.candidates import describe_backend
from twisted_relay.admin.hidden import without_passwords, without_secrets
from twisted_relay.admin.json_input import JSON
from twisted_relay.admin.outside import Outside
from twisted_relay.admin.question import Question, choose_listener, read_question
from twisted_relay.admin.trial import Client, Trial, try_out
from twisted_relay.config.values import Location, UnixAddress
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.errors import RelayError
from twisted_relay.http.http1 import write_request
from twisted_relay.http.message import Response
from twisted_relay.routing import Verdict
from twisted_relay.rules.rules import Rules
from twisted_relay.rules.ways import NO_PARENTS, Ways
from twisted_relay.upstream.backend import Backend


class Explain:
    """Answers questions about requests, for these listeners and backends."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        backends: Mapping[str, Backend],
        rules: Mapping[str, Rules],
        ways: Ways = NO_PARENTS,
    ) -> None:
        """`backends` has parents too, under their labels."""
        self._listeners = listeners
        self._backends = backends
        self._rules = rules
        self._ways = ways

    def answer(self, given: JSON) -> JSON:
        """The answer to a question as JSON; raises `Refused` if it cannot be understood."""
        question = read_question(given)
        listener, port = choose_listener(question, self._listeners)
        question = question.as_to(listener)
        client = Client(question.client if port or not _only_sockets(listener) else "", port)
        trial = try_out(listener, question.head, client)
        return {
            "request": _request(question, listener, client),
            "routes": [_verdict(verdict, listener) for verdict in _asked(trial)],
            "not_asked": len(trial.verdicts) - len(_asked(trial)),
            "route": None if trial.route is None else trial.route.name,
            "auth": _auth(trial, listener),
            "refused": None if trial.error is None else _error(trial.error),
            "limits": _limits(trial, listener),
            "answer": None if trial.response is None else _response(trial.response),
            **self._forwarded(trial, listener, question),
        }

    def _forwarded(self, trial: Trial, listener: Listener, question: Question) -> JSON:
        """What would go to a server, and to which."""
        if not trial.is_forwarded or trial.exchange is None or trial.route is None:
            return {"forwarded": None, "backend": None}
        exchange = trial.exchange
        if trial.route.destination.leads_out:
            outside = Outside(self._rules.get(listener.options.rules), self._ways, self._backends)
            return {"backend": None, **outside.describe(exchange, listener, question)}
        backend = self._backends[trial.route.destination.backend]
        candidates = backend.peek(exchange)
        described = describe_backend(backend, exchange, candidates)
        server = next((each for each in candidates if each.has_room), candidates[0] if candidates else None)
        authority = exchange.request.authority if server is None else backend.authority_for(exchange, server)
        head = write_request(exchange.request, authority, exchange.request.upgrade)
        lines = without_secrets(head.decode("utf-8", "backslashreplace").split("\r\n")[:-2], trial.route.options)
        return {"forwarded": {"server": None if server is None else server.name, "head": lines}, "backend": described}


def _only_sockets(listener: Listener) -> bool:
    return all(isinstance(address, UnixAddress) for address in listener.options.bind)


def _request(question: Question, listener: Listener, client: Client) -> JSON:
    scheme, head = "https" if listener.options.tls else "http", question.head
    if listener.options.mode == "socks5":
        scheme, head = "socks5", f"{question.method} {question.target}\r\n\r\n".encode("utf-8", "surrogateescape")
    return {
        "listener": listener.name,
        "where": _place(listener.options.where),
        "scheme": scheme,
        "client": client.address or "unix",
        "head": without_passwords(head.decode("utf-8", "backslashreplace").split("\r\n")[:-2]),
    }


def _auth(trial: Trial, listener: Listener) -> str | None:
    """The [auth:] section whose users may pass; the rest of the answer is for one of them."""
    if trial.route is None:
        return listener.options.auth or None
    plan = trial.route.destination
    return trial.route.options.auth or (listener.options.auth if plan.leads_out else "") or None


def _asked(trial: Trial) -> list[Verdict[Plan]]:
    """The verdicts up to the first route that takes the request: later ones are not asked."""
    asked: list[Verdict[Plan]] = []
    for verdict in trial.verdicts:
        asked.append(verdict)
        if verdict.is_match:
            break
    return asked


def _verdict(verdict: Verdict[Plan], listener: Listener) -> JSON:
    route = verdict.route
    where = route.options.where if route.name else listener.options.where
    return {"name": route.name, "where": _place(where), "matches": verdict.is_match, "why": verdict.refusal}


def _place(where: Location) -> str:
    return str(where) if where.line else ""


def _limits(trial: Trial, listener: Listener) -> JSON:
    """What the listener and the route allow; 0: anything."""
    options = listener.options
    return {
        "max_request_line": options.max_request_line,
        "max_header": options.max_header,
        "max_header_fields": options.max_header_fields,
        "max_body": options.max_body if trial.route is None else trial.route.destination.max_body,
        "max_connections": options.max_connections,
        "max_connections_per_client": options.max_connections_per_client,
    }


def _error(error: RelayError) -> JSON:
    return {"status": error.status, "reason": error.reason, "text": str(error)}


def _response(response: Response) -> JSON:
    fields = [line.decode("utf-8", "backslashreplace") for line in response.fields.lines]
    return {"status": response.status, "fields": fields}


def is_taken(answer: Mapping[str, object]) -> bool:
    """Whether some route takes the request of an answer."""
    return answer["route"] is not None and answer["refused"] is None
