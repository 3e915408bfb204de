"""The kinds of places where servers are looked for, by the word of `discover`, and a discovery for each backend."""

from collections.abc import Callable, Iterable

from twisted_relay.config.values import DiscoverSpec
from twisted_relay.discovery.discovery import Discovery, Source
from twisted_relay.discovery.dns_source import AddressSource, Asked, ServiceSource
from twisted_relay.discovery.file_source import FileSource
from twisted_relay.upstream.backend import Backend

SOURCES: dict[str, Callable[[DiscoverSpec, Asked], Source]] = {
    "dns+a": AddressSource,
    "dns+srv": ServiceSource,
    "file": lambda spec, _: FileSource(spec),
}


def discoveries_of(backends: Iterable[Backend], asked: Asked) -> list[Discovery]:
    """A discovery, not yet started, for each backend that looks for servers; `asked` knows the DNS."""
    found = []
    for backend in backends:
        spec = backend.options.discover
        if spec is not None:
            found.append(Discovery(backend, spec, SOURCES[spec.kind](spec, asked)))
    return found
