"""What somebody asks of `relay explain`: a request, who sends it, and to which listener. Read strictly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from twisted_relay.admin.json_input import JSON, Refused, check_keys, read_text
from twisted_relay.config.suggest import did_you_mean
from twisted_relay.config.values import Address
from twisted_relay.downstream.listener import Listener

KEYS = ("method", "url", "fields", "client", "listener", "user", "groups", "address", "sni")
LOOPBACK = "127.0.0.1"
LONGEST = 65536
_URL = re.compile(r"(?:(https?)://([^/?#]*))?([^#]*)(?:#.*)?", re.DOTALL)
_PORT = re.compile(r".*:([0-9]{1,5})")
_LINE_END = re.compile(r"[\r\n]")
_NO_OCTETS = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates that stand for no octet; those of Python's `surrogateescape` do."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request as a client would send it. `scheme` and `authority` are empty when the URL is a path."""

    method: str
    scheme: str
    authority: str
    target: str
    fields: tuple[tuple[str, str], ...] = ()
    client: str = LOOPBACK
    listener: str = ""
    user: str = ""
    """Who the client has proved to be, for the rules of a forward proxy."""
    groups: tuple[str, ...] = ()
    address: str = ""
    """Where the name of the destination leads, for the same rules; empty if nobody says."""
    sni: str = ""
    """The name that the TLS hello inside a tunnel asks for; empty if nobody says."""

    @property
    def port(self) -> int:
        """The port that the URL leads to; 0 if it does not say."""
        match = _PORT.fullmatch(self.authority)
        if match:
            return int(match[1])
        return {"http": 80, "https": 443}.get(self.scheme, 0)

    @property
    def head(self) -> bytes:
        """The octets on the wire: what is wrong in it is for the reader of the wire to find."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        if self.authority and not any(name.lower() == "host" for name, _ in self.fields):
            lines.append(f"Host: {self.authority}")
        lines += [f"{name}: {value}" for name, value in self.fields]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")

    def as_to(self, listener: Listener) -> "Question":
        """The same as this listener is asked it: a forward proxy gets whole URLs, and SOCKS5 only a host and a port."""
        if not listener.options.leads_out or not self.scheme:
            return self
        if listener.options.mode == "socks5":
            place = self.authority if _PORT.fullmatch(self.authority) else f"{self.authority}:{self.port}"
            return replace(self, method="CONNECT", scheme="", authority=place, target=place)
        return replace(self, target=f"{self.scheme}://{self.authority}{self.target}")


def read_question(given: JSON) -> Question:
    """The question that a JSON object holds; raises `Refused`."""
    check_keys(given, KEYS)
    method, url = read_text(given, "method", LONGEST), read_text(given, "url", LONGEST)
    if not method or not url:
        raise Refused(f'"{"url" if method else "method"}" is missing', 'write {"method": "GET", "url": "http://…"}')
    scheme, authority, target = ("", url, url) if method == "CONNECT" else _split(url)
    client = read_text(given, "client", 64) or LOOPBACK
    address = read_text(given, "address", 64)
    for each in filter(None, (client, address)):
        _check_address(each)
    fields = _fields(given.get("fields", []))
    question = Question(method, scheme, authority, target, fields, client, read_text(given, "listener", 200))
    return replace(
        question,
        user=read_text(given, "user", 255),
        groups=_groups(given),
        address=address,
        sni=read_text(given, "sni", 255),
    )


def _check_address(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        raise Refused(f'"{text}" is not an IP address') from None


def _groups(given: JSON) -> tuple[str, ...]:
    groups = given.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise Refused('"groups" is not a list of names', 'write ["staff", …]')
    return tuple(groups)


def _split(url: str) -> tuple[str, str, str]:
    match = _URL.fullmatch(url)
    assert match is not None
    scheme, authority, target = match[1] or "", match[2] or "", match[3]
    if not scheme and target != "*" and not target.startswith("/"):
        raise Refused(f'"{url[:60]}" is not a URL', "write http://HOST/PATH, https://HOST/PATH, or only /PATH")
    if "@" in authority:
        raise Refused("a user and a password do not go into the request", "write an Authorization field")
    if scheme and not target.startswith("/"):
        target = f"/{target}"
    return scheme, authority, target


def _fields(given: object) -> tuple[tuple[str, str], ...]:
    help = 'write [["Name", "value"], …]'
    if not isinstance(given, list):
        raise Refused('"fields" is not a list', help)
    found = []
    for pair in given:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise Refused('"fields" has something else than a name and a value', help)
        name, value = pair
        if _LINE_END.search(name + value):
            raise Refused(f'the field "{name[:60]}" has a line end in it', "each field is a line of its own")
        if _NO_OCTETS.search(name + value):
            raise Refused(f'the field "{ascii(name)[1:-1][:60]}" has half a character in it')
        found.append((name, value))
    return tuple(found)


def choose_listener(question: Question, listeners: Sequence[Listener]) -> tuple[Listener, int]:
    """The listener that the request comes to, and its port (0: a UNIX socket, or unknown); raises `Refused`."""
    names = [listener.name for listener in listeners]
    if question.listener:
        named = [listener for listener in listeners if listener.name == question.listener]
        if not named:
            hint = did_you_mean(question.listener, names) or f"there are: {', '.join(names)}"
            raise Refused(f'no listener "{question.listener}"', hint)
        return named[0], _port(named[0], question.port)
    kinds = [each for each in listeners if each.options.leads_out == (question.method == "CONNECT")]
    kinds = kinds or list(listeners)
    forward = all(each.options.leads_out for each in kinds)  # they are asked for any URL, at a port of their own
    https = question.scheme == "https"
    fit = [each for each in kinds if forward or not question.scheme or bool(each.options.tls) == https]
    exact = [each for each in fit if question.port and question.port in _ports(each) and not forward]
    chosen = exact or fit
    if len(chosen) == 1:
        return chosen[0], _port(chosen[0], question.port)
    if not fit:
        raise Refused(f"no listener speaks {question.scheme}", f"there are: {', '.join(map(_described, listeners))}")
    what = "several listeners" if exact or not question.port else "no listener binds that port, and several"
    raise Refused(f"{what} could take it", f"name one of them: {', '.join(map(_described, chosen))}")


def _ports(listener: Listener) -> list[int]:
    return [address.port for address in listener.options.bind if isinstance(address, Address)]


def _port(listener: Listener, wanted: int) -> int:
    ports = _ports(listener)
    return wanted if wanted in ports else next(iter(ports), 0)


def _described(listener: Listener) -> str:
    return f"{listener.name} ({' '.join(map(str, listener.options.bind))})"
