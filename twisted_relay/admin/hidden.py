"""What is not explained: credentials that the configuration puts into requests, which are the server's and relay's
alone, and passwords of whoever asks, which need not stand on a screen."""

import re
from collections.abc import Sequence
from typing import Protocol

from twisted_relay.config.values import FieldLine

HIDDEN = "(hidden)"
_SECRET = re.compile("auth|cookie|token|secret|passw|credential|key|session", re.IGNORECASE)
"""Names of fields that may hold credentials."""


_PASSWORD = re.compile(r"(?is)^((?:proxy-)?authorization[ \t]*:[ \t]*(?:(?:basic|bearer|digest|negotiate)[ \t]+)?)\S.*")


class Setting(Protocol):
    """A route or a listener, as far as it puts fields into requests."""

    @property
    def set_request_header(self) -> Sequence[FieldLine]: ...
    @property
    def add_request_header(self) -> Sequence[FieldLine]: ...


def without_secrets(lines: Sequence[str], setting: Setting) -> list[str]:
    """The lines of a head; of credentials that the configuration sets only the name."""
    configured = (*setting.set_request_header, *setting.add_request_header)
    secret = {f"{line.name}: {line.value}" for line in configured if _SECRET.search(line.name)}
    return without_passwords([f"{line.partition(':')[0]}: {HIDDEN}" if line in secret else line for line in lines])


def without_passwords(lines: Sequence[str]) -> list[str]:
    """The lines of a head; of credentials of a user only the scheme (RFC 9110 §11.4)."""
    return [_PASSWORD.sub(rf"\1{HIDDEN}", line) for line in lines]
