"""A resource that lets a backend answer: for a part of a site, or for all of it (a gateway, RFC 9110 §3.7)."""

import os
from typing import Any, cast
from urllib.parse import quote_from_bytes, unquote_to_bytes

from twisted.internet.interfaces import IReactorTime
from twisted.web import server
from twisted.web.resource import Resource

from twisted_relay.errors import BadRequest, RelayError
from twisted_relay.http.forwarding import prepare_request
from twisted_relay.http.message import Request
from twisted_relay.web.agent import BalancingAgent
from twisted_relay.web.site import SiteExchange, origin_of, read_site_request


class ReverseProxyResource(Resource):
    """Takes the place of `twisted.web.proxy.ReverseProxyResource`; `over` puts one in front of several servers.

    `path` stands before the part of the request's path that is below this resource, which is sent byte for byte.
    `host` and `port` are those of the server, which sees them in `Host` as with the stock class.
    """

    def __init__(self, host: str, port: int, path: bytes, reactor: IReactorTime | None = None) -> None:
        super().__init__()
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._set_up(BalancingAgent(reactor or the_reactor(), [f"http://{authority}"], host="backend"), path)
        self.host, self.port = host, port

    @classmethod
    def over(cls, agent: BalancingAgent, path: bytes = b"") -> "ReverseProxyResource":
        """A resource whose requests go where those of the agent go, with the agent's options."""
        made = cls.__new__(cls)
        Resource.__init__(made)
        made._set_up(agent, path)
        return made

    def _set_up(self, agent: BalancingAgent, path: bytes) -> None:
        self.agent = agent
        self.path = path
        self.reactor = agent.reactor
        self._via = b"relay-" + os.urandom(4).hex().encode("ascii")

    def getChild(self, path: bytes, request: Any) -> Resource:
        """Everything below that is not a child of its own."""
        request.postpath.insert(0, request.prepath.pop())
        return _Rest(self)

    def render(self, request: Any) -> int:
        """Let the backend answer."""
        self.forward(cast(server.Request, request))
        return server.NOT_DONE_YET

    def forward(self, site: server.Request) -> None:
        """Forward one request to the backend."""
        origin = origin_of(site, self._via)
        mine = SiteExchange(site, origin, self.agent.backend.now())
        try:
            request = read_site_request(site)
            request.target = self._target(site, request)
            mine.exchange.request_id = prepare_request(request, origin)
        except RelayError as error:
            mine.answered(error)
            return
        mine.forward(request, self.agent.traffic)

    def _target(self, site: server.Request, request: Request) -> bytes:
        """What a server is asked for."""
        prepath, postpath = cast("list[bytes]", site.prepath), cast("list[bytes]", site.postpath)
        if not prepath and not self.path:
            return request.target
        path, mark, query = request.target.partition(b"?")
        rest = _as_it_came(path, postpath)
        if any(unquote_to_bytes(segment) in (b".", b"..") for segment in rest):
            raise BadRequest("a dot segment would lead out of the resource")
        below = b"".join(b"/" + segment for segment in rest)
        return (self.path + below or b"/") + mark + query

    def close(self) -> Any:
        """End what is running, and the agent with it; the Deferred fires when nothing is left."""
        return self.agent.close()


class _Rest(Resource):
    """What lies below a resource: asks no further children."""

    isLeaf = True

    def __init__(self, above: ReverseProxyResource) -> None:
        super().__init__()
        self.render = above.render  # type: ignore[method-assign]


def _as_it_came(path: bytes, postpath: list[bytes]) -> list[bytes]:
    """The last segments of a path as they were sent, for those that the site has decoded; those that somebody has
    changed since are encoded anew."""
    raw = path.split(b"/")[1:]
    rest = raw[len(raw) - len(postpath) :] if 0 < len(postpath) <= len(raw) else []
    if [unquote_to_bytes(segment) for segment in rest] == postpath:
        return rest
    return [quote_from_bytes(segment, safe="!$&'()*+,;=:@-._~").encode("ascii") for segment in postpath]


def the_reactor() -> IReactorTime:
    """The program's reactor, as the stock class takes it when none is given."""
    from twisted.internet import reactor

    return cast(IReactorTime, reactor)
