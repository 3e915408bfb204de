"""What goes wrong, and is done, at the times of a scenario: the state of the servers follows from all that lasts.

Events may overlap; the state of a server always follows from all that last, so that the end of one undoes nothing of
another.
"""

from collections.abc import Mapping, Sequence

from twisted_relay.simulation.scenario import Change
from twisted_relay.simulation.server import ModelServer
from twisted_relay.simulation.values import CLIENT_ACTIONS, Action
from twisted_relay.upstream.server import DRAIN, MAINT, READY, Server

LISTENING, RETIRED, CRASHED = "listening", "retired", "crashed"


class Faults:
    """What lasts at the moment, by server, and for clients by section."""

    def __init__(self, models: Mapping[str, ModelServer], servers: Sequence[Server]) -> None:
        self._models = models
        self._servers = {server.name: server for server in servers}
        self._lasting: dict[str, dict[str, Action]] = {name: {} for name in models}
        self._life = dict.fromkeys(models, LISTENING)
        self._rates: dict[str, dict[str, Action]] = {}

    def apply(self, change: Change) -> None:
        """An event begins or ends."""
        if change.action.kind in CLIENT_ACTIONS:
            for name in change.names:
                _note(self._rates.setdefault(name, {}), change)
            return
        for name in change.names:
            _note(self._lasting[name], change)
            self._settle(name, change.event)

    def rate(self, clients: str, usual: float) -> float:
        """The rate of the clients of a section, whose usual rate this is."""
        for action in self._rates.get(clients, {}).values():
            usual = action.amount if action.is_rate else usual * action.amount
        return usual

    def _settle(self, name: str, event: str) -> None:
        model, lasting = self._models[name], list(self._lasting[name].values())
        kinds = {action.kind for action in lasting}
        model.slowness = 1 / model.options.speed
        model.errors = (0.0, 500)
        for action in lasting:
            if action.kind == "slow":
                model.slowness *= action.amount
            elif action.kind == "errors":
                model.errors = (action.amount, action.status)
        model.is_unhealthy = "unhealthy" in kinds
        model.is_unreachable = "unreachable" in kinds
        self._live(name, CRASHED if "crash" in kinds else RETIRED if "restart" in kinds else LISTENING)
        if (hangs := not kinds.isdisjoint(("hang", "unreachable"))) != model.is_hung:
            (model.stop if hangs else model.go_on)()
        server = self._servers.get(name)
        if server is not None:
            mode = MAINT if "maint" in kinds else DRAIN if "drain" in kinds else READY
            if mode != server.mode:
                server.set_mode(mode, f"event {event}")

    def _live(self, name: str, life: str) -> None:
        if life == self._life[name]:
            return
        self._life[name] = life
        model = self._models[name]
        {CRASHED: model.crash, RETIRED: model.retire, LISTENING: model.come_back}[life]()


def _note(lasting: dict[str, Action], change: Change) -> None:
    if change.begins:
        lasting[change.event] = change.action
    else:
        lasting.pop(change.event, None)
