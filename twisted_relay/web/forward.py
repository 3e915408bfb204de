"""A resource that is a forward proxy for plain http: the request names where it goes (RFC 9112 §3.2.2).

Hides its clients: nothing is added to what they send, and what says who they are is removed.
CONNECT, and with it https, is not served yet.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar, cast

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.web import server
from twisted.web.resource import Resource

from twisted_relay.config.tree import ListenerOptions
from twisted_relay.downstream.forward_answers import ForwardAnswers
from twisted_relay.errors import BadRequest, ConfigurationError, DestinationRefused, RelayError
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.hosts import read_host
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.http.message import Request
from twisted_relay.http.proxied import destination, prepare_proxied_request
from twisted_relay.net.interfaces import MachineAddresses
from twisted_relay.web.agent import BalancingAgent
from twisted_relay.web.options import Setting, backend_options, destinations
from twisted_relay.web.reverse import the_reactor
from twisted_relay.web.site import SiteExchange, origin_of, read_site_request
from twisted_relay.web.standalone import StandaloneBackend

MAX_ORIGINS = 64
"""Origins whose connections are kept; of more, the one that has been idle for the longest time is let go."""

Allow = Callable[[str, int], bool]
"""Whether a host, a lower-case name or an address in its shortest form and without brackets, may be asked at this
port."""


class ProxyResource(Resource):
    """The root of a site that is a forward proxy. `allow` judges every destination by the name in the request.

    Then a guard judges every address that is dialled: what is private, of this machine or otherwise not of the public
    Internet is refused, unless `allow_destination` names it, which is written as in a `[listener]` section. `options`
    are those of a `[backend]` section and apply to every origin.
    """

    isLeaf = True

    def __init__(
        self, allow: Allow, reactor: IReactorTime | None = None, allow_destination: str = "", **options: Setting
    ) -> None:
        """Raises `ConfigurationError`."""
        super().__init__()
        self._allow = allow
        self._answers = ForwardAnswers(ListenerOptions())
        guard = Guard(destinations(allow_destination), Ourselves(MachineAddresses(time.monotonic)))
        self._origins = Origins(reactor or the_reactor(), options, guard)

    def render(self, request: Any) -> int:
        """Forward one request to where it wants to go."""
        site = cast(server.Request, request)
        origin = origin_of(site, b"", hidden=True)
        mine = SiteExchange(site, origin, self._origins.now(), self._answers)
        try:
            read = mine.exchange.request = read_site_request(site)
            agent = self._agent_for(site, read)
            prepare_proxied_request(read, origin)
        except RelayError as error:
            mine.answered(error)
        else:
            mine.forward(read, agent.traffic)
        return server.NOT_DONE_YET

    def _agent_for(self, site: server.Request, request: Request) -> BalancingAgent:
        if not site.uri[:7].lower() == b"http://":
            raise BadRequest("the target is not the absolute form of an http URI")
        host, port = destination(request)
        host = read_host(host)
        if not self._allow(host, port):
            raise DestinationRefused(f"{host}:{port} is not allowed")
        return self._origins.agent(host, port)

    def close(self) -> Deferred[object]:
        """End what is running; the Deferred fires when nothing is left."""
        return self._origins.close()


class Origins:
    """An agent for each origin, the most recently used ones."""

    _fixed: ClassVar[dict[str, Setting]] = {"host": "preserve"}

    def __init__(self, reactor: IReactorTime, options: dict[str, Setting], guard: Guard) -> None:
        self._reactor = reactor
        self._guard = guard
        self._options = {**options, **self._fixed}
        self._agents: OrderedDict[tuple[str, int], BalancingAgent] = OrderedDict()
        self._leaving: set[Deferred[None]] = set()
        self.now = self._make("localhost", 80).backend.now  # bad options are found now, not with the first request

    def agent(self, host: str, port: int) -> BalancingAgent:
        """The agent for an origin; raises `BadRequest` for what cannot be a host."""
        agent = self._agents.get((host, port))
        if agent is None:
            try:
                agent = self._make(host, port)
            except ConfigurationError as error:
                raise BadRequest(f"the host of the target cannot be reached: {error}") from error
            self._make_room()
            self._agents[host, port] = agent
        self._agents.move_to_end((host, port))
        return agent

    def _make(self, host: str, port: int) -> BalancingAgent:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        options = backend_options("agent", [f"http://{authority}"], self._options)
        return BalancingAgent.owning(StandaloneBackend(self._reactor, options, guard=self._guard))

    def _make_room(self) -> None:
        """Let idle origins go, the oldest first, while there are too many; those that are busy stay."""
        for key in [key for key, agent in self._agents.items() if agent.traffic.is_idle]:
            if len(self._agents) < MAX_ORIGINS:
                return
            self._let_go(self._agents.pop(key))

    def _let_go(self, agent: BalancingAgent) -> None:
        gone = agent.close()
        self._leaving.add(gone)
        gone.addBoth(lambda _: self._leaving.discard(gone))

    def close(self) -> Deferred[object]:
        """Let all go."""
        while self._agents:
            self._let_go(self._agents.popitem()[1])
        return cast("Deferred[object]", gatherResults(list(self._leaving)))
