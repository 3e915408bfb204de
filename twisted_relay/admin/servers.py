"""The servers of all backends as JSON, and what whoever runs them may change: mode and weight.

`GET /api/servers` and `POST /api/servers/BACKEND/SERVER` (`docs/reference/control-api.md`). Moments are said twice, as
UTC in ISO 8601 and as seconds ago; the history keeps monotonic seconds, and the wall clock may have been set meanwhile.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from twisted.logger import Logger

from twisted_relay.admin.json_input import JSON, Refused, check_keys, read_text
from twisted_relay.balancing.policy import FULL_SHARE
from twisted_relay.config.balance import show_balance
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.upstream.backend import Backend
from twisted_relay.upstream.server import MODES, Server

MAX_WEIGHT = 256
MAX_REASON = 200
"""Characters of the reason that an operator gives."""


class Servers:
    """All servers, to be looked at and changed. `wall` gives seconds since the epoch."""

    _log = Logger(namespace="twisted_relay.admin")

    def __init__(self, backends: Mapping[str, Backend], wall: Callable[[], float]) -> None:
        self._backends = backends
        self._wall = wall

    def all(self) -> JSON:
        """Every backend with its servers."""
        return {"backends": [self._backend(backend) for backend in self._backends.values()]}

    def one(self, path: str) -> JSON:
        """The server that `BACKEND/SERVER` names; raises `Refused`."""
        return self._server(*self._find(path))

    def change(self, path: str, given: JSON) -> JSON:
        """Change mode or weight of the server that `BACKEND/SERVER` names; the server after that. Raises `Refused`."""
        backend, server = self._find(path)
        check_keys(given, ("mode", "weight", "reason"))
        mode, weight, reason = _mode(given), _weight(given), read_text(given, "reason", MAX_REASON)
        if mode is None and weight is None:
            raise Refused("nothing to change", 'give "mode" or "weight"')
        why = f"by operator: {reason}" if reason else "by operator"
        if weight is not None:
            server.set_weight(weight, why)
        if mode is not None:
            server.set_mode(mode, why)
        wanted = [f"weight {weight}"] * (weight is not None) + [f"mode {mode}"] * (mode is not None)
        self._log.info(
            "server {name} of backend {backend}: {wanted} {why}; it is {state}",
            name=server.name,
            backend=backend.name,
            wanted=", ".join(wanted),
            why=why,
            state=server.state,
        )
        return self._server(backend, server)

    def _find(self, path: str) -> tuple[Backend, Server]:
        backend_name, _, name = path.partition("/")
        backend = self._backends.get(backend_name)
        if backend is None:
            raise _missing(f'no backend "{backend_name[:60]}"', backend_name, list(self._backends))
        for server in backend.servers:
            if server.name == name:
                return backend, server
        names = [server.name for server in backend.servers]
        raise _missing(f'no server "{name[:60]}" in backend {backend.name}', name, names)

    def _backend(self, backend: Backend) -> JSON:
        return {
            "name": backend.name,
            "balance": show_balance(backend.options.balance),
            **({"discovery": backend.describe_discovery()} if backend.describe_discovery is not None else {}),
            "queue": {"length": len(backend.queue), "limit": backend.options.queue_length},
            "servers": [self._server(backend, server) for server in backend.servers],
        }

    def _server(self, backend: Backend, server: Server) -> JSON:
        spec, pool = server.spec, server.pool
        passed, failed = server.counters.checks["success"], server.counters.checks["failure"]
        return {
            "backend": backend.name,
            "name": server.name,
            "address": str(spec.address),
            "scheme": spec.scheme,
            "state": server.state,
            "mode": server.mode,
            "reason": server.reason,
            **self._moment("since", server.since, backend.now()),
            "weight": server.weight,
            "configured_weight": spec.weight,
            "share": server.share / FULL_SHARE,
            "tier": spec.tier,
            "backup": spec.backup,
            "active_requests": server.active_requests,
            "connections": {"open": pool.open, "idle": len(pool.idle)},
            "checks": {
                "passed": passed,
                "failed": failed,
                "last": server.last_check,
                "last_seconds": round(server.last_check_duration, 4),
            },
            "history": [
                {**self._moment("at", when, backend.now()), "state": state, "reason": reason}
                for when, state, reason in server.history
            ],
        }

    def _moment(self, key: str, when: float, now: float) -> JSON:
        age = max(0.0, now - when)
        moment = datetime.fromtimestamp(self._wall() - age, UTC)
        return {key: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "age": round(age, 3)}


def _mode(given: JSON) -> str | None:
    if "mode" not in given:
        return None
    mode = given["mode"]
    if not isinstance(mode, str) or mode not in MODES:
        hint = did_you_mean(mode, MODES) if isinstance(mode, str) else ""
        raise Refused('"mode" is not valid', hint or f"write one of {', '.join(MODES)}")
    return mode


def _weight(given: JSON) -> int | None:
    if "weight" not in given:
        return None
    weight = given["weight"]
    if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= MAX_WEIGHT:
        raise Refused('"weight" is not valid', f"write a whole number from 0 to {MAX_WEIGHT}")
    return weight


def _missing(message: str, name: str, known: list[str]) -> Refused:
    some = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return Refused(message, did_you_mean(name, known) or f"there are: {some}", 404)
