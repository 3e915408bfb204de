"""Requests as routing sees them, without a connection."""

from dataclasses import dataclass, field

from twisted_relay.http.fields import Fields


@dataclass(slots=True)
class PlainRequest:
    """What routing reads of a request; the path is taken as normalised."""

    method: bytes = b"GET"
    host: bytes = b""
    path: bytes = b"/"
    query: bytes = b""
    fields: Fields = field(default_factory=Fields)


def get(url: str, *field_lines: str) -> PlainRequest:
    """A GET of `host/path?query` with these field lines."""
    host, slash, rest = url.partition("/")
    path, _, query = rest.partition("?")
    return PlainRequest(
        host=host.encode(),
        path=(slash + path).encode(),
        query=query.encode(),
        fields=Fields([line.encode() for line in field_lines]),
    )
