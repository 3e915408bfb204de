"""What is expected of the answer to a check."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import OPTIONS
from twisted_relay.config.values import CheckSpec, FieldMatch
from twisted_relay.health.expectations import Expectations
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Response

READY = FieldMatch("x-ready", "present")
YES = FieldMatch("x-ready", "exact", "yes")
NUMBER = FieldMatch("x-load", "regex", "[0-9]+%")
#: (matches, field lines, what is wrong).
FIELDS: tuple[tuple[tuple[FieldMatch, ...], tuple[bytes, ...], str], ...] = (
    ((READY,), (b"X-Ready: no",), ""),
    ((READY,), (), "header x-ready is absent, wanted any value"),
    ((YES,), (b"X-Ready: yes",), ""),
    ((YES,), (b"X-Ready: no", b"X-Ready: yes"), ""),
    ((YES,), (b"X-Ready: no", b"X-Ready: \xff"), 'header x-ready is "no" and "\\xff", wanted "yes"'),
    ((NUMBER,), (b"X-Load: 5%",), ""),
    ((NUMBER,), (b"X-Load: low",), 'header x-load is "low", wanted ~[0-9]+%'),
    ((YES, FieldMatch("x-ready", "exact", "soon")), (b"X-Ready: soon",), ""),
    ((YES, NUMBER), (b"X-Ready: yes",), "header x-load is absent, wanted ~[0-9]+%"),
    ((YES,), (b"X-Ready: " + b"n" * 500,), f'header x-ready is "{"n" * 60}", wanted "yes"'),
)
#: (expression, content, what is wrong).
BODIES = (
    ("", b"anything", ""),
    ("ok", b"it is ok", ""),
    ("^ok$", b"it is ok", 'the body does not match ~^ok$: it begins with "it is ok"'),
    ("ok", b"", "the body does not match ~ok: it is empty"),
    ("ok", b"\x1b[2J" * 100, 'the body does not match ~ok: it begins with "' + "\\x1b[2J" * 15 + '"'),
    ("grün", "grün".encode(), ""),
)


class ExpectationsTests(SynchronousTestCase):
    """`Expectations`."""

    def test_statuses(self) -> None:
        """A status code must be in one of the ranges."""
        expectations = Expectations(CheckSpec("GET", "/", ((200, 299), (401, 401))), OPTIONS)
        for status, problem in ((200, ""), (299, ""), (401, ""), (300, "answered 300"), (503, "answered 503")):
            self.assertEqual(expectations.problem_of_head(Response(status, b"", Fields([]))), problem)

    def test_fields(self) -> None:
        """Each name must have one of its values; what came instead is quoted, not too long and fit for a terminal."""
        for matches, lines, problem in FIELDS:
            options = replace(OPTIONS, check_expect_header=matches)
            response = Response(200, b"OK", Fields(list(lines)))
            said = Expectations(CheckSpec("GET", "/"), options).problem_of_head(response)
            self.assertEqual(said, problem and f"answered 200, but {problem}", lines)

    def test_content(self) -> None:
        """The expression must match somewhere; else the beginning is quoted."""
        for text, content, problem in BODIES:
            expectations = Expectations(CheckSpec("GET", "/"), replace(OPTIONS, check_expect_body=text))
            self.assertEqual(expectations.wants_content, bool(text))
            self.assertEqual(expectations.problem_of_content(content), problem and f"answered, but {problem}")
