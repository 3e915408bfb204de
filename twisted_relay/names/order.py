"""In which order the addresses of a name are tried. Source: RFC 8305 §4; of RFC 6724 §6, rule 1."""

from collections.abc import Callable, Sequence
from itertools import chain, zip_longest

MOST_ADDRESSES = 32
"""Addresses of one name that are used: each of them may be tried for one connection."""

HasRoute = Callable[[str], bool]
"""Whether this machine could send something to an address."""


def in_order(ipv4: Sequence[str], ipv6: Sequence[str], prefer: str, has_route: HasRoute) -> tuple[str, ...]:
    """The addresses as they should be tried; those of one kind stay in the order of the name server.

    `prefer` is the option: `both` takes turns and begins with IPv6. A kind that has no route here comes last.
    """
    first, second = (ipv4, ipv6) if prefer == "ipv4" else (ipv6, ipv4)
    if first and second and not has_route(first[0]) and has_route(second[0]):
        found = [*second, *first]
    elif prefer == "both":
        found = [each for each in chain.from_iterable(zip_longest(first, second)) if each is not None]
    else:
        found = [*first, *second]
    return tuple(dict.fromkeys(found))[:MOST_ADDRESSES]
