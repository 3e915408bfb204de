"""A name server on a free port of 127.0.0.1, over UDP and TCP: Twisted's, with the zone of a file that may change.

The file is JSON: `records` are lines `NAME TTL KIND DATA`, `additional` lines that go with every SRV answer, and `mode`
is `answer`, `silent`, `fail` (SERVFAIL) or `empty` (no such name). `queries` beside it gets a line for each query.
Over UDP an answer has at most 512 octets; what is longer is truncated.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns, error
from twisted.names.server import DNSServerFactory

ZONE = Path(sys.argv[1])
MAKE: dict[str, Callable[..., Any]] = {
    "A": lambda ttl, host: dns.Record_A(host, ttl),
    "AAAA": lambda ttl, host: dns.Record_AAAA(host, ttl),
    "CNAME": lambda ttl, name: dns.Record_CNAME(name, ttl),
    "SRV": lambda ttl, priority, weight, port, target: dns.Record_SRV(
        int(priority), int(weight), int(port), target, ttl
    ),
}


def header(line: str) -> dns.RRHeader:
    """A record from its line."""
    name, ttl, kind, *data = line.split()
    payload = MAKE[kind](int(ttl), *data)
    return dns.RRHeader(name, payload.TYPE, dns.IN, int(ttl), payload)


class Zone:
    """Answers with what the file says now."""

    def query(self, query: dns.Query, timeout: object = None) -> Deferred[Any]:
        """As `IResolver`."""
        zone = json.loads(ZONE.read_text())
        name = query.name.name.decode()
        with ZONE.with_name("queries").open("a") as log:
            log.write(f"{name} {dns.QUERY_TYPES.get(query.type, query.type)}\n")
        if zone["mode"] == "silent":
            return Deferred()
        if zone["mode"] == "fail":
            return fail(RuntimeError("as it was told"))
        headers = [header(line) for line in zone["records"]]
        names = {query.name.name}
        for each in headers:
            alias: Any = each.payload
            if each.type == dns.CNAME and each.name.name in names:
                names.add(alias.name.name)
        known = [each for each in headers if each.name.name in names]
        if zone["mode"] == "empty" or not known:
            return fail(error.DNSNameError())
        answers = [each for each in known if each.type in (query.type, dns.CNAME)]
        extra = [header(line) for line in zone.get("additional", ())] if query.type == dns.SRV else []
        return succeed((answers, [], extra))


class Datagrams(dns.DNSDatagramProtocol):
    """UDP as RFC 1035 has it."""

    def writeMessage(self, message: dns.Message, address: tuple[str, int]) -> None:
        """Send a message, truncated if need be."""
        message.maxSize = 512
        super().writeMessage(message, address)


def main() -> None:
    """Serve until killed."""
    factory = DNSServerFactory(clients=[Zone()])
    factory.canRecurse = True
    loop: Any = reactor
    number = loop.listenTCP(0, factory, interface="127.0.0.1").getHost().port
    loop.listenUDP(number, Datagrams(factory), interface="127.0.0.1")
    print(f"listening on {number}", flush=True)
    loop.run()


main()
