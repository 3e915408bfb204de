"""What a route asks of a request: its host, path, method, fields, query and client.

The options of a route become a list of conditions, compiled once when the configuration is loaded. Several values
of one option are alternatives, several options must all hold. A condition answers twice: `holds` for the data path,
and `refusal` in words for `relay explain`. Nothing here knows in which order routes are asked (`routing`) or what a
route does with its requests. Bytes are compared as they stand on the wire; text of the configuration is UTF-8.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol
from urllib.parse import unquote_to_bytes

from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import FieldMatch, HostPattern, Network, PathPattern, QueryMatch
from twisted_relay.errors import ConfigurationError
from twisted_relay.http.fields import Fields
from twisted_relay.networks import NetworkSet

MAX_QUERY_PARAMETERS = 1000
"""Parameters after this many are not seen: an attacker chooses the query, we choose the work."""

Predicate = Callable[[bytes], object]
"""Anything that is true for the bytes it takes."""


class RoutedRequest(Protocol):
    """What routing reads of a request."""

    @property
    def method(self) -> bytes: ...

    @property
    def host(self) -> bytes:
        """Lower case, without port; empty if the request names none."""

    @property
    def path(self) -> bytes:
        """Normalised for matching, without the query."""

    @property
    def query(self) -> bytes:
        """Without the question mark."""

    @property
    def fields(self) -> Fields: ...


class Condition(Protocol):
    """One thing that must be true of a request and its client."""

    def holds(self, request: RoutedRequest, client: str) -> bool:
        """Whether the request meets this condition; `client` is an address, or "" for a UNIX socket's peer."""

    def refusal(self, request: RoutedRequest, client: str) -> str:
        """Why a request does not meet it: "host is a.example, wanted b.example"."""


def target_conditions(options: RouteOptions) -> list[Condition]:
    """The conditions on host and path, which `routing` finds by look-up and so does not ask again."""
    conditions: list[Condition] = []
    if options.host:
        conditions.append(HostCondition(options.host))
    if options.path:
        conditions.append(PathCondition(options.path))
    return conditions


def further_conditions(options: RouteOptions) -> list[Condition]:
    """The other conditions, the cheapest first. Fields and parameters of different names must all match."""
    conditions: list[Condition] = []
    if options.method:
        conditions.append(MethodCondition(options.method))
    if options.client:
        conditions.append(ClientCondition(options.client))
    for name in dict.fromkeys(match.name for match in options.header):
        conditions.append(ValueCondition(field_values, "header", [m for m in options.header if m.name == name]))
    for name in dict.fromkeys(match.name for match in options.query):
        conditions.append(ValueCondition(parameter_values, "query", [m for m in options.query if m.name == name]))
    return conditions


# -- host and path ------------------------------------------------------------------------------------------------


class HostCondition:
    """The request is for one of these hosts."""

    __slots__ = ("_exact", "_suffixes", "_wanted")

    def __init__(self, patterns: Sequence[HostPattern]) -> None:
        self._exact = frozenset(pattern.text.encode() for pattern in patterns if pattern.kind == "exact")
        self._suffixes = tuple(b"." + pattern.text.encode() for pattern in patterns if pattern.kind == "wildcard")
        self._wanted = alternatives(("*." if pattern.kind == "wildcard" else "") + pattern.text for pattern in patterns)

    def holds(self, request: RoutedRequest, client: str) -> bool:
        return request.host in self._exact or request.host.endswith(self._suffixes)

    def refusal(self, request: RoutedRequest, client: str) -> str:
        return f"host is {shown(request.host) or 'absent'}, wanted {self._wanted}"


class PathCondition:
    """The path matches one of these patterns."""

    __slots__ = ("_predicates", "_wanted")

    def __init__(self, patterns: Sequence[PathPattern]) -> None:
        self._predicates = tuple(path_predicate(pattern) for pattern in patterns)
        self._wanted = alternatives(written_path(pattern) for pattern in patterns)

    def holds(self, request: RoutedRequest, client: str) -> bool:
        return any(predicate(request.path) for predicate in self._predicates)

    def refusal(self, request: RoutedRequest, client: str) -> str:
        return f"path is {shown(request.path) or 'empty'}, wanted {self._wanted}"


def path_predicate(pattern: PathPattern) -> Predicate:
    """Tell whether a path matches; raises `ConfigurationError` for an expression that bytes cannot be matched with."""
    text = pattern.text.encode()
    match pattern.kind:
        case "exact":
            return text.__eq__
        case "prefix":
            return lambda path: path == text or path.startswith(text + b"/") or not text
        case "glob":
            return _glob(text).fullmatch
        case "regex":
            return _expression(pattern.text).match


def written_path(pattern: PathPattern) -> str:
    """The pattern as it is written in the configuration."""
    match pattern.kind:
        case "prefix":
            return pattern.text + "/*"
        case "regex":
            return "~" + pattern.text
        case _:
            return pattern.text


