"""No destination of `tests/hostile/destinations.py` is dialled, however it is asked for."""

from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from tests.downstream.test_socks5 import Talk
from tests.hostile.destinations import ANSWERS, GOOD, LITERALS, MALFORMED, OWN, OWN6, PUBLIC, ROWS, Row
from tests.socks.messages import named, reply
from tests.support.playbook import ok
from tests.upstream.test_forward import Proxied
from twisted_relay.guard.guard import Guard
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.names.resolver import Found
from twisted_relay.socks.client import write_wish

FORMS = ("CONNECT {host}:443 HTTP/1.1", "GET http://{host}/ HTTP/1.1", "GET http://{host}:80/a HTTP/1.1")
CODES = {200: b"HTTP/1.1 200 ", 400: b"HTTP/1.1 400 ", 403: b"HTTP/1.1 403 "}
INSIDE = ("127.", "10.", "169.254", "loopback", "private", "machine", "metadata", "bait")
"""What no client is told."""


class Names:
    """A resolver that gives a row's answers in turn; the last one stays."""

    def __init__(self, row: Row) -> None:
        self._answers = list(row.answers)
        self.asked: list[str] = []

    def addresses(self, host: str, found: Found) -> None:
        """See `Resolver`."""
        self.asked.append(host)
        found(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


class DestinationTests(SynchronousTestCase):
    """Rows, in each form of a request."""

    def run_row(self, row: Row, form: str) -> tuple[Proxied, Names]:
        """Ask as often as the row says; whoever is dialled accepts and answers."""
        ourselves = Ourselves(lambda: frozenset(ip_address(own).packed for own in (OWN, OWN6)))
        talk, names = Proxied(self, guard=Guard((), ourselves)), Names(row)
        self.patch(talk.resolver, "addresses", names.addresses)
        request = f"{form.format(host=row.host)}\r\nHost: {PUBLIC}\r\n\r\n".encode()
        for status in row.statuses:
            client = talk.client()
            client.sends(request)
            if talk.network.waiting:
                server = talk.accepts()
                if not form.startswith("CONNECT"):
                    server.sends(ok(b"", "Connection: close"))
                    server.closes()
            answer = client.taken()
            self.assertEqual(answer[:13], CODES[status], (row, form))
            if status != 200:
                self.assertEqual([word for word in INSIDE if word.encode() in answer], [], (row, answer))
            client.aborts()
        return talk, names

    def nobody_inside(self, talk: Proxied, row: Row) -> None:
        """Every address that was dialled is one of the public Internet, by Python's table, and not the machine's."""
        for attempt in talk.network.attempts:
            address = ip_address(attempt.host)
            self.assertTrue(address.is_global and attempt.host not in (OWN, OWN6), (row, attempt.host))

    def check(self, row: Row, form: str) -> tuple[Proxied, Names]:
        """One row in one form."""
        talk, names = self.run_row(row, form)
        self.nobody_inside(talk, row)
        self.assertEqual(len(talk.network.attempts), row.statuses.count(200), row)
        talk.is_over()
        return talk, names

    def test_literals(self) -> None:
        """Addresses are refused with 403 in all their valid spellings, and no resolver is asked."""
        for row in LITERALS:
            for form in FORMS:
                self.assertEqual(self.check(row, form)[1].asked, [], row)

    def test_malformed(self) -> None:
        """What is not a host is answered 400 and shown to no resolver, which might know what to make of it."""
        for row in MALFORMED:
            for form in FORMS:
                self.assertEqual(self.check(row, form)[1].asked, [], row)

    def test_answers(self) -> None:
        """Whatever name servers say, and however it changes: a request has one look-up, and its answer is judged."""
        for row in ANSWERS:
            for form in FORMS:
                self.assertEqual(len(self.check(row, form)[1].asked), len(row.statuses), row)

    def test_good(self) -> None:
        """Destinations of the public Internet are served."""
        for row in GOOD:
            for form in FORMS:
                self.check(row, form)

    def test_an_answer_that_comes_late(self) -> None:
        """A client may leave while its name is looked up; then the answer dials nobody, whatever it is."""
        for answer in ("127.0.0.1", PUBLIC):
            talk = Proxied(self, guard=Guard())
            waiting: list[Found] = []
            self.patch(talk.resolver, "addresses", lambda host, found, waiting=waiting: waiting.append(found))
            client = talk.client()
            client.sends(b"CONNECT late.example:443 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.aborts()
            waiting[0]((answer,))
            talk.settle()
            self.assertEqual(talk.network.attempts, [])
            talk.is_over()

    def test_what_the_log_says(self) -> None:
        """The log names what clients are not told: the address and its range."""
        talk = self.check(Row("bait.example", (("10.0.0.1",),), (403,)), FORMS[0])[0]
        self.assertEqual(str(talk.last().error), "bait.example: 10.0.0.1 is in 10.0.0.0/8 (private)")

    def test_socks(self) -> None:
        """SOCKS5 refuses the same, in the field for names and, where it is one, in those for addresses; it says so with
        one octet."""
        for row in (*ROWS, *GOOD):
            host = row.host[1:-1] if row in (*LITERALS, *GOOD) and row.host.startswith("[") else row.host
            forms = [named(host.encode(), 443)] if len(host.encode()) < 256 else []
            if row in LITERALS and "%" not in host:
                forms.append(write_wish(host.removesuffix("."), 443))
            for octets in forms:
                self.ask_by_socks(row, octets)

    def ask_by_socks(self, row: Row, octets: bytes) -> None:
        """As `check`, with this request."""
        ourselves = Ourselves(lambda: frozenset(ip_address(own).packed for own in (OWN, OWN6)))
        talk, names = Talk(self, guard=Guard((), ourselves)), Names(row)
        self.patch(talk.resolver, "addresses", names.addresses)
        for status in row.statuses:
            client = talk.greeted()
            client.sends(octets)
            if talk.network.waiting:
                talk.accepts()
            allowed = {200: (0,), 400: (1, 2), 403: (1, 2) if "%" in row.host else (2,)}[status]
            self.assertIn(client.taken(), map(reply, allowed), (row, octets))
            client.aborts()
        self.nobody_inside(talk, row)
        self.assertEqual(len(talk.network.attempts), row.statuses.count(200), row)
        self.assertEqual(len(names.asked), len(row.statuses) if row.answers else 0, row)
        talk.is_over()

    def test_enough(self) -> None:
        """The table is as long as promised."""
        self.assertGreater(len(ROWS), 80)
