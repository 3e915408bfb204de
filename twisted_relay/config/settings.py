"""Words of the form `name=value` that may stand behind the main part of a value, each once, in any order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from twisted_relay.config.words import BadValue, Fault, Word, quoted

Spec = TypeVar("Spec")

Settings = Mapping[str, tuple[str, Callable[[str], object]]]
"""What may stand there by its name in the file: the name of the field, and the parser, which raises `BadValue`."""


def none_twice(words: Iterable[Word]) -> None:
    """Refuse the second word of one name: it would replace the first without a sign, or say nothing new."""
    seen: set[str] = set()
    for word in words:
        name = word.text.partition("=")[0]
        if name in seen:
            raise BadValue(Fault(f"{name} stands twice", "keep one of them", word.span))
        seen.add(name)


def with_settings(spec: Spec, words: Sequence[Word], known: Settings, help: str) -> Spec:
    """A dataclass with the values that the words give to its fields; raises `BadValue`.

    `help` says what may stand there.
    """
    found: dict[str, object] = {}
    for word in words:
        name, _, text = word.text.partition("=")
        if name not in known or not text:
            raise BadValue(Fault(f"{quoted(word.text)} is not valid", help, word.span))
        field, parse = known[name]
        if field in found:
            raise BadValue(Fault(f"{name} stands twice", "keep one of them", word.span))
        try:
            found[field] = parse(text)
        except BadValue as bad:
            raise BadValue(*bad.at(word.span)) from None
    changed: Spec = replace(cast(Any, spec), **found)
    return changed