def _glob(text: bytes) -> re.Pattern[bytes]:
    """`*` is any run of bytes, `/` among them; `?` is any one byte.

    Every run but the last stops at the first place where the text after it fits. That loses no match, because the
    next run takes whatever was left, and a lookahead is never entered again: the time is linear in the path's
    length, where `.*a.*b.*c` needs its cube.
    """
    head, *rest = [re.escape(piece).replace(rb"\?", b".") for piece in re.split(rb"\*+", text)]
    if not rest:
        return re.compile(head, re.DOTALL)
    *middle, tail = rest
    runs = [b"(?=(?P<run%d>.*?%b))(?P=run%d)" % (number, piece, number) for number, piece in enumerate(middle)]
    return re.compile(head + b"".join(runs) + b".*" + tail, re.DOTALL)


def _expression(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode())
    except re.error as error:
        raise ConfigurationError(f"~{text} is not a regular expression over bytes: {error}") from error


# -- method, fields and query ---------------------------------------------------------------------------------------


class MethodCondition:
    """The method is one of these; methods are case-sensitive (RFC 9110 §9.1)."""

    __slots__ = ("_methods", "_wanted")

    def __init__(self, methods: Sequence[str]) -> None:
        self._methods = frozenset(method.encode() for method in methods)
        self._wanted = alternatives(methods)

    def holds(self, request: RoutedRequest, client: str) -> bool:
        return request.method in self._methods

    def refusal(self, request: RoutedRequest, client: str) -> str:
        return f"method is {shown(request.method)}, wanted {self._wanted}"


class ValueCondition:
    """Something of one name has a value that is wanted."""

    __slots__ = ("_name", "_predicates", "_read", "_title", "_wanted")

    def __init__(self, read: "ReadValues", title: str, matches: Sequence[FieldMatch] | Sequence[QueryMatch]) -> None:
        """All `matches` have the same name; `read` gets its values and `title` says what they are."""
        self._read = read
        self._name = matches[0].name.encode()
        self._title = f"{title} {matches[0].name}"
        self._predicates = tuple(value_predicate(match) for match in matches)
        self._wanted = alternatives(written_value(match) for match in matches)

    def holds(self, request: RoutedRequest, client: str) -> bool:
        for value in self._read(request, self._name):
            for predicate in self._predicates:
                if predicate(value):
                    return True
        return False

    def refusal(self, request: RoutedRequest, client: str) -> str:
        values = " and ".join(f'"{shown(value)}"' for value in self._read(request, self._name))
        return f"{self._title} is {values or 'absent'}, wanted {self._wanted}"


ReadValues = Callable[[RoutedRequest, bytes], Sequence[bytes]]
"""Get every value that a name has in a request."""


def field_values(request: RoutedRequest, name: bytes) -> Sequence[bytes]:
    """The value of each field line of this name; a line that is a list is not split."""
    return request.fields.get_all(name)


def parameter_values(request: RoutedRequest, name: bytes) -> Sequence[bytes]:
    """The values of a parameter of the query, after decoding `%41` and `+`."""
    return parameters(request.query).get(name, ())


# Several routes may ask about the same request's query, one after the other.
@lru_cache(maxsize=16)
def parameters(query: bytes) -> Mapping[bytes, Sequence[bytes]]:
    """The parameters of a query, at most `MAX_QUERY_PARAMETERS`, decoded; a name alone has the value ""."""
    found: dict[bytes, list[bytes]] = {}
    for word in query.split(b"&", MAX_QUERY_PARAMETERS)[:MAX_QUERY_PARAMETERS]:
        if word:
            name, _, value = word.partition(b"=")
            found.setdefault(_decoded(name), []).append(_decoded(value))
    return found


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def value_predicate(match: FieldMatch | QueryMatch) -> Predicate:
    """Tell whether a value is wanted; raises `ConfigurationError` as `path_predicate` does."""
    if match.kind == "present":
        return _any_value
    if match.kind == "regex":
        return _expression(match.text).match
    return match.text.encode().__eq__


def _any_value(value: bytes) -> bool:
    return True


def written_value(match: FieldMatch | QueryMatch) -> str:
    """The wanted value in words."""
    if match.kind == "present":
        return "any value"
    return f"~{match.text}" if match.kind == "regex" else f'"{match.text}"'


# -- client ---------------------------------------------------------------------------------------------------------


class ClientCondition:
    """The client's address is in one of these networks."""

    __slots__ = ("_networks", "_wanted")

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = NetworkSet(networks)
        self._wanted = alternatives(map(str, networks))

    def holds(self, request: RoutedRequest, client: str) -> bool:
        return client in self._networks

    def refusal(self, request: RoutedRequest, client: str) -> str:
        return f"client is {client or 'a UNIX socket'}, wanted {self._wanted}"


# -- words ----------------------------------------------------------------------------------------------------------


def shown(value: bytes) -> str:
    """Bytes that somebody else chose, fit for a terminal."""
    return repr(value)[2:-1]


def alternatives(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
