"""Questions and replies as octets. The coding is Twisted's; what it gives is checked and turned into our values.

A reply must be to our question: same number, same name, same kind (RFC 5452 §9.1). Source: RFC 1035 §4.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from ipaddress import ip_address

from twisted.names import dns

from twisted_relay.names.reply import LONGEST_TTL, Kind, Record, Reply, Service, Zone

_KINDS: dict[Kind, int] = {"A": dns.A, "AAAA": dns.AAAA, "SRV": dns.SRV}
_HEADER = struct.Struct("!H2B4H")
_IS_REPLY = 0x80
_IS_TRUNCATED = 0x02
_MOST_POINTERS = 10_000
"""A message of 64 KiB has room for 4,096 records with an address, each with a pointer to its name; Twisted's own
limit of 1,000 is less than the servers that a backend may have."""
_MOST_OCTETS = 1 << 19
"""Octets that are read of a message, those that pointers lead to each time anew: as many as 4,096 records with names
of 100 octets need. Names of Twisted have no longest, so without this 64 KiB could keep the reactor busy for seconds."""


class Malformed(Exception):
    """Octets that are not a whole reply."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the number that the reply must have."""

    number: int
    name: str
    kind: Kind

    def octets(self) -> bytes:
        """The message that asks it, with the wish that the server asks others in turn."""
        message = dns.Message(self.number, recDes=1)
        message.addQuery(self.name.encode("ascii"), _KINDS[self.kind], dns.IN)
        return bytes(message.toStr())


class _Message(dns.Message):
    maxCompressionPointers = _MOST_POINTERS


class _Octets(BytesIO):
    """A message that can be read, and its pointers followed, but not without end."""

    _left = _MOST_OCTETS

    def read(self, size: int | None = -1, /) -> bytes:
        """The next octets; raises `ValueError` after too many."""
        octets = super().read(size)
        self._left -= len(octets)
        if self._left < 0:
            raise ValueError("the names of a reply have no end")
        return octets


def reply_to(question: Question, octets: bytes) -> Reply | None:
    """The reply in a message; None when it answers another question, or none. Raises `Malformed`."""
    if len(octets) < _HEADER.size:
        raise Malformed("a reply is shorter than its header")
    number, flags, _, *counts = _HEADER.unpack_from(octets)
    if number != question.number or not flags & _IS_REPLY:
        return None
    message = _Message()
    try:
        message.decode(_Octets(octets))
        if not _is_about(message, question):
            return None
        reply = Reply(
            message.rCode,
            bool(message.trunc),
            tuple(_records(message.answers)),
            tuple(_records(message.additional)),
            tuple(_zones(message.authority)),
        )
    except Exception as error:  # whatever a decoder may do with hostile octets
        if flags & _IS_TRUNCATED:
            return Reply(0, is_truncated=True)
        raise Malformed(f"a reply cannot be read: {type(error).__name__}") from error
    sections = (message.queries, message.answers, message.authority, message.additional)
    if not reply.is_truncated and [len(section) for section in sections] != counts:
        raise Malformed("a reply ends early")
    return reply


def _is_about(message: dns.Message, question: Question) -> bool:
    if len(message.queries) != 1:
        return False
    [query] = message.queries
    return (_text(query.name), query.type, query.cls) == (question.name, _KINDS[question.kind], dns.IN)


def _text(name: dns.Name) -> str:
    return bytes(name.name).lower().decode("latin-1").removesuffix(".")


def _records(headers: Iterable[dns.RRHeader]) -> Iterable[Record]:
    for header in headers:
        if header.cls != dns.IN:
            continue
        owner, ttl = _text(header.name), min(header.ttl, LONGEST_TTL)
        payload: object = header.payload
        if isinstance(payload, dns.Record_A):
            yield Record(owner, "A", ttl, str(ip_address(payload.address or b"")))
        elif isinstance(payload, dns.Record_AAAA):
            yield Record(owner, "AAAA", ttl, str(ip_address(payload.address or b"")))
        elif isinstance(payload, dns.Record_CNAME):
            yield Record(owner, "CNAME", ttl, _text(payload.name or dns.Name()))
        elif isinstance(payload, dns.Record_SRV):
            service = Service(payload.priority, payload.weight, payload.port, _text(payload.target))
            yield Record(owner, "SRV", ttl, service)


def _zones(headers: Iterable[dns.RRHeader]) -> Iterable[Zone]:
    for header in headers:
        payload: object = header.payload
        if header.cls == dns.IN and isinstance(payload, dns.Record_SOA):
            yield Zone(_text(header.name), min(header.ttl, payload.minimum, LONGEST_TTL))
