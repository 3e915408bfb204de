"""Print what one route look-up costs, in nanoseconds, with 1 to 1,000 routes: `python benchmarks/routing.py`."""

import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import HostPattern, PathPattern
from twisted_relay.http.fields import Fields
from twisted_relay.routing import Route, Router

COUNTS = (1, 10, 100, 1000)
ROUNDS = 5
LOOKUPS = 20_000


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the downstream side shows it to routing."""

    method: bytes
    host: bytes
    path: bytes
    query: bytes
    fields: Fields


def prefix(number: int) -> RouteOptions:
    """Every route has a prefix of its own, of two segments."""
    return RouteOptions(name=f"r{number}", path=(PathPattern("prefix", f"/api/service{number}"),))


def host(number: int) -> RouteOptions:
    """Every route has a host of its own."""
    return RouteOptions(name=f"r{number}", host=(HostPattern("exact", f"h{number}.example.org"),))


def wildcard(number: int) -> RouteOptions:
    """Every route has a wildcard of its own."""
    return RouteOptions(name=f"r{number}", host=(HostPattern("wildcard", f"h{number}.example.org"),))


def host_and_path(number: int) -> RouteOptions:
    """Every route has a host, a prefix and a method."""
    return RouteOptions(
        name=f"r{number}",
        host=(HostPattern("exact", f"h{number}.example.org"),),
        path=(PathPattern("prefix", "/api"),),
        method=("GET", "HEAD"),
    )


def request(name: str, path: str) -> Request:
    """A browser's GET."""
    return Request(b"GET", name.encode(), path.encode(), b"", Fields([b"Host: " + name.encode(), b"Accept: */*"]))


def nanoseconds(options: Sequence[RouteOptions], asked: Request) -> float:
    """The best of some rounds: noise only ever adds."""
    router = Router([Route(each, None) for each in (*options, RouteOptions(name="rest"))])
    timer = timeit.Timer(lambda: router.find(asked, "192.0.2.1"))
    return min(timer.repeat(ROUNDS, LOOKUPS)) / LOOKUPS * 1e9


SHAPES: dict[str, tuple[Callable[[int], RouteOptions], str, str]] = {
    "prefix, last one taken": (prefix, "example.org", "/api/service{last}/users/7"),
    "prefix, none taken": (prefix, "example.org", "/static/app/site.css"),
    "host, last one taken": (host, "h{last}.example.org", "/users/7"),
    "wildcard, last one taken": (wildcard, "www.h{last}.example.org", "/users/7"),
    "host, prefix and method": (host_and_path, "h{last}.example.org", "/api/users/7"),
}


def main() -> None:
    """One line for each shape of configuration; a catch-all route follows the counted ones."""
    print(f"{'ns per look-up':<28}" + "".join(f"{count:>8} " for count in COUNTS))
    print(f"{'only a catch-all':<28}{nanoseconds((), request('example.org', '/users/7')):>8.0f}")
    for title, (make, name, path) in SHAPES.items():
        costs = [
            nanoseconds(
                [make(number) for number in range(count)],
                request(name.format(last=count - 1), path.format(last=count - 1)),
            )
            for count in COUNTS
        ]
        print(f"{title:<28}" + "".join(f"{cost:>8.0f} " for cost in costs))


if __name__ == "__main__":
    main()
