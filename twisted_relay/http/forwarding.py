"""What an intermediary changes in a message that it passes on (RFC 9110 §7.6, RFC 7239).

First everything that belongs to one connection is removed, then ours is added, so that a client cannot name our
own fields in Connection to have them dropped. Pure: who the client is and what is trusted comes as `Origin`.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from twisted_relay.errors import LoopDetected
from twisted_relay.http.http1 import without_connection_fields
from twisted_relay.http.message import Request, Response
from twisted_relay.http.request_id import is_request_id, new_request_id

_CLIENT_FIELDS = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"forwarded")


class Origin:
    """Who a connection's requests come from, with the field lines that say so computed once.

    `client` is an address or "" for a UNIX socket; `port` is the listener's, 0 for none; `trusted`: the peer is a
    proxy of ours whose own fields are kept and added to; `via` is the pseudonym for Via, empty for none; `hidden`:
    nobody is told of the client; `protocol` is what it speaks, empty for HTTP.
    """

    __slots__ = (
        "_authority",
        "_for",
        "_lines",
        "_port",
        "client",
        "hidden",
        "proto",
        "protocol",
        "trusted",
        "via",
        "via_line",
    )

    def __init__(
        self, client: str, proto: bytes, port: int, via: bytes, *, trusted: bool = False, hidden: bool = False
    ) -> None:
        self.client = client
        self.proto = proto
        self.protocol = ""
        self.trusted = trusted and not hidden
        self.hidden = hidden
        self.via = via
        self.via_line = b"Via: 1.1 " + via
        self._for = _plain_address(client)
        self._port = b"X-Forwarded-Port: %d" % port if port else b""
        self._authority: bytes | None = None
        self._lines: tuple[bytes, ...] = ()

    def lines(self, authority: bytes) -> tuple[bytes, ...]:
        """The field lines that tell a server of the client, for a request to this authority."""
        if authority != self._authority:
            self._authority = authority
            self._lines = self._make_lines(authority)
        return self._lines

    def _make_lines(self, authority: bytes) -> tuple[bytes, ...]:
        if self.hidden:
            return (self.via_line,) if self.via else ()
        lines = [b"X-Forwarded-For: " + (self._for or b"unknown"), b"X-Forwarded-Proto: " + self.proto]
        if authority:
            lines.append(b"X-Forwarded-Host: " + authority)
        if self._port:
            lines.append(self._port)
        lines.append(b"Forwarded: " + self.forwarded_element(authority))
        if self.via:
            lines.append(self.via_line)
        return tuple(lines)

    def forwarded_element(self, authority: bytes) -> bytes:
        """This hop as an element of Forwarded (RFC 7239 §4)."""
        node = self._for
        if not node:
            node = b"unknown"
        elif b":" in node:
            node = b'"[%b]"' % node
        element = b"for=%b;proto=%b" % (node, self.proto)
        return element + (b';host="%b"' % authority if authority else b"")

    @property
    def client_bytes(self) -> bytes:
        """The client's address as it stands in X-Forwarded-For."""
        return self._for or b"unknown"


@lru_cache(4096)
def _plain_address(client: str) -> bytes:
    if not client:
        return b""
    address = ip_address(client.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address).encode("ascii")


def prepare_request(request: Request, origin: Origin) -> bytes:
    """Make the fields of a request those that a server shall see; returns its X-Request-Id; raises `LoopDetected`."""
    if request.drop:
        without_connection_fields(request)
    fields = request.fields
    if request.tells_way:
        merge_client_fields(request, origin)
    else:
        fields.lines += origin.lines(request.authority)
    if request.has_id:
        return _keep_request_id(request)
    request_id = new_request_id()
    fields.lines.append(b"X-Request-Id: " + request_id)
    return request_id


def _keep_request_id(request: Request) -> bytes:
    """The client's own id, if it gave one that may stand in a log; else a new one in its place."""
    given = request.fields.get_all(b"x-request-id")
    if len(given) == 1 and is_request_id(given[0]):
        return given[0]
    request_id = new_request_id()
    request.fields.set(b"X-Request-Id", request_id)
    return request_id


def merge_client_fields(request: Request, origin: Origin) -> None:
    """Take away, or add to, what the request says of its way. Raises `LoopDetected`."""
    fields = request.fields
    if origin.via:
        for value in fields.get_all(b"via"):
            if any(element.split()[1:2] == [origin.via] for element in value.split(b",")):
                raise LoopDetected("the request passed this listener before")
    if not origin.trusted:
        for name in _CLIENT_FIELDS:
            fields.remove(name)
        fields.lines += origin.lines(request.authority)
        return
    chain = fields.get_all(b"x-forwarded-for")
    fields.set(b"X-Forwarded-For", b", ".join([*chain, origin.client_bytes]))
    elements = fields.get_all(b"forwarded")
    if elements:
        fields.set(b"Forwarded", b", ".join([*elements, origin.forwarded_element(request.authority)]))
    present = {name.lower() for name, _ in fields}
    for line in origin.lines(request.authority):
        name = line.partition(b":")[0].lower()
        if name == b"via" or name not in present:
            fields.lines.append(line)


def prepare_response(response: Response, *, trailers_pass: bool) -> None:
    """Make the fields of a response those that the client shall see."""
    if response.drop:
        without_connection_fields(response)
    if not trailers_pass and response.chunked:
        response.fields.remove(b"trailer")
