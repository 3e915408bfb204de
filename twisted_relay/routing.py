"""Which route takes a request: routes are asked in file order, the first match wins, and a look-up stays short.

The hosts and paths of the routes are put into dictionaries once, when the configuration is loaded. A request then
meets only the routes whose host and path it has, found by its own host, the names above that, and its path and the
paths above that; how many other hosts and prefixes there are does not matter. Routes found in different places
compete by their rank, the place in the file. Conditions that cannot be looked up are in `conditions`. Nothing here
knows what a route does with a request.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from twisted_relay.conditions import Predicate, RoutedRequest, further_conditions, path_predicate, target_conditions
from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import HostPattern, PathPattern

__all__ = ["Route", "RoutedRequest", "Router", "Verdict"]

Destination = TypeVar("Destination")
Value = TypeVar("Value")


class Route(Generic[Destination]):
    """A route of the configuration, with the destination that its requests go to."""

    __slots__ = ("_further", "_target", "destination", "is_conditional", "name", "options")

    def __init__(self, options: RouteOptions, destination: Destination) -> None:
        """Raises `ConfigurationError` for a regular expression that bytes cannot be matched with."""
        self.name = options.name
        self.options = options
        self.destination = destination
        self._target = target_conditions(options)
        self._further = tuple(further_conditions(options))
        self.is_conditional = bool(self._further)

    def __repr__(self) -> str:
        return f"<Route {self.name}>"

    def matches(self, request: RoutedRequest, client: str) -> bool:
        """Whether the conditions other than host and path hold; `Router` has looked those up."""
        for condition in self._further:  # noqa: SIM110  (`all` would make a generator for each request)
            if not condition.holds(request, client):
                return False
        return True

    def refusal(self, request: RoutedRequest, client: str) -> str:
        """The first condition that does not hold, in words; "" if all of them do."""
        for condition in (*self._target, *self._further):
            if not condition.holds(request, client):
                return condition.refusal(request, client)
        return ""


@dataclass(frozen=True, slots=True)
class Verdict(Generic[Destination]):
    """Whether one route would take a request, and if not, why."""

    route: Route[Destination]
    refusal: str
    """The first condition that failed, in words; "" if the route matches."""

    @property
    def is_match(self) -> bool:
        return not self.refusal


Candidate = tuple[int, Route[Destination]]
"""A route with its rank; lower ranks come first in the file. A plain tuple: it is unpacked for every request."""

Found = tuple[int, Route[Destination] | None]
"""The best candidate so far; the rank after the last one when there is none yet."""


class Router(Generic[Destination]):
    """The routes of one listener."""

    __slots__ = ("_any_host", "_first", "_hosts", "_nothing", "_wildcards", "routes")

    def __init__(self, routes: Sequence[Route[Destination]]) -> None:
        """`routes` are in file order."""
        self.routes = tuple(routes)
        self._nothing: Found[Destination] = (len(self.routes), None)
        self._any_host: _Paths[Destination] = _Paths()
        self._hosts: dict[bytes, _Paths[Destination]] = {}
        self._wildcards: _Tree[_Paths[Destination]] = _Tree()
        self._first = self.routes[0] if self.routes and _takes_all(self.routes[0]) else None
        """The first route, if it takes every request."""
        for candidate in enumerate(self.routes):
            hosts = candidate[1].options.host
            if not hosts:
                self._any_host.add(candidate)
            for pattern in dict.fromkeys(hosts):
                self._add_to_host(pattern, candidate)

    def _add_to_host(self, pattern: HostPattern, candidate: Candidate[Destination]) -> None:
        host = pattern.text.encode()
        if pattern.kind == "exact":
            self._hosts.setdefault(host, _Paths()).add(candidate)
            return
        node = self._wildcards.node(host.split(b".")[::-1])
        if node.value is None:
            node.value = _Paths()
        node.value.add(candidate)

    def find(self, request: RoutedRequest, client: str) -> Route[Destination] | None:
        """The first route in file order that takes the request.

        `client` is the client's address, "" for the peer of a UNIX socket.
        """
        if self._first is not None:
            return self._first
        found = self._nothing
        if self._hosts:
            paths = self._hosts.get(request.host)
            if paths is not None:
                found = paths.first(request, client, found)
        if self._wildcards.depth:
            found = self._first_of_wildcards(request, client, found)
        return self._any_host.first(request, client, found)[1]

    def _first_of_wildcards(self, request: RoutedRequest, client: str, found: Found[Destination]) -> Found[Destination]:
        labels = request.host.rsplit(b".", self._wildcards.depth)
        node = self._wildcards
        for label in labels[:0:-1]:  # not the first: a wildcard is for what is below its name
            child = node.children.get(label)
            if child is None:
                break
            node = child
            if node.value is not None:
                found = node.value.first(request, client, found)
        return found

    def explain(self, request: RoutedRequest, client: str) -> list[Verdict[Destination]]:
        """What every route says to the request, in file order; asks them one by one, without the look-up."""
        return [Verdict(route, route.refusal(request, client)) for route in self.routes]


def _takes_all(route: Route[Destination]) -> bool:
    return not route.options.host and not route.options.path and not route.is_conditional


class _Paths(Generic[Destination]):
    """Candidates that agree on the host, by path."""

    __slots__ = ("_everywhere", "_exact", "_patterns", "_prefixes")

    def __init__(self) -> None:
        self._exact: dict[bytes, list[Candidate[Destination]]] = {}
        self._prefixes: _Tree[list[Candidate[Destination]]] = _Tree()
        self._everywhere: list[Candidate[Destination]] = []
        self._patterns: list[tuple[Predicate, Candidate[Destination]]] = []

    def add(self, candidate: Candidate[Destination]) -> None:
        """Candidates must be added in the order of their ranks."""
        patterns = candidate[1].options.path
        if not patterns:
            self._everywhere.append(candidate)
        for pattern in dict.fromkeys(patterns):
            self._add_to_path(pattern, candidate)

    def _add_to_path(self, pattern: PathPattern, candidate: Candidate[Destination]) -> None:
        path = pattern.text.encode()
        if pattern.kind == "exact":
            self._exact.setdefault(path, []).append(candidate)
        elif pattern.kind != "prefix":
            self._patterns.append((path_predicate(pattern), candidate))
        elif not path:
            self._everywhere.append(candidate)
        else:
            node = self._prefixes.node(path.split(b"/"))
            if node.value is None:
                node.value = []
            node.value.append(candidate)

    def first(self, request: RoutedRequest, client: str, found: Found[Destination]) -> Found[Destination]:
        """The first candidate that takes the request and comes before `found`, or `found`."""
        if self._exact:
            candidates = self._exact.get(request.path)
            if candidates is not None and candidates[0][0] < found[0]:
                found = _first(candidates, request, client, found)
        if self._prefixes.depth:
            found = self._first_of_prefixes(request, client, found)
        if self._everywhere and self._everywhere[0][0] < found[0]:
            found = _first(self._everywhere, request, client, found)
        if self._patterns:
            found = self._first_of_patterns(request, client, found)
        return found

    def _first_of_prefixes(self, request: RoutedRequest, client: str, found: Found[Destination]) -> Found[Destination]:
        node = self._prefixes
        for segment in request.path.split(b"/", self._prefixes.depth):
            child = node.children.get(segment)
            if child is None:
                break
            node = child
            candidates = node.value
            if candidates is not None and candidates[0][0] < found[0]:
                found = _first(candidates, request, client, found)
        return found

    def _first_of_patterns(self, request: RoutedRequest, client: str, found: Found[Destination]) -> Found[Destination]:
        for takes, candidate in self._patterns:
            rank, route = candidate
            if rank >= found[0]:
                break
            if takes(request.path) and (not route.is_conditional or route.matches(request, client)):
                return candidate
        return found


def _first(
    candidates: Iterable[Candidate[Destination]], request: RoutedRequest, client: str, found: Found[Destination]
) -> Found[Destination]:
    for candidate in candidates:
        rank, route = candidate
        if rank >= found[0]:
            break
        if not route.is_conditional or route.matches(request, client):
            return candidate
    return found


class _Tree(Generic[Value]):
    """Values by sequences of words that share their beginnings: a walk ends where no longer sequence goes on."""

    __slots__ = ("children", "depth", "value")

    def __init__(self) -> None:
        self.children: dict[bytes, _Tree[Value]] = {}
        self.depth = 0
        """The length of the longest sequence; known at the root only."""
        self.value: Value | None = None

    def node(self, words: Sequence[bytes]) -> "_Tree[Value]":
        """The place of these words, made if there is none yet; for the root."""
        self.depth = max(self.depth, len(words))
        node = self
        for word in words:
            node = node.children.setdefault(word, _Tree())
        return node
