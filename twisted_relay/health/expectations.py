"""What an HTTP check wants of an answer: its status code, its fields, its content. Decides; does no I/O."""

import re

from twisted_relay.conditions import Predicate, alternatives, shown, value_predicate, written_value
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import CheckSpec, FieldMatch
from twisted_relay.http.message import Response

SHOWN = 60
"""Octets of a server's answer that are quoted."""


class Expectations:
    """The expectations of one backend's check; raises `ConfigurationError` for an expression that cannot be used."""

    def __init__(self, spec: CheckSpec, options: BackendOptions) -> None:
        self._statuses = spec.statuses
        names = dict.fromkeys(match.name for match in options.check_expect_header)
        self._fields = [_Field([m for m in options.check_expect_header if m.name == name]) for name in names]
        text = options.check_expect_body
        self._body = re.compile(text.encode()) if text else None
        self._written = text

    @property
    def wants_content(self) -> bool:
        """Whether the content matters."""
        return self._body is not None

    def problem_of_head(self, response: Response) -> str:
        """What is wrong with a response before its content is known; nothing if all is well."""
        if not any(low <= response.status <= high for low, high in self._statuses):
            return f"answered {response.status}"
        for field in self._fields:
            problem = field.problem(response)
            if problem:
                return f"answered {response.status}, but {problem}"
        return ""

    def problem_of_content(self, content: bytes) -> str:
        """What is wrong with the content, or with its beginning."""
        if self._body is None or self._body.search(content):
            return ""
        began = f'it begins with "{shown(content[:SHOWN])}"' if content else "it is empty"
        return f"answered, but the body does not match ~{self._written}: {began}"


class _Field:
    """One field must have one of some values."""

    def __init__(self, matches: list[FieldMatch]) -> None:
        self._name = matches[0].name
        self._predicates: list[Predicate] = [value_predicate(match) for match in matches]
        self._wanted = alternatives(written_value(match) for match in matches)

    def problem(self, response: Response) -> str:
        values = response.fields.get_all(self._name.encode())
        if any(predicate(value) for value in values for predicate in self._predicates):
            return ""
        seen = " and ".join(f'"{shown(value[:SHOWN])}"' for value in values)
        return f"header {self._name} is {seen or 'absent'}, wanted {self._wanted}"
