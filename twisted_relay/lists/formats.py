"""How lists are written: hosts files, names, dnsmasq, AdBlock rules for domains, networks; and which one a file is.

Each format is a function of one line without its white space at both ends, in octets: what the line says, in terms of
`normal`. Comments and empty lines say nothing, and no format fails: what it cannot read is `BAD`, what is well written
but of no use here (rules for parts of pages, say) is `SKIPPED`.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final, TypeAlias

from twisted_relay.lists.normal import network_key, network_of, normal_name

Keys: TypeAlias = tuple[bytes, ...]
"""Names, or keys of networks."""


class Line:
    """What a line says: keys that are listed, or excepted from the list."""

    __slots__ = ("excepted", "keys")

    def __init__(self, keys: Keys = (), *, excepted: bool = False) -> None:
        self.keys = keys
        self.excepted = excepted


NOTHING: Final = Line()
SKIPPED: Final = Line()
BAD: Final = Line()

Format: TypeAlias = Callable[[bytes], Line]

_LOCAL = frozenset(
    {b"localhost", b"localhost.localdomain", b"localhost6", b"localhost6.localdomain6", b"local", b"broadcasthost"}
)
"""What hosts files name besides: this machine (and ip6-…, as in Debian's)."""
_SINKS = frozenset({b"", b"#", b"0.0.0.0", b"127.0.0.1", b"::", b"::1"})
"""Addresses to which dnsmasq sends what is to be blocked: none, and this machine's."""
_USUAL_OPTIONS = frozenset({b"important", b"all", b"document", b"doc"})
"""Options of an AdBlock rule after which it still is about a whole domain."""


def key_of(text: bytes) -> bytes:
    """The key of a name, a network or an address; empty if it is none."""
    name = normal_name(text)
    if name:
        return name
    network = network_of(text)
    return network_key(network) if network is not None else b""


def domains(line: bytes) -> Line:
    """`ads.example`, `*.ads.example`, `.ads.example`; several on a line too. `#` begins a comment."""
    if b"#" in line:
        line = line[: line.index(b"#")]
    keys = tuple(map(key_of, line.split()))
    if len(keys) > 1 and b"/" in keys[0]:
        return BAD  # a line of a hosts file: its address is not what is meant
    return BAD if b"" in keys else Line(keys)


def hosts(line: bytes) -> Line:
    """`0.0.0.0 ads.example track.example`, as in /etc/hosts; names of this machine do not count."""
    if b"#" in line:
        line = line[: line.index(b"#")]
    first, *names = line.split() or [b""]
    if not first:
        return NOTHING
    try:
        ip_address(first.decode("ascii").partition("%")[0])
    except ValueError:
        return BAD
    wanted = [name for name in names if name not in _LOCAL and not name.startswith(b"ip6-") and name != first]
    if not wanted:
        return SKIPPED if names else BAD
    keys = tuple(map(normal_name, wanted))
    return BAD if b"" in keys else Line(keys)


def dnsmasq(line: bytes) -> Line:
    """`address=/ads.example/0.0.0.0`, `server=/ads.example/`, `local=/ads.example/`; other options are skipped."""
    if line.startswith(b"#"):
        return NOTHING
    option, mark, value = line.partition(b"=")
    option = option.strip()
    if option not in (b"address", b"server", b"local"):
        return SKIPPED if option.replace(b"-", b"").isalpha() else BAD
    first, *names = value.strip().split(b"/")
    if not mark or first or len(names) < 2:
        return SKIPPED if option == b"server" and mark and not value.startswith(b"/") else BAD
    target = names.pop().partition(b"#")[0] if option == b"address" else names.pop()
    if target not in (_SINKS if option == b"address" else (b"",)):
        return SKIPPED
    keys = tuple(map(normal_name, names))
    return (SKIPPED if b"#" in names else BAD) if b"" in keys else Line(keys)


def adblock(line: bytes) -> Line:
    """`||ads.example^`, and `@@||ads.example^` as an exception; rules for less than a domain are skipped."""
    if line.startswith((b"!", b"[", b"# ")) or line == b"#":
        return NOTHING
    excepted = line.startswith(b"@@")
    rule, mark, options = line.removeprefix(b"@@").partition(b"$")
    if mark and not _USUAL_OPTIONS.issuperset(options.lower().split(b",")):
        return SKIPPED
    if not rule.startswith(b"||") or not rule.endswith((b"^", b"^|")):
        return SKIPPED
    key = key_of(rule[2:].removesuffix(b"|")[:-1])
    return Line((key,), excepted=excepted) if key else SKIPPED


def networks(line: bytes) -> Line:
    """`192.0.2.0/24`, `2001:db8::/32`, `192.0.2.7`. `#` and `;` begin a comment."""
    text = line.partition(b"#")[0].partition(b";")[0].strip()
    if not text:
        return NOTHING
    network = network_of(text)
    return Line((network_key(network),)) if network is not None else BAD


FORMATS: dict[str, Format] = {
    "hosts": hosts,
    "domains": domains,
    "dnsmasq": dnsmasq,
    "adblock": adblock,
    "networks": networks,
}
"""Every format by its name. `auto` prefers the first of those that understand most lines."""

_PREFERENCE = ("networks", "hosts", "dnsmasq", "adblock", "domains")
SAMPLE = 500
"""Lines that `recognise` looks at, comments aside."""


def recognise(lines: Iterable[bytes]) -> str:
    """Which format the first lines of a file are in: the one that finds most in them."""
    sample: list[bytes] = []
    for line in lines:
        text = line.strip()
        if text and not text.startswith((b"#", b"!", b";")):
            sample.append(text)
            if len(sample) == SAMPLE:
                break
    return max(_PREFERENCE, key=lambda name: sum(bool(FORMATS[name](line).keys) for line in sample))
