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
from twisted_relay.config.values import PathPattern

__all__ = ["Route", "RoutedRequest", "Router", "Verdict"]

Destination = TypeVar("Destination")


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

    __slots__ = ("_any_host", "_hosts", "_longest_wildcard", "_nothing", "_wildcards", "routes")

    def __init__(self, routes: Sequence[Route[Destination]]) -> None:
        """`routes` are in file order."""
        self.routes = tuple(routes)
        self._nothing: Found[Destination] = (len(self.routes), None)
        self._any_host: _Paths[Destination] = _Paths()
        self._hosts: dict[bytes, _Paths[Destination]] = {}
        self._wildcards: dict[bytes, _Paths[Destination]] = {}
        for candidate in enumerate(self.routes):
            for paths in self._places(candidate[1].options):
                paths.add(candidate)
        self._longest_wildcard = max(map(len, self._wildcards), default=0)

    def _places(self, options: RouteOptions) -> Iterable["_Paths[Destination]"]:
        if not options.host:
            return [self._any_host]
        return [
            (self._hosts if pattern.kind == "exact" else self._wildcards).setdefault(pattern.text.encode(), _Paths())
            for pattern in dict.fromkeys(options.host)
        ]

    def find(self, request: RoutedRequest, client: str) -> Route[Destination] | None:
        """The first route in file order that takes the request.

        `client` is the client's address, "" for the peer of a UNIX socket.
        """
        found = self._nothing
        if self._hosts:
            paths = self._hosts.get(request.host)
            if paths is not None:
                found = paths.first(request, client, found)
        if self._wildcards:
            found = self._first_of_wildcards(request, client, found)
        return self._any_host.first(request, client, found)[1]

    def _first_of_wildcards(self, request: RoutedRequest, client: str, found: Found[Destination]) -> Found[Destination]:
        host = request.host
        # A wildcard is for what is below its name: something stands before the dot.
        dot = host.find(b".", max(1, len(host) - self._longest_wildcard - 1))
        while dot != -1:
            paths = self._wildcards.get(host[dot + 1 :])
            if paths is not None:
                found = paths.first(request, client, found)
            dot = host.find(b".", dot + 1)
        return found

    def explain(self, request: RoutedRequest, client: str) -> list[Verdict[Destination]]:
        """What every route says to the request, in file order; asks them one by one, without the look-up."""
        return [Verdict(route, route.refusal(request, client)) for route in self.routes]


class _Paths(Generic[Destination]):
    """Candidates that agree on the host, by path."""

    __slots__ = ("_below", "_everywhere", "_patterns", "_whole")

    def __init__(self) -> None:
        self._whole: dict[bytes, list[Candidate[Destination]]] = {}
        """Who takes exactly this path."""
        self._below: dict[bytes, list[Candidate[Destination]]] = {}
        """Who takes all paths below this one; an empty list where only longer prefixes follow."""
        self._everywhere: list[Candidate[Destination]] = []
        self._patterns: list[tuple[Predicate, Candidate[Destination]]] = []

    def add(self, candidate: Candidate[Destination]) -> None:
        """Candidates must be added in the order of their ranks."""
        patterns = candidate[1].options.path
        if not patterns:
            self._everywhere.append(candidate)
        for pattern in dict.fromkeys(patterns):
            self._add_pattern(pattern, candidate)

    def _add_pattern(self, pattern: PathPattern, candidate: Candidate[Destination]) -> None:
        text = pattern.text.encode()
        if pattern.kind == "exact":
            self._whole.setdefault(text, []).append(candidate)
        elif pattern.kind != "prefix":
            self._patterns.append((path_predicate(pattern), candidate))
        elif not text:
            self._everywhere.append(candidate)
        else:
            self._whole.setdefault(text, []).append(candidate)
            slash = text.find(b"/", 1)
            while slash != -1:
                self._below.setdefault(text[:slash], [])
                slash = text.find(b"/", slash + 1)
            self._below.setdefault(text, []).append(candidate)

    def first(self, request: RoutedRequest, client: str, found: Found[Destination]) -> Found[Destination]:
        """The first candidate that takes the request and comes before `found`, or `found`."""
        path = request.path
        if self._whole:
            candidates = self._whole.get(path)
            if candidates is not None:
                found = _first(candidates, request, client, found)
        if self._below:
            slash = path.find(b"/", 1)
            while slash != -1:
                candidates = self._below.get(path[:slash])
                if candidates is None:
                    break
                found = _first(candidates, request, client, found)
                slash = path.find(b"/", slash + 1)
        if self._everywhere:
            found = _first(self._everywhere, request, client, found)
        return self._first_of_patterns(request, client, found) if self._patterns else found

    def _first_of_patterns(self, request: RoutedRequest, client: str, found: Found[Destination]) -> Found[Destination]:
        for takes, candidate in self._patterns:
            rank, route = candidate
            if rank >= found[0]:
                return found
            if takes(request.path) and (not route.is_conditional or route.matches(request, client)):
                return candidate
        return found


def _first(
    candidates: Sequence[Candidate[Destination]], request: RoutedRequest, client: str, found: Found[Destination]
) -> Found[Destination]:
    for candidate in candidates:
        rank, route = candidate
        if rank >= found[0]:
            return found
        if not route.is_conditional or route.matches(request, client):
            return candidate
    return found
