"""Lists are fetched by requests of our own, within limits of time, size and redirects."""

import io

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.health.watched import Call, Calls
from twisted_relay.config.lists import parse_list_url
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.tree import ListOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.errors import ConnectFailed, NameNotResolved, TLSFailed
from twisted_relay.feeds.fetch import MOST_REDIRECTS, Fetched, Fetcher
from twisted_relay.feeds.kept import Validators
from twisted_relay.guard.guard import Guard
from twisted_relay.lists.reading import Unusable
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.dial import Dialler, Judge

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: "1"\r\nLast-Modified: Mon\r\n\r\na.example\n'


class FullDisk(io.BytesIO):
    """A file that takes nothing."""

    def write(self, data: object) -> int:
        """See `BinaryIO`."""
        raise OSError(28, "No space left on device")


class FetchTests(SynchronousTestCase):
    """`Fetcher`."""

    def setUp(self) -> None:
        """Nobody has been asked."""
        self.clock = Clock()
        self.calls: list[Call] = []
        self.guards: list[Judge | None] = []
        self.guard = Guard()
        self.file = io.BytesIO()

    def tearDown(self) -> None:
        """Whatever happened, no timer and no connection is left."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(any(call.is_open or call.is_pending for call in self.calls))

    def fetch(
        self, known: Validators | None = None, url: str = "http://lists.example/ads?x", most: int = 1024
    ) -> "Deferred[Fetched | None]":
        """A fetch under way."""
        deadlines = Deadlines(self.clock, self.clock.seconds)
        surroundings = Surroundings(
            self.clock, self.clock, deadlines, Resolver(self.clock), make_dialler=self.make_dialler
        )
        options = ListOptions(name="ads", max_size=most, timeout=60.0)
        return Fetcher(options, parse_list_url(url), surroundings, self.guard).fetch(known, self.file)

    def make_dialler(self, spec: ServerSpec, options: BackendOptions, surroundings: Surroundings) -> Dialler:
        """Connections are made by the test."""
        calls = Calls(self.clock, spec)
        calls.made = self.calls
        self.guards.append(surroundings.guard)
        return calls

    def answer(self, *parts: bytes) -> Call:
        """The connection that was wanted last stands, and is answered."""
        call = self.calls[-1]
        call.accept()
        for part in parts:
            call.send(part)
        return call

    def fails(self, fetching: "Deferred[Fetched | None]") -> tuple[str, str]:
        """Reason and text of a failure that has come."""
        error = self.failureResultOf(fetching, Unusable).value
        return error.reason, str(error)

    def test_content(self) -> None:
        """What comes is written to the file, however it was cut; the request says who asks."""
        for parts in ((OK,), tuple(bytes([octet]) for octet in OK)):
            self.file = io.BytesIO()
            fetching = self.fetch()
            call = self.answer(*parts)
            self.assertEqual(self.successResultOf(fetching), Fetched(Validators('"1"', "Mon")))
            self.assertEqual(self.file.getvalue(), b"a.example\n")
            self.assertTrue(call.request.startswith(b"GET /ads?x HTTP/1.1\r\nHost: lists.example\r\n"), call.request)
            for line in (b"User-Agent: twisted_relay/", b"Accept-Encoding: gzip, ", b"Connection: close\r\n"):
                self.assertIn(line, call.request)
            self.assertEqual(call.address, Address("lists.example", 80))
        self.assertEqual(self.guards, [None, None])

    def test_other_ways_to_end(self) -> None:
        """Content in chunks, and content that the end of the connection ends, come in full."""
        fetching = self.fetch()
        self.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
        self.assertEqual(self.successResultOf(fetching), Fetched(Validators()))
        fetching = self.fetch()
        self.answer(b"HTTP/1.0 200 OK\r\n\r\n", b"fg").close()
        self.successResultOf(fetching)
        self.assertEqual(self.file.getvalue(), b"abcdefg")

    def test_packed_content(self) -> None:
        """Content in gzip is kept as it came: who reads it unpacks it, and no more than is allowed."""
        for name in (b"gzip", b"x-gzip", b"GZIP", b"identity"):
            self.file = io.BytesIO()
            fetching = self.fetch()
            self.answer(OK.replace(b"ETag", b"Content-Encoding: " + name + b"\r\nETag"))
            self.assertEqual(self.successResultOf(fetching), Fetched(Validators('"1"', "Mon")))
            self.assertEqual(self.file.getvalue(), b"a.example\n")

    def test_conditions(self) -> None:
        """The server is told what is there: the tag, or else the time; a 304 brings nothing."""
        for known, line in (
            (Validators('"1"', "Mon"), b'If-None-Match: "1"\r\n'),
            (Validators("", "Mon"), b"If-Modified-Since: Mon\r\n"),
        ):
            fetching = self.fetch(known)
            call = self.answer(b"HTTP/1.1 304 Not Modified\r\n\r\n")
            self.assertIsNone(self.successResultOf(fetching))
            self.assertIn(line, call.request)
        self.assertEqual(self.file.getvalue(), b"")

    def test_refused_answers(self) -> None:
        """Other status codes, a coding that nobody wanted, and what is no HTTP are failures."""
        url = "http://lists.example/ads?x"
        for answer, expected in (
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", ("status", f"{url} answered 404")),
            (b"HTTP/1.1 304 Not Modified\r\n\r\n", ("status", f"{url} answered 304")),
            (b"HTTP/1.1 204 No Content\r\n\r\n", ("status", f"{url} answered 204")),
            (
                OK.replace(b"ETag", b"Content-Encoding: gzip, gzip\r\nETag"),
                ("status", f"{url} answered 200, in a coding that was not asked for"),
            ),
            (
                OK.replace(b"ETag", b"Content-Encoding: br\r\nETag"),
                ("status", f"{url} answered 200, in a coding that was not asked for"),
            ),
            (b"SSH-2.0-OpenSSH\r\n", ("protocol", f"{url}: the response is not HTTP/1.x")),
        ):
            fetching = self.fetch()
            self.answer(answer)
            self.assertEqual(self.fails(fetching), expected)

    def test_no_connection(self) -> None:
        """Why there is no connection is told."""
        for error, reason in ((NameNotResolved("?"), "dns"), (TLSFailed("?"), "tls"), (ConnectFailed("?"), "refused")):
            fetching = self.fetch()
            self.calls[-1].refuse(error)
            self.assertEqual(self.fails(fetching), (reason, "http://lists.example/ads?x: ?"))

    def test_cut_short(self) -> None:
        """Content that ends too early is a failure."""
        fetching = self.fetch()
        self.answer(OK[:-3]).close()
        self.assertEqual(self.fails(fetching)[0], "reset")

    def test_too_large(self) -> None:
        """More than is allowed is not read, whether the server says so before or not."""
        for head, parts in (
            (b"Content-Length: 1025\r\n", (b"", b"x")),
            (b"Content-Length: 1025\r\n", (b"x" * 1025,)),
            (b"Transfer-Encoding: chunked\r\n", (b"400\r\n" + b"x" * 1024 + b"\r\n", b"1\r\nx\r\n")),
            (b"Transfer-Encoding: chunked\r\n", (b"401\r\n" + b"x" * 1025 + b"\r\n",)),
        ):
            fetching = self.fetch()
            self.answer(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + parts[0], *parts[1:])
            expected = ("too_large", "there are more than 1024 octets, which max_size allows")
            self.assertEqual(self.fails(fetching), expected)
        fetching = self.fetch()
        self.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024)
        self.successResultOf(fetching)

    def test_full_disk(self) -> None:
        """A file that cannot be written ends the fetch, at the first octets and at later ones."""
        for parts in ((OK,), (OK[:-10], b"a.example\n")):
            self.file = FullDisk()
            fetching = self.fetch()
            self.answer(*parts)
            self.assertEqual(self.fails(fetching), ("state", "cannot write what was fetched: No space left on device"))

    def test_too_slow(self) -> None:
        """The time is one for all of it: connecting, the head, the content, redirects."""
        for parts in (None, (), (OK[:-1],)):
            fetching = self.fetch()
            if parts is not None:
                self.answer(*parts)
            self.clock.advance(59.9)
            self.assertNoResult(fetching)
            self.clock.advance(0.1)
            self.assertEqual(self.fails(fetching), ("timeout", "not fetched within 60 s"))

    def test_cancelled(self) -> None:
        """A fetch that is called off closes its connection, wherever it stands."""
        for parts in (None, (), (OK[:-1],)):
            fetching = self.fetch()
            if parts is not None:
                self.answer(*parts)
            fetching.cancel()
            self.failureResultOf(fetching, CancelledError)

    def redirect(self, location: str) -> None:
        """The last connection is answered with a redirect."""
        self.answer(b"HTTP/1.1 302 Found\r\nLocation: " + location.encode() + b"\r\nContent-Length: 1\r\n\r\nx")

    def test_redirects(self) -> None:
        """A redirect is followed, relative ones too; only where it leads to another host a guard judges the address."""
        fetching = self.fetch(Validators('"1"'))
        self.redirect("/other#part")
        self.redirect("https://cdn.example:8443/ads")
        call = self.answer(OK)
        self.successResultOf(fetching)
        self.assertEqual(
            [call.address for call in self.calls][1:], [Address("lists.example", 80), Address("cdn.example", 8443)]
        )
        self.assertIn(b"GET /ads HTTP/1.1\r\nHost: cdn.example:8443\r\n", call.request)
        self.assertIn(b'If-None-Match: "1"\r\n', call.request)
        self.assertEqual(self.guards, [None, None, self.guard])

    def test_redirects_that_are_not_followed(self) -> None:
        """Out of https, to what is no URL, or too often, a redirect is a failure."""
        for url, location, text in (
            ("https://a.example/", "http://a.example/", '"http://a.example/", which is not https'),
            ("http://a.example/", "ftp://a.example/", '"ftp://a.example/", which is no URL'),
            ("http://a.example/", "http://u:p@a.example/", '"http://u:p@a.example/", which is no URL'),
            ("http://a.example/", "http://[::1/", '"http://[::1/", which is no URL'),
        ):
            fetching = self.fetch(url=url)
            self.redirect(location)
            self.assertEqual(self.fails(fetching), ("redirect", f"{url} redirects to {text}"))
        fetching = self.fetch()
        for _ in range(MOST_REDIRECTS + 1):
            self.redirect("/again")
        self.assertEqual(self.fails(fetching)[1], f"http://lists.example/ads?x: more than {MOST_REDIRECTS} redirects")
