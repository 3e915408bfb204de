"""Credentials that the configuration puts into requests: they are the server's and relay's alone, and not explained."""

import re
from collections.abc import Sequence
from typing import Protocol

from twisted_relay.config.values import FieldLine

HIDDEN = "(hidden)"
_SECRET = re.compile("auth|cookie|token|secret|passw|credential|key|session", re.IGNORECASE)
"""Names of fields that may hold credentials."""


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
    return [f"{line.partition(':')[0]}: {HIDDEN}" if line in secret else line for line in lines]
