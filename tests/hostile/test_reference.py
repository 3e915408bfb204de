"""docs/reference/http.md says what the code does, as far as it names words and numbers."""

import re
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import ROOT
from twisted_relay import errors
from twisted_relay.downstream.http1 import MAX_PIPELINED
from twisted_relay.http.body import MAX_CHUNK_LINE, MAX_TRAILER_FIELDS, MAX_TRAILERS
from twisted_relay.http.http1 import MAX_RESPONSE_FIELDS, MAX_RESPONSE_HEAD
from twisted_relay.peek.client_hello import MAX_HELLO
from twisted_relay.upstream.http1 import MAX_INFORMATIONAL

PAGE = (ROOT / "docs" / "reference" / "http.md").read_text("utf-8")
NEVER_ANSWERED = (
    errors.ConfigurationError,
    errors.BindError,
    errors.InvalidField,
    errors.ClientAbort,
    errors.HelloRefused,  # after the answer to CONNECT
)
ONLY_ABOVE_OTHERS = (errors.ClientError, errors.ServerError)


def rows(section: str) -> list[list[str]]:
    """The cells of the table in a section, without its heading."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def answered_errors(kind: type[errors.RelayError] = errors.RelayError) -> Iterator[type[errors.RelayError]]:
    """Every error that a client may be told of."""
    if kind not in NEVER_ANSWERED + ONLY_ABOVE_OTHERS:
        yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from answered_errors(below)


class ReferenceTests(SynchronousTestCase):
    """The page and the code."""

    def test_answers(self) -> None:
        """Every answer is listed, with the words that are in logs and in Proxy-Status, and none that does not exist."""
        listed = sorted((int(status), word, cause) for status, word, cause, _ in rows("Answers of its own"))
        made = []
        for error in answered_errors():
            told = not issubclass(error, errors.ClientError) or error.proxy_status != "http_request_error"
            made.append((error.status, error.reason, error.proxy_status if told else "–"))
        self.assertEqual(listed, sorted(made))

    def test_limits(self) -> None:
        """The limits that cannot be configured."""
        limits = {what: limit for what, limit, _ in rows("Limits")}
        for what, limit in (
            ("octets read ahead while a request is served", MAX_PIPELINED),
            ("chunk size with its extensions", MAX_CHUNK_LINE),
            ("trailer section", MAX_TRAILERS),
            ("trailers", MAX_TRAILER_FIELDS),
            ("head of a response", MAX_RESPONSE_HEAD),
            ("fields of a response", MAX_RESPONSE_FIELDS),
            ("informational responses before a response", MAX_INFORMATIONAL),
            ("hello in a tunnel, with [`peek`](../howto/look-into-tunnels.md)", MAX_HELLO),
        ):
            self.assertEqual(limits[what].split()[0], str(limit), what)
