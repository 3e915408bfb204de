"""What somebody asks of `relay explain`."""

import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.admin.json_input import JSON, Refused
from twisted_relay.admin.question import Question, choose_listener, read_question
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.values import Address, BindAddress, UnixAddress
from twisted_relay.downstream.listener import Listener
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.routing import Router

#: (URL, scheme, authority, target, port)
URLS = (
    ("http://a.example", "http", "a.example", "/", 80),
    ("https://a.example?x=1", "https", "a.example", "/?x=1", 443),
    ("http://a.example:8080/b/c?d#e", "http", "a.example:8080", "/b/c?d", 8080),
    ("http://[::1]:80/", "http", "[::1]:80", "/", 80),
    ("http://[::1]/", "http", "[::1]", "/", 80),
    ("/a//b", "", "", "/a//b", 0),
    ("*", "", "", "*", 0),
    ("http:///x", "http", "", "/x", 80),
)
#: (what was sent, part of the message)
BAD: tuple[tuple[JSON, str], ...] = (
    ({"url": "/"}, '"method" is missing'),
    ({"method": "GET"}, '"url" is missing'),
    ({"method": "GET", "url": "/", "header": []}, 'unknown key "header"'),
    ({"method": "GET", "url": "example.org/"}, "is not a URL"),
    ({"method": "GET", "url": "ftp://a/"}, "is not a URL"),
    ({"method": "GET", "url": "http://u:p@a/"}, "a user and a password"),
    ({"method": "GET", "url": "/a\r\nb"}, '"url" is not a text on one line'),
    ({"method": "GET", "url": "/", "client": "localhost"}, "is not an IP address"),
    ({"method": "GET", "url": "/", "address": "localhost"}, "is not an IP address"),
    ({"method": "GET", "url": "/", "groups": "staff"}, "is not a list of names"),
    ({"method": "GET", "url": "/", "groups": [1]}, "is not a list of names"),
    ({"method": "GET", "url": "/", "user": 1}, '"user"'),
    ({"method": "GET", "url": "/", "fields": {"A": "b"}}, '"fields" is not a list'),
    ({"method": "GET", "url": "/", "fields": [["A"]]}, "something else than a name and a value"),
    ({"method": "GET", "url": "/", "fields": [["A", 1]]}, "something else than a name and a value"),
    ({"method": "GET", "url": "/", "fields": [["A", "\ud800"]]}, 'the field "A" has half a character in it'),
    ({"method": "GET", "url": "/", "fields": [["A", "b\r\nC: d"]]}, 'the field "A" has a line end in it'),
)


def listener(name: str, *binds: BindAddress, tls: str = "") -> Listener:
    """A listener that listens nowhere."""
    clock = Clock()
    options = ListenerOptions(name=name, bind=binds, tls=tls)
    return Listener(options, Router(()), Deadlines(clock, clock.seconds))


class ReadTests(SynchronousTestCase):
    """`read_question`."""

    def test_urls(self) -> None:
        """A URL is taken apart as a client does it; what is in its parts is not judged here."""
        for url, *expected in URLS:
            question = read_question({"method": "GET", "url": url})
            self.assertEqual([question.scheme, question.authority, question.target, question.port], expected, url)

    def test_bad(self) -> None:
        """What is no question is refused with the reason."""
        for given, part in BAD:
            refused = self.assertRaises(Refused, read_question, given)
            self.assertIn(part, refused.message)

    def test_head(self) -> None:
        """Host comes from the URL unless it is given, and fields follow in their order."""
        fields: JSON = {"method": "GET", "url": "http://a.example/ä", "fields": [["B", "1"], ["A", "2"]]}
        self.assertEqual(
            read_question(fields).head, "GET /ä HTTP/1.1\r\nHost: a.example\r\nB: 1\r\nA: 2\r\n\r\n".encode()
        )
        given: JSON = {"method": "GET", "url": "http://a.example/", "fields": [["host", "b.example"]]}
        self.assertEqual(read_question(given).head, b"GET / HTTP/1.1\r\nhost: b.example\r\n\r\n")

    def test_octets(self) -> None:
        """Octets of the command line that are no UTF-8 go as they are."""
        given: JSON = {"method": "GET", "url": "/", "fields": [["A", os.fsdecode(b"\xff")]]}
        self.assertEqual(read_question(given).head, b"GET / HTTP/1.1\r\nA: \xff\r\n\r\n")


class ListenerTests(SynchronousTestCase):
    """`choose_listener`."""

    def setUp(self) -> None:
        self.web = listener("web", Address("", 80), Address("", 8080))
        self.secure = listener("secure", Address("", 8443), tls="www")
        self.private = listener("private", Address("10.0.0.1", 8080))
        self.listeners = (self.web, self.secure, self.private)

    def chosen(self, url: str, name: str = "") -> tuple[str, int]:
        question = read_question({"method": "GET", "url": url, "listener": name})
        found, port = choose_listener(question, self.listeners)
        return found.name, port

    def refusal(self, url: str, name: str = "") -> tuple[str, str]:
        refused = self.assertRaises(Refused, self.chosen, url, name)
        return refused.message, refused.help

    def test_by_port(self) -> None:
        """The listener that binds the URL's port takes it."""
        self.assertEqual(self.chosen("http://a/"), ("web", 80))
        self.assertEqual(self.chosen("https://a:8443/"), ("secure", 8443))

    def test_the_only_one(self) -> None:
        """A port that nobody binds is one that is mapped: the only listener of that scheme is meant."""
        self.assertEqual(self.chosen("https://a/"), ("secure", 8443))

    def test_by_name(self) -> None:
        """A name decides, whatever the URL says."""
        self.assertEqual(self.chosen("https://a:8080/", "private"), ("private", 8080))
        self.assertEqual(self.chosen("/", "secure"), ("secure", 8443))

    def test_unclear(self) -> None:
        """Of several that could be meant one has to be named; they are told with their addresses."""
        choice = "name one of them: web (:80 :8080), private (10.0.0.1:8080)"
        self.assertEqual(self.refusal("http://a:8080/"), ("several listeners could take it", choice))
        self.assertEqual(
            self.refusal("http://a:81/"), ("no listener binds that port, and several could take it", choice)
        )
        self.assertEqual(self.refusal("/")[0], "several listeners could take it")

    def test_wrong(self) -> None:
        """A name or a scheme that nobody has."""
        self.assertEqual(self.refusal("/", "wbe"), ('no listener "wbe"', 'did you mean "web"?'))
        self.listeners = (self.web,)  # type: ignore[assignment]
        self.assertEqual(self.refusal("https://a/"), ("no listener speaks https", "there are: web (:80 :8080)"))

    def test_a_socket(self) -> None:
        """A listener on a UNIX socket has no port."""
        only = listener("web", UnixAddress("/run/x"))
        self.assertEqual(choose_listener(Question("GET", "http", "a", "/"), [only]), (only, 0))
