"""The pages of the private listener, asked over a real socket."""

import gzip
from ipaddress import ip_network

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.admin.asking import ask, ask_raw, listen, make_site, port_of
from tests.metrics.measured import make_sources
from twisted_relay.admin.access import Access
from twisted_relay.admin.pages import accepts_gzip
from twisted_relay.admin.site import MAX_CONTENT, MAX_FIELDS, MAX_HEADER
from twisted_relay.config.values import Address
from twisted_relay.metrics.exposition import Exposition, Format

LOOPBACK = Address("127.0.0.1", 0)

#: (Accept-Encoding, whether gzip may be sent)
ENCODINGS = (
    (b"gzip", True),
    (b"br, GZIP;q=0.5", True),
    (b"deflate,gzip;q=1.0", True),
    (b"gzip;q=0", False),
    (b"gzip; q=0.000", False),
    (b"", False),
    (b"identity", False),
    (b"gzipped", False),
)


class EncodingTests(SynchronousTestCase):
    """`accepts_gzip`."""

    def test_table(self) -> None:
        """gzip is sent to who names it and does not give it weight 0."""
        for value, accepted in ENCODINGS:
            self.assertEqual(accepts_gzip(value), accepted, value)


class PageTests(TestCase):
    """`Pages` in an `AdminSite`."""

    def setUp(self) -> None:
        self.unready: list[str] = []
        site = make_site(Exposition(make_sources()), Access([ip_network("127.0.0.0/8")]), self.unready)
        self.port = port_of(listen(self, site, LOOPBACK))

    async def test_metrics(self) -> None:
        """Plain text of version 0.0.4, with its length, not to be stored or guessed at."""
        answer = await ask(self.port, "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertIn(b'\nrelay_server_up{backend="backend0",server="10.0.0.0:80"} 1\n', answer.content)
        for name, value in (
            ("content-type", "text/plain; version=0.0.4; charset=utf-8"),
            ("content-length", str(len(answer.content))),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("vary", "Accept, Accept-Encoding"),
        ):
            self.assertEqual(answer.headers.get(name), value)
        self.assertNotIn("server", answer.headers)

    async def test_openmetrics_with_gzip(self) -> None:
        """What Prometheus asks for: OpenMetrics, compressed, that its own parser reads."""
        headers = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
        answer = await ask(self.port, "/metrics", headers=headers)
        self.assertEqual(answer.headers["content-type"], Format.OPENMETRICS.value.decode())
        self.assertEqual(answer.headers["content-encoding"], "gzip")
        names = {family.name for family in parse_openmetrics(gzip.decompress(answer.content).decode())}
        self.assertIn("relay_http_requests", names)

    async def test_head(self) -> None:
        """HEAD tells the length of what GET would bring, and brings nothing."""
        answer = await ask(self.port, "/metrics", "HEAD")
        self.assertEqual((answer.status, answer.content), (200, b""))
        self.assertGreater(int(answer.headers["content-length"]), 1000)

    async def test_healthy(self) -> None:
        """While the reactor answers the process is healthy, ready or not."""
        self.unready.append("draining")
        answer = await ask(self.port, "/-/healthy")
        self.assertEqual((answer.status, answer.content), (200, b"healthy\n"))

    async def test_ready(self) -> None:
        """Readiness says why not."""
        answer = await ask(self.port, "/-/ready")
        self.assertEqual((answer.status, answer.content), (200, b"ready\n"))
        self.unready.append("draining")
        answer = await ask(self.port, "/-/ready")
        self.assertEqual((answer.status, answer.content), (503, b"not ready: draining\n"))

    async def test_query(self) -> None:
        """A query changes nothing."""
        self.assertEqual((await ask(self.port, "/-/ready?verbose")).status, 200)

    async def test_not_found(self) -> None:
        """Everything else is a 404 in plain text that says what there is."""
        for path in ("/", "/metrics/", "/metrics/x", "/-/", "/%2e%2e/metrics", "//metrics"):
            answer = await ask(self.port, path)
            self.assertEqual(answer.status, 404, path)
            self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
            self.assertIn(b"/metrics, /-/healthy, /-/ready", answer.content)

    async def test_methods(self) -> None:
        """Nothing can be changed here: other methods are refused with those that are not."""
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = await ask(self.port, "/metrics", method)
            self.assertEqual((answer.status, answer.headers.get("allow")), (405, "GET, HEAD"), method)

    async def test_rebound_name(self) -> None:
        """A name that a web page may have made up is refused, with the reason."""
        answer = await ask(self.port, "/metrics", headers={"Host": "rebound.example"})
        self.assertEqual(answer.status, 403)
        self.assertIn(b"DNS rebinding", answer.content)

    async def test_large_head(self) -> None:
        """A head that is too long, or has too many fields, is a 400 and the end of the connection."""
        many = b"".join(b"X: %d\r\n" % number for number in range(MAX_FIELDS + 1))
        for fields in (b"X: " + b"y" * MAX_HEADER + b"\r\n", many):
            received = await ask_raw(self.port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n")
            self.assertTrue(received.startswith(b"HTTP/1.1 400 "), received[:40])

    async def test_large_content(self) -> None:
        """Content is not kept, and who sends much of it is cut off."""
        head = b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"
        self.assertEqual(await ask_raw(self.port, head + b"x" * (2 * MAX_CONTENT)), b"")


class ForeignClientTests(TestCase):
    """A client that is in no allowed network."""

    async def test_refused(self) -> None:
        """It gets a 403 that names its address."""
        site = make_site(Exposition(make_sources()), Access([ip_network("192.0.2.0/24")]), [])
        answer = await ask(port_of(listen(self, site, LOOPBACK)), "/-/healthy")
        self.assertEqual((answer.status, answer.content), (403, b"403 Forbidden\n127.0.0.1 is not in [admin] allow\n"))
