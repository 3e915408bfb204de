"""JSON that somebody sent, read strictly: what is not understood is refused, with what would be right."""

import json
from collections.abc import Iterable

from twisted_relay.config.suggest import did_you_mean

JSON = dict[str, object]
"""An object as Python reads it."""


class Refused(Exception):
    """What was asked for cannot be done; the text says why, for who asked. `status` is that of HTTP."""

    def __init__(self, message: str, help: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.status = status


def read_object(content: bytes) -> JSON:
    """One JSON object; raises `Refused` for everything else, also for a key that stands there twice."""
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the content is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refused("the content is JSON but not an object", 'write {"key": value, …}')
    return value


def _unique(pairs: list[tuple[str, object]]) -> JSON:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'"{twice}" stands there twice')
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


def check_keys(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a key that is not known."""
    names = list(known)
    for key in given:
        if key not in names:
            raise Refused(f'unknown key "{key[:60]}"', did_you_mean(key, names) or f"there are: {', '.join(names)}")


def read_text(given: JSON, key: str, longest: int) -> str:
    """A text on one line without control characters, at most this long; "" if it is not given."""
    value = given.get(key, "")
    if not isinstance(value, str) or not value.isprintable():
        raise Refused(f'"{key}" is not a text on one line')
    if len(value) > longest:
        raise Refused(f'"{key}" is longer than {longest} characters')
    return value
