"""No destination of `tests/hostile/destinations.py` that relay can tell by itself is asked of a parent."""

from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from tests.hostile.destinations import LITERALS, MALFORMED, OWN, OWN6
from tests.hostile.test_destinations import CODES, FORMS, INSIDE
from tests.upstream.test_through import PARENT, SOCKS_PARENT, Chained
from twisted_relay.config.tree import ParentOptions
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.ourselves import Ourselves


class ParentTests(SynchronousTestCase):
    """Literals in all their spellings, and what is no host."""

    def test_http_proxy(self) -> None:
        """An HTTP proxy is not even connected to."""
        self.run_all(PARENT)

    def test_socks_proxy(self) -> None:
        """Nor is a SOCKS5 proxy."""
        self.run_all(SOCKS_PARENT)

    def run_all(self, parent: ParentOptions) -> None:
        """Ask for every row in every form."""
        ourselves = Ourselves(lambda: frozenset(ip_address(own).packed for own in (OWN, OWN6)))
        talk = Chained(self, parent, guard=Guard((), ourselves))
        for row in (*LITERALS, *MALFORMED):
            for form in FORMS:
                client = talk.client()
                client.sends(f"{form.format(host=row.host)}\r\nHost: a.example\r\n\r\n".encode())
                answer = client.taken()
                self.assertEqual(answer[:13], CODES[row.statuses[0]], (row, form))
                self.assertEqual([word for word in INSIDE if word.encode() in answer], [], (row, answer))
                talk.nobody_is_dialled()
                client.aborts()
        self.assertEqual(talk.network.attempts, [])
        talk.is_over()
