"""Requests to a forward proxy (RFC 9112 §3.2.2, §3.2.3; RFC 9110 §9.3.6): the whole URI, or CONNECT with host and port.

A forward proxy hides its clients: what they say of themselves and of proxies before them is removed, and nothing of
ours is added unless the listener says so.
"""

from functools import lru_cache

from twisted_relay.errors import BadRequest, MethodNotSupported
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin, merge_client_fields
from twisted_relay.http.http1 import check_target, read_head, read_target, without_connection_fields
from twisted_relay.http.message import Request
from twisted_relay.http.revealing import reveals
from twisted_relay.http.target import host_of

PAC_PATHS = (b"/proxy.pac", b"/wpad.dat")
"""Where browsers fetch their configuration; the second is where they look for it by themselves."""
OWN = b"relay:"
"""Stands before the `path` of a request that asks the proxy for something of its own; paths of others begin with a
slash."""

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
    if not request.target.startswith(b"http://"):
        _check_scheme(request.target[:8].lower())
    request.authority = b""  # whatever Host says, the URI is believed (RFC 9112 §3.2.2)
    read_target(request)
    _refuse_future_address(request)
    return request


def _check_scheme(start: bytes) -> None:
    """The same for schemes that are not written as nearly all write them."""
    if start.startswith(b"https://"):
        raise MethodNotSupported("https goes through CONNECT")
    if not start.startswith(b"http://"):
        raise BadRequest(_ASK_SO)


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
    return _place(request.authority, request.host)


@lru_cache(4096)
def _place(authority: bytes, host: bytes) -> tuple[str, int]:
    port = authority[authority.rfind(b"]") + 1 :].partition(b":")[2]
    return host.decode("ascii").strip("[]"), int(port or 80)


def authority_of(host: str, port: int) -> bytes:
    """Host and port as an authority in normal form, without the port that http means anyway."""
    host = f"[{host}]" if ":" in host else host
    return (host if port == 80 else f"{host}:{port}").encode("ascii")


def prepare_proxied_request(request: Request, origin: Origin) -> bytes:
    """Make the fields of a request those that its destination shall see; it gets no X-Request-Id, so the answer is
    empty. Raises `LoopDetected`."""
    fields = request.fields
    if request.drop:
        of_the_connection = Fields([fields.lines[index] for index in request.drop])
        request.credentials = of_the_connection.get_all(b"proxy-authorization")
        without_connection_fields(request)
    if request.reveals:
        fields.lines = [line for line in fields.lines if not reveals(line[: line.find(b":")])]
    if request.tells_way:
        merge_client_fields(request, origin)
        if not origin.via:
            fields.remove(b"via")  # it tells of proxies before us
    else:
        fields.lines += origin.lines(request.authority)
    return b""
