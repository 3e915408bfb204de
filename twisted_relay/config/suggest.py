"""Did you mean …? The nearest of the known words, for spelling mistakes and for the words of other proxies."""

import difflib
from collections.abc import Iterable

_LONGEST = 64
_SHORT = 4
"""Of so many letters one that is wrong is a large part: less likeness is asked for."""

ELSEWHERE = {
    "listen": "bind",
    "port": "bind",
    "address": "bind",
    "server": "servers",
    "url": "servers",
    "proxy_pass": "backend",
    "default_backend": "backend",
    "upstream": "backend",
    "frontend": "listener",
    "entrypoint": "listener",
    "location": "route",
    "router": "route",
    "maxconn": "max_connections",
    "client_max_body_size": "max_body",
    "ssl_certificate": "cert",
    "certificate": "cert",
    "ssl_certificate_key": "key",
    "cert_file": "cert",
    "key_file": "key",
    "server_name": "host",
    "methods": "method",
    "keepalive_timeout": "idle_timeout",
    "proxy_connect_timeout": "connect_timeout",
    "proxy_read_timeout": "response_timeout",
    "health_check": "check",
    "status": "respond",
    "body": "respond_body",
    "return": "respond",
    "verify": "tls_verify",
    "file": "to",
    "path": "to",
}
"""Words of other proxies, and ours for the same."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or an empty text."""
    names = {_simple(name): name for name in known}
    if len(word) > _LONGEST:
        return ""
    meant = ours_for(word)
    if _simple(word) in names or meant not in names:
        likeness = 0.65 if len(word) <= _SHORT else 0.7
        meant = next(iter(difflib.get_close_matches(_simple(word), names, 1, likeness)), "")
    return names.get(meant, "")


def ours_for(word: str) -> str:
    """Our word for one of other proxies, or an empty text."""
    return ELSEWHERE.get(_simple(word), "")


def _simple(word: str) -> str:
    return word.lower().replace("-", "_")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question for the help of a message, or an empty text."""
    meant = nearest(word, known)
    return f'did you mean "{meant}"?' if meant else ""
