"""What a JSON line says."""

from twisted.trial.unittest import SynchronousTestCase

from tests.access_log.exchanges import WALL, make_exchange, make_refused
from twisted_relay.access_log.fields import FIELDS, Value, iso_time
from twisted_relay.errors import ConnectFailed
from twisted_relay.exchange import Exchange

#: What is said of an ordinary exchange.
ORDINARY = {
    "time": "2023-11-14T22:13:20.250Z",
    "listener": "web",
    "route": "all",
    "backend": "app",
    "parent": None,
    "server": "10.0.0.1:80",
    "client": "192.0.2.7",
    "user": None,
    "host": "example.org",
    "method": "GET",
    "target": "/a?b",
    "protocol": "HTTP/1.1",
    "status": 200,
    "bytes_received": 0,
    "bytes_sent": 2326,
    "duration": 1.0,
    "sent_after": 0.25,
    "response_time": 0.5,
    "rule": None,
    "sni": None,
    "tries": 1,
    "error": None,
    "error_side": None,
    "error_text": None,
    "request_id": "abc1",
    "user_agent": "curl/8.5.0",
    "referer": "https://example.org/",
}
#: What is not known of a request that could not be read.
UNKNOWN = (
    *("route", "backend", "parent", "server", "host", "method", "target", "protocol", "rule"),
    *("sent_after", "response_time"),
    *("request_id", "user_agent", "referer"),
)


def read(exchange: Exchange) -> dict[str, Value]:
    """Every field."""
    return {field.name: field.read(exchange, WALL) for field in FIELDS}


class FieldTests(SynchronousTestCase):
    """`FIELDS`."""

    def test_ordinary(self) -> None:
        """Everything that is known of an exchange, in the order of the table."""
        said = read(make_exchange(b"/a?b", b"user-agent: curl/8.5.0", b"Referer: https://example.org/"))
        self.assertEqual(list(said.items()), list(ORDINARY.items()))

    def test_parent(self) -> None:
        """What goes through a parent goes to no backend."""
        exchange = make_exchange(b"/", b"Host: a")
        exchange.parent, exchange.backend = "hq", "parent:hq"
        said = read(exchange)
        self.assertEqual((said["parent"], said["backend"]), ("hq", None))

    def test_refused(self) -> None:
        """What never became a request has a status and a duration, and nothing is made up."""
        said = read(make_refused())
        self.assertEqual({name: said[name] for name in UNKNOWN}, dict.fromkeys(UNKNOWN))
        self.assertEqual((said["status"], said["duration"], said["client"]), (400, 0.5, "192.0.2.7"))

    def test_error(self) -> None:
        """A failure is named in a word, with whose it was, and explained."""
        exchange = make_exchange()
        exchange.error = ConnectFailed("10.0.0.1:80: connection refused")
        said = read(exchange)
        self.assertEqual((said["error"], said["error_side"]), ("refused", "server"))
        self.assertEqual(said["error_text"], "10.0.0.1:80: connection refused")

    def test_rewritten_target(self) -> None:
        """The target is logged as it was received, whatever the route made of it."""
        exchange = make_exchange(b"/old")
        exchange.request.target = b"/new"
        self.assertEqual(read(exchange)["target"], "/old")

    def test_unix_socket(self) -> None:
        """A client on a UNIX socket has no address."""
        self.assertIsNone(read(make_exchange(client=""))["client"])

    def test_times(self) -> None:
        """Milliseconds have three digits, within a second and in the next one."""
        for wall, expected in (
            (0.0, "1970-01-01T00:00:00.000Z"),
            (0.0625, "1970-01-01T00:00:00.062Z"),
            (0.9999, "1970-01-01T00:00:00.999Z"),
            (86400.5, "1970-01-02T00:00:00.500Z"),
        ):
            self.assertEqual(iso_time(wall), expected)
