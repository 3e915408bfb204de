"""docs/reference/socks.md says what the code does, as far as it names numbers and words."""

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.hostile.test_reference import answered_errors
from tests.support.child import ROOT
from twisted_relay.downstream.connection import LINGER_TIME
from twisted_relay.downstream.socks5 import MAX_EARLY
from twisted_relay.errors import RelayError
from twisted_relay.socks.client import reply_text
from twisted_relay.socks.codes import Reply
from twisted_relay.socks.replies import reply_to

PAGE = (ROOT / "docs" / "reference" / "socks.md").read_text("utf-8")
AT_ONCE = (Reply.SUCCEEDED, Reply.FAILED, Reply.COMMAND_NOT_SUPPORTED, Reply.ADDRESS_NOT_SUPPORTED)
"""Those that no error of a destination leads to, or all others."""


def rows(section: str) -> list[list[str]]:
    """The cells of the table in a section, without its heading."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in text.splitlines()[2:]
        if re.match(r"\| [^-R]", line)
    ]


def made(kind: type[RelayError]) -> RelayError:
    """An error of a kind, whatever its constructor wants."""
    return kind.__new__(kind)


class ReferenceTests(SynchronousTestCase):
    """The page and the code."""

    def test_replies(self) -> None:
        """Every reply has its row, with the words in the log of what leads to it."""
        listed = {
            int(number): (words, set(re.findall("`([a-z_]+)`", errors))) for number, words, errors in rows("Replies")
        }
        self.assertEqual(list(listed), [*map(int, Reply)])
        for reply in Reply:
            words, errors = listed[reply]
            self.assertTrue(words.startswith(reply_text(reply).split()[0]), words)
            if reply not in AT_ONCE:
                self.assertEqual(errors, {e.reason for e in answered_errors() if reply_to(made(e)) is reply}, reply)

    def test_limits(self) -> None:
        """The limits that cannot be configured."""
        limits = [limit for _, limit in rows("Limits") if limit[0].isdigit()]
        self.assertEqual([int(re.findall("[0-9]+", limit)[0]) for limit in limits], [MAX_EARLY, int(LINGER_TIME)])
