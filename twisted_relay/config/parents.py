"""Parsers of what a parent has beyond a backend: the URLs of proxies, the names that it is for, its check, its user.

p1 http://proxy.example.org:3128 weight=2        .hq.example.internal        connect www.example.org:443
"""

import re

from twisted_relay.config.addresses import line_of_servers, parse_host_and_port, parse_url, servers_of
from twisted_relay.config.health import CHECK, show_check
from twisted_relay.config.option import Parser, one_line, one_word, word_list
from twisted_relay.config.rule_values import Domain
from twisted_relay.config.rules import parse_domain
from twisted_relay.config.values import CheckSpec, ServerSpec, UnixAddress
from twisted_relay.config.words import BadValue, Text, Value, not_valid

DIRECT = "direct"
"""Stands for no parent where a rule names one."""
CHECK_HELP = "write off, tcp, tls, or connect HOST:PORT"
URL_HELP = "write http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT or unix:/PATH"
LONGEST_CREDENTIAL = 255
"""Octets of a user name or a password; SOCKS5 has one octet for the length (RFC 1929)."""
_NAME = re.compile(r"[^\x00-\x20\x7f:]+")


def parse_parent_url(text: str) -> ServerSpec:
    """A proxy from its URL; the port must be said, for no two kinds of proxies mean the same one."""
    scheme, mark, authority = text.partition("://")
    if not text.startswith("unix:") and (not mark or scheme not in ("http", "https", "socks5")):
        hint = "names are always resolved by the proxy: write socks5://" if scheme == "socks5h" else URL_HELP
        raise not_valid(text, hint)
    if mark and "@" in authority:
        raise not_valid(text, "credentials stand in username and password_file, not in the URL")
    if mark and not re.search(r":[0-9]+(?:[/?#]|$)", authority):
        raise not_valid(text, f"write the port too: {text.rstrip('/')}:{1080 if scheme == 'socks5' else 3128}")
    if scheme != "socks5":
        return parse_url(text)
    plain = parse_url(f"http://{authority}")
    return ServerSpec(plain.name, "socks5", plain.address)


_LISTED = line_of_servers("proxies, one on each line", parse_parent_url)
PARENTS: Parser[tuple[ServerSpec, ...]] = Parser(
    _LISTED.kind, lambda value: servers_of(value, parse_parent_url), _LISTED.show
)


def _show_domain(domain: Domain) -> str:
    return f".{domain.name}" if domain.below else domain.name


FOR: Parser[tuple[Domain, ...]] = word_list("domains", parse_domain, _show_domain)


def _parse_user(text: str) -> str:
    if not _NAME.fullmatch(text) or len(text.encode()) > LONGEST_CREDENTIAL:
        raise not_valid(text, "a user name has no colon, no space and at most 255 bytes")
    return text


USER_NAME = one_word("name", _parse_user)


def _parse_check(line: Text) -> CheckSpec | None:
    words = line.words()
    if words[0].text == "connect":
        if len(words) != 2:
            raise not_valid(line.text, "write connect and one HOST:PORT, such as connect www.example.org:443")
        try:
            address = parse_host_and_port(words[1].text)
        except BadValue as bad:
            raise BadValue(*bad.at(words[1].span)) from None
        return CheckSpec("CONNECT", str(address), kind="connect")
    if line.text not in ("off", "tcp", "tls"):
        raise not_valid(line.text, CHECK_HELP)
    return CHECK.read(Value(words[0], (line,)))


PARENT_CHECK: Parser[CheckSpec | None] = one_line(
    "`connect` HOST:PORT, `tcp`, `tls` or `off`", _parse_check, show_check
)


def is_local(server: ServerSpec) -> bool:
    """Whether what is said to a proxy stays on this machine."""
    address = server.address
    return isinstance(address, UnixAddress) or address.host in ("localhost", "::1") or address.host.startswith("127.")
