"""Sticky sessions: a cookie that names the server, so that a client comes back to it.

The value is an HMAC over the names of backend and server: it tells nothing of them, is the same after a restart and
on other relays with the same secret, and cannot be made up. The cookie is between the client and us: servers do not
see it (HAProxy's `indirect`), and answers that set it are not for shared caches (its `nocache`).
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256

from twisted_relay.config.values import StickySpec
from twisted_relay.exchange import Exchange
from twisted_relay.http.message import Request, Response
from twisted_relay.upstream.server import Server

_VALUE_SIZE = 32
"""Hexadecimal digits: 128 bits of the HMAC."""
_UNSHARED = (b"private", b"no-store")


class Sticky:
    """The cookie of one backend."""

    def __init__(self, spec: StickySpec, backend: str, secret: bytes) -> None:
        self._spec = spec
        self._backend = backend
        self._secret = secret
        self._name = spec.cookie.encode("ascii")
        self._servers: dict[bytes, Server] = {}
        self._by_name: dict[str, Server] = {}
        self._values: dict[Server, bytes] = {}

    def update(self, servers: Iterable[Server]) -> None:
        """Who there is."""
        self._values = {server: self._values.get(server) or self.value_for(server.name) for server in servers}
        self._servers = {value: server for server, value in self._values.items()}
        self._by_name = {server.name: server for server in self._values}

    def value_for(self, name: str) -> bytes:
        """The value of the cookie for a server."""
        text = f"{self._backend}\0{name}".encode()
        return hmac.new(self._secret, text, sha256).hexdigest()[:_VALUE_SIZE].encode("ascii")

    def take(self, exchange: Exchange) -> Server | None:
        """The server that the client sticks to, if it has a cookie for one; the cookie is taken off the request.

        A second call for the same exchange says the same.
        """
        value = take_cookie(exchange.request, self._name)
        if value is not None:
            server = self._servers.get(value)
            exchange.stuck = "" if server is None else server.name
            return server
        return self._by_name.get(exchange.stuck) if exchange.stuck else None

    def stick(self, exchange: Exchange, response: Response, server: Server) -> None:
        """Make the client come back to the server that answered."""
        if exchange.stuck == server.name and not self._spec.max_age:
            return
        value = self._values.get(server)
        if value is None:
            return  # it has left meanwhile
        exchange.stuck = server.name
        fields = response.fields
        fields.lines.append(self._line(value, secure=exchange.origin.proto == b"https"))
        controls = b",".join(fields.get_all(b"cache-control")).lower()
        if not any(word in controls for word in _UNSHARED):
            fields.lines.append(b"Cache-Control: private")

    def _line(self, value: bytes, *, secure: bool) -> bytes:
        spec = self._spec
        parts = [b"Set-Cookie: %b=%b" % (self._name, value), b"Path=" + spec.path.encode("ascii"), b"HttpOnly"]
        if spec.domain:
            parts.append(b"Domain=" + spec.domain.encode("ascii"))
        if spec.max_age:
            parts.append(b"Max-Age=%d" % spec.max_age)
        parts.append(b"SameSite=" + spec.same_site.encode("ascii"))
        if secure or spec.secure:
            parts.append(b"Secure")
        return b"; ".join(parts)


def take_cookie(request: Request, name: bytes) -> bytes | None:
    """The first value of a cookie (RFC 6265 §4.2), with all of that name taken out of the request; None if none."""
    found: bytes | None = None
    lines = request.fields.lines
    for index, line in enumerate(lines):
        if line[:7].lower() != b"cookie:" or name not in line:
            continue
        kept = []
        for pair in line[7:].split(b";"):
            key, _, value = pair.strip(b" \t").partition(b"=")
            if key != name:
                kept.append(pair.strip(b" \t"))
            elif found is None:
                found = value.strip(b'"')
        lines[index] = b"Cookie: " + b"; ".join(kept) if kept else b""
    if found is not None:
        request.fields.lines = [line for line in lines if line]
    return found
