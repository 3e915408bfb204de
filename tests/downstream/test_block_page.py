"""downstream.block_page: the page for people, and that nothing of a request does anything in it."""

from html.parser import HTMLParser

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.downstream.block_page import LONGEST_HOST, BlockPage
from twisted_relay.errors import DeniedByRule, DestinationForbidden, NameNotResolved, RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request

HOSTILE = "<script>alert(1)</script>\"'&{contact}{rule}"


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """See `HTMLParser`."""
        self.text += data

    @property
    def tags(self) -> set[str]:
        """The names of the elements."""
        return {tag for tag, _ in self.found}


def exchange(host: str = "www.example:8080", user: str = "", request_id: str = "abc1") -> Exchange:
    """A request to a host."""
    request = Request(b"GET", b"/", Fields([]))
    request.authority = host.encode("latin-1")
    made = Exchange(request, Origin("192.0.2.1", b"http", 3128, b""), 0.0)
    made.user = user
    made.request_id = request_id.encode()
    return made


def page(error: RelayError, asked: Exchange | None = None, template: str = "", contact: str = "") -> bytes:
    """A page, with the words that a client is told."""
    return BlockPage(template, contact).page(error, asked or exchange(), error.outside or error.explanation)


class BuiltInTests(SynchronousTestCase):
    """The page that is always there."""

    def test_what_it_says(self) -> None:
        """What was asked for, why it is not there, and by which word others find it in the log."""
        shown = Elements(page(DeniedByRule("denied by /etc/relay.ini:7: deny domain x"), contact="help@example.org"))
        for words in ("Blocked by the proxy", "Denied by a rule of this proxy.", "www.example:8080", "abc1"):
            self.assertIn(words, shown.text)
        self.assertIn(("a", {"href": "mailto:help@example.org"}), shown.found)
        self.assertNotIn("relay.ini", shown.text)
        self.assertNotIn("Rule", shown.text)

    def test_place_of_the_rule(self) -> None:
        """The place stands there when clients may know it."""
        shown = Elements(page(DeniedByRule("denied by /etc/relay.ini:7: deny domain x", "relay.ini:7")))
        self.assertIn("Rule", shown.text)
        self.assertIn("relay.ini:7", shown.text)
        self.assertNotIn("domain x", shown.text)

    def test_other_errors(self) -> None:
        """What failed has the usual title and words for people, and nothing of our insides."""
        shown = Elements(page(NameNotResolved("no address is known for secret.internal")))
        self.assertIn("Bad Gateway", shown.text)
        self.assertIn("The name of the server was not found.", shown.text)
        shown = Elements(page(DestinationForbidden("a.example: 10.0.0.1 is in 10.0.0.0/8 (private)")))
        self.assertNotIn("10.0.0", shown.text)

    def test_contacts(self) -> None:
        """Mail addresses and URLs are links, everything else is text."""
        for contact, target in (
            ("help@example.org", "mailto:help@example.org"),
            ("https://help.example.org/?a=b&c=d", "https://help.example.org/?a=b&c=d"),
            ("the desk in room 7", None),
            ("javascript:alert(1)", None),
            ('"><script>@a.b', None),
            ("a@b.c?subject=x", None),
            ('https://a/"onclick="x', 'https://a/"onclick="x'),
        ):
            shown = Elements(page(DeniedByRule(""), contact=contact))
            links = [attributes["href"] for tag, attributes in shown.found if tag == "a"]
            self.assertEqual(links, [target] if target else [])
            self.assertEqual(
                [set(attributes) for tag, attributes in shown.found if tag == "a"], [{"href"}] * bool(target)
            )
            self.assertIn(contact, shown.text)
            self.assertNotIn("script", shown.tags)

    def test_hostile_hosts(self) -> None:
        """Whatever a client writes is text on the page."""
        for host in (HOSTILE, "a'onload='x", "&lt;b&gt;", "\xff\x00", "x" * 5000):
            shown = Elements(page(DeniedByRule(""), exchange(host)))
            self.assertLessEqual(shown.tags, {"html", "meta", "title", "style", "h1", "p", "dl", "dt", "dd", "a"})
            self.assertLess(len(shown.text), 1000 + LONGEST_HOST)
        self.assertIn(HOSTILE, Elements(page(DeniedByRule(""), exchange(HOSTILE))).text)


class TemplateTests(SynchronousTestCase):
    """A page of the operator's."""

    TEMPLATE = '<i title="{host}">{title}|{reason}|{rule}|{user}|{id}|{status}|{contact}</i><style>p { x: y }</style>'

    def test_placeholders(self) -> None:
        """Each is replaced; what is not known is empty, and other braces stay."""
        error = DeniedByRule("", "relay.ini:7")
        filled = page(error, exchange(user="alice"), self.TEMPLATE, "help@example.org").decode()
        self.assertEqual(
            filled,
            '<i title="www.example:8080">Blocked by the proxy|Denied by a rule of this proxy: relay.ini:7.|relay.ini:7|'
            "alice|abc1|403|help@example.org</i><style>p { x: y }</style>",
        )
        self.assertIn("|||abc1|403|<", page(DeniedByRule(""), exchange(), self.TEMPLATE).decode())

    def test_escaped_once(self) -> None:
        """Values are escaped, also in attributes, and a value that looks like a placeholder is not replaced again."""
        shown = Elements(page(DeniedByRule(""), exchange(HOSTILE, HOSTILE), self.TEMPLATE, "secret@example.org"))
        self.assertEqual(shown.tags, {"i", "style"})
        self.assertEqual(shown.found[0][1], {"title": HOSTILE})
        self.assertEqual(shown.text.count("secret"), 1)
