"""Targets and authorities (RFC 9112 §3.2, RFC 3986 §3.2): read strictly, and the path that routes compare.

The target itself is forwarded byte for byte; only what routes look at is brought into one normal form here, so
that `/a/../secret`, `/%73ecret` and `//secret` meet the same route as `/secret`. Paths that have no such form, because
servers differ in how they read them, are refused.
"""

import re
from ipaddress import IPv6Address

from twisted_relay.errors import BadRequest

_NAME = rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
_LITERAL = rb"\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
_AUTHORITY = re.compile(rb"(?:%b|%b)(?::[0-9]{0,5})?" % (_NAME, _LITERAL))
_ABSOLUTE = re.compile(rb"(https?)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SLASHES = re.compile(rb"//+")
_HIDDEN_PARENT = re.compile(rb"(?:%2F|%5C)\.\.(?:/|%2F|%5C|;|$)|/\.\.(?:%2F|%5C|;)")
"""A parent segment for servers that decode slashes early, or cut parameters off segments; a name for all others."""

_MAX_KNOWN = 1024
known_hosts: dict[bytes, bytes] = {}
"""Authorities that were found valid, with their host: a server sees few, and each many times. Bounded."""


def host_of(authority: bytes) -> bytes:
    """The host of `host[:port]` in lower case, without port; raises `BadRequest` for anything that is not one."""
    host = known_hosts.get(authority)
    if host is None:
        host = _read_host(authority)
        if len(known_hosts) < _MAX_KNOWN and len(authority) < 256:
            known_hosts[authority] = host
    return host


def _read_host(authority: bytes) -> bytes:
    if not _AUTHORITY.fullmatch(authority):
        raise BadRequest("Host is not a valid authority")
    if authority.startswith(b"["):
        host, _, port = authority.partition(b"]")
        literal = host[1:].decode("ascii")
        if not literal.startswith(("v", "V")):
            try:
                IPv6Address(literal)
            except ValueError as error:
                raise BadRequest("Host is not a valid IPv6 literal") from error
        host += b"]"
        port = port[1:]
    else:
        host, _, port = authority.partition(b":")
    if port and int(port) > 65535:
        raise BadRequest("the port in Host is above 65535")
    if b"%" in host:
        host = _ESCAPE.sub(_decode_unreserved, host)
    host = host.removesuffix(b".").lower()
    if not host:
        raise BadRequest("Host is not a valid authority")
    return host


def split_absolute(target: bytes) -> tuple[bytes, bytes]:
    """(authority, path and query) of an absolute-form target (RFC 9112 §3.2.2); the path may be empty. Raises
    `BadRequest`."""
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise BadRequest("the target is neither a path nor an http URI")
    _, authority, rest = match.groups()
    if b"@" in authority:
        raise BadRequest("the target has user information")
    return authority, rest


def normal_path(path: bytes) -> bytes:
    """The path in the form that routes compare: unreserved characters decoded, dot segments resolved (RFC 3986
    §6.2.2), runs of slashes merged. Never longer than the path.

    Raises `BadRequest` for paths that servers are known to resolve to different places, so that no route can
    be told from which of them the server will answer.
    """
    if b"\\" in path:
        raise BadRequest("the path has a backslash")
    if b"%" in path:
        path = _ESCAPE.sub(_decode_unreserved, path)
    if b".." in path and _HIDDEN_PARENT.search(path):
        raise BadRequest("the path has a hidden dot segment")
    merged = _SLASHES.sub(b"/", path)
    if b"/." not in merged:
        return merged
    resolved = _without_dot_segments(merged)
    if merged != path and resolved != _SLASHES.sub(b"/", _without_dot_segments(path)):
        raise BadRequest("the path has a dot segment behind an empty one")
    return resolved


def has_detour(path: bytes) -> bool:
    """Whether a path may have dot segments or empty segments, in whatever spelling: its normal form may then lead
    elsewhere than its octets seem to."""
    return b"/." in path or b"//" in path or b"%2e" in path or b"%2E" in path


def _decode_unreserved(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16)
    return bytes((code,)) if code in _UNRESERVED else match[0].upper()


def _without_dot_segments(path: bytes) -> bytes:
    kept: list[bytes] = []
    segments = path.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/" + b"/".join(kept)
