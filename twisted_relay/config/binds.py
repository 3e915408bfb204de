"""An address can be bound once: finds listeners, and the private one, that want the same port of the same interface.

Knows what a wildcard takes as the kernel does; does not know which addresses this machine has.
"""

from collections.abc import Iterator, Sequence

from twisted_relay.config.build import Section
from twisted_relay.config.diagnostics import Report
from twisted_relay.config.tree import AdminOptions, ListenerOptions
from twisted_relay.config.values import Address, BindAddress
from twisted_relay.config.words import Span, quoted

_EVERY_HOST = ("0.0.0.0", "::")
_SEVERAL = {"": _EVERY_HOST, "::": _EVERY_HOST, "localhost": ("127.0.0.1", "::1")}
"""Hosts that take more than themselves; a socket bound to `::` takes IPv4 too."""


def check_binds(sections: Sequence[Section], report: Report) -> None:
    """Every address of a listener that an earlier one takes already is an error; port 0 is always free."""
    taken: dict[object, list[tuple[BindAddress, Span]]] = {}
    for section in sections:
        for address, span in _binds(section):
            if isinstance(address, Address) and not address.port:
                continue
            earlier = taken.setdefault(address.port if isinstance(address, Address) else address, [])
            first = next(((other, where) for other, where in earlier if _overlap(other, address)), None)
            if first:
                message = f"{quoted(str(address))} is bound a second time"
                help = f"{quoted(str(first[0]))} at {first[1].location} takes it already"
                report.error(span, "duplicate-bind", message, help)
            earlier.append((address, span))


def _binds(section: Section) -> Iterator[tuple[BindAddress, Span]]:
    options = section.options
    taken: dict[str, Sequence[BindAddress]] = {}
    if isinstance(options, ListenerOptions):
        taken = {"bind": options.bind}
    elif isinstance(options, AdminOptions):
        taken = {"bind": (options.bind,) if options.bind else (), "stats": options.stats}
    for key, addresses in taken.items():
        if addresses:
            yield from zip(addresses, (word.span for word in section.values[key].words()), strict=False)


def _overlap(one: BindAddress, other: BindAddress) -> bool:
    """Whether two addresses of the same port, or the same socket's path, exclude each other."""
    if not isinstance(one, Address) or not isinstance(other, Address):
        return one == other
    return any(_same(first, second) for first in _hosts(one) for second in _hosts(other))


def _hosts(address: Address) -> tuple[str, ...]:
    return _SEVERAL.get(address.host, (address.host,))


def _same(one: str, other: str) -> bool:
    of_one_family = (":" in one) == (":" in other)
    return one == other or (of_one_family and (one in _EVERY_HOST or other in _EVERY_HOST))
