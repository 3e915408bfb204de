"""Requests to a forward proxy (RFC 9112 §3.2.2, §3.2.3; RFC 9110 §9.3.6): the whole URI, or CONNECT with host and port.

A forward proxy hides its clients: what they say of themselves and of proxies before them is removed, and nothing of
ours is added unless the listener says so.
"""

from twisted_relay.errors import BadRequest, MethodNotSupported
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin, merge_client_fields
from twisted_relay.http.http1 import check_target, read_head, read_target, without_connection_fields
from twisted_relay.http.message import Request
from twisted_relay.http.target import host_of

PAC_PATHS = (b"/proxy.pac", b"/wpad.dat")
"""Where browsers fetch their configuration; the second is where they look for it by themselves."""
OWN = b"relay:"
"""Stands before the `path` of a request that asks the proxy for something of its own; paths of others begin with a
slash."""

REVEALING = frozenset(
    b"x-real-ip client-ip x-client-ip true-client-ip cf-connecting-ip cf-connecting-ipv6 fastly-client-ip "
    b"x-cluster-client-ip x-azure-clientip x-azure-socketip x-appengine-user-ip x-envoy-external-address "
    b"x-originating-ip x-remote-ip x-remote-addr x-proxyuser-ip proxy-client-ip wl-proxy-client-ip "
    b"x-forwarded x-original-forwarded-for x-original-host x-bluecoat-via x-proxy-id".split()
)
"""Fields in which clients, and proxies before us, say who they are. `X-Forwarded-*` and those of `forwarding` come on
top."""

_MAX_KNOWN = 4096
_reveals: dict[bytes, bool] = {}
"""Field names as they were written, and whether they are among these. Bounded, as `http1._known`."""

_ASK_SO = "a forward proxy is asked with a whole URI, http://HOST/PATH, or with CONNECT HOST:PORT"


def read_proxied_request(head: bytes, max_fields: int = 200) -> Request:
    """A request as a forward proxy takes it, from its head; raises a `ClientError`."""
    return _read_proxied(read_head(head, max_fields))


def read_proxied_or_own_request(head: bytes, max_fields: int = 200) -> Request:
    """The same for a listener that offers a PAC file: GET and HEAD may also ask for that, as of any server."""
    request = read_head(head, max_fields)
    if request.method in (b"GET", b"HEAD") and request.target.partition(b"?")[0] in PAC_PATHS:
        read_target(request)
        request.path = OWN + request.path
        return request
    return _read_proxied(request)


def _read_proxied(request: Request) -> Request:
    if request.method == b"CONNECT":
        _read_connect(request)
        _refuse_future_address(request)
        return request
    scheme = request.target[:8].lower()
    if scheme.startswith(b"https://"):
        raise MethodNotSupported("https goes through CONNECT")
    if not scheme.startswith(b"http://"):
        raise BadRequest(_ASK_SO)
    request.authority = b""  # whatever Host says, the URI is believed (RFC 9112 §3.2.2)
    read_target(request)
    _refuse_future_address(request)
    return request


def _refuse_future_address(request: Request) -> None:
    """`[v2.example]` is no address that can be reached (RFC 3986 §3.2.2), and must not become the name within."""
    if request.host.startswith(b"[v"):
        raise BadRequest("the host is an address of an IP version that does not exist")


def _read_connect(request: Request) -> None:
    """The target is the authority, with its port; it has nothing else. Host is not looked at: it may say less."""
    target = request.target
    check_target(target)
    request.host = host_of(target)
    port = target[target.rfind(b"]") + 1 :].rpartition(b":")[2]
    if not port.isdigit() or not int(port):
        raise BadRequest("the target of CONNECT is HOST:PORT")
    if request.length != 0:
        raise BadRequest("CONNECT has no content")
    request.authority = target
    request.upgrade = b""
    request.expects_continue = False


def connect_request(host: str, port: int) -> Request:
    """CONNECT as if it had come by HTTP, from a host in the form of `guard.hosts` and a port."""
    authority = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii")
    request = Request(b"CONNECT", authority, Fields())
    request.authority = authority
    request.host = host_of(authority)
    return request


def destination(request: Request) -> tuple[str, int]:
    """The host, without brackets, and the port that a request with an authority wants to reach."""
    authority = request.authority
    port = authority[authority.rfind(b"]") + 1 :].partition(b":")[2]
    return request.host.decode("ascii").strip("[]"), int(port or 80)


def authority_of(host: str, port: int) -> bytes:
    """Host and port as an authority in normal form, without the port that http means anyway."""
    host = f"[{host}]" if ":" in host else host
    return (host if port == 80 else f"{host}:{port}").encode("ascii")


def reveals(name: bytes) -> bool:
    """Whether a field, in whatever spelling, says who the client is; `X_Real_IP` is the same to some servers."""
    known = _reveals.get(name)
    if known is None:
        plain = name.lower().replace(b"_", b"-")
        known = plain in REVEALING or plain.startswith(b"x-forwarded-")
        if len(_reveals) < _MAX_KNOWN and len(name) <= 64:
            _reveals[name] = known
    return known


def prepare_proxied_request(request: Request, origin: Origin) -> bytes:
    """Make the fields of a request those that its destination shall see; it gets no X-Request-Id, so the answer is
    empty. Raises `LoopDetected`."""
    if request.drop:
        request.credentials = request.fields.get_all(b"proxy-authorization")
        without_connection_fields(request)
    fields = request.fields
    fields.lines = [line for line in fields.lines if not reveals(line[: line.find(b":")])]
    if request.tells_way:
        merge_client_fields(request, origin)
        if not origin.via:
            fields.remove(b"via")  # it tells of proxies before us
    else:
        fields.lines += origin.lines(request.authority)
    return b""
