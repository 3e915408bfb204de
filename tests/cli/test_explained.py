"""How an answer is shown."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.cli.explained import as_text, columns

REQUEST = {
    "listener": "web",
    "where": "relay.ini:1:1",
    "scheme": "http",
    "client": "192.0.2.9",
    "head": ["GET /api HTTP/1.1", "Host: a"],
}
SERVER = {
    "name": "one",
    "address": "10.0.0.1:80",
    "state": "up",
    "weight": 2,
    "share": 2.0,
    "tier": 1,
    "backup": False,
    "active_requests": 3,
    "limit": 0,
}
BACKEND = {
    "name": "app",
    "where": "relay.ini:9:1",
    "balance": "round-robin",
    "discover": "dns+a://app.example:80",
    "outcome": "it goes to one",
    "breaker": {"state": "half-open", "reason": "5 of 9"},
    "tiers": [
        {"tier": 1, "load": 70, "usable": 1, "panics": True},
        {"tier": "backup", "load": 30, "usable": 1, "panics": False},
    ],
    "queue": {"length": 4, "limit": 9, "timeout": 5.0},
    "candidates": [
        {**SERVER, "order": 1, "why": "usable"},
        {**SERVER, "order": 2, "name": "10.0.0.2:80", "address": "10.0.0.2:80", "share": 0.5, "limit": 9, "why": "x"},
    ],
    "others": [{**SERVER, "name": "three", "backup": True, "state": "down", "why": "down: refused"}],
    "retries": {
        "most": 1,
        "after": ["it cannot be connected to"],
        "not_after": ["its answer breaks off"],
        "statuses": [500, 502, 503, 504],
        "budget": {"option": "20% min=10/s", "left": 99, "active": 1},
    },
    "hedge": {"applies": True, "after": 0.0125},
    "times": {"connect_timeout": 0.5, "idle_timeout": 0},
}
ROUTES = [
    {"name": "old", "where": "relay.ini:4:1", "matches": False, "why": "path is /api, wanted /old"},
    {"name": "", "where": "relay.ini:1:1", "matches": True, "why": ""},
]
ANSWER = {
    "live": True,
    "request": REQUEST,
    "routes": ROUTES,
    "not_asked": 1,
    "route": "",
    "refused": None,
    "answer": None,
    "limits": {"max_body": 0, "max_header": 32768},
    "forwarded": {"server": "one", "head": ["GET / HTTP/1.1", "Host: a"]},
    "backend": BACKEND,
}
TEXT = """\
http request from 192.0.2.9 to listener web (relay.ini:1:1), as the running daemon would take it now
  GET /api HTTP/1.1
  Host: a

routes
  ✗  old                      relay.ini:4:1  path is /api, wanted /old
  ✓  what else comes to web   relay.ini:1:1  takes it
    1 more is not asked

sent to one
  GET / HTTP/1.1
  Host: a

backend app (relay.ini:9:1), round-robin: it goes to one
  1  one          10.0.0.1:80  up           weight 2            3 running       usable
  2  10.0.0.2:80               up           weight 2 (now 0.5)  3 of 9 running  x
  ✗  three        10.0.0.1:80  down backup  weight 2            3 running       down: refused
  tiers    1: 70 %, panic; backup: 30 %
  servers  also found by dns+a://app.example:80
  breaker  half-open: 5 of 9
  queue    4 of at most 9 wait

tried again up to 1 time, on another server if there is one, when
  ✓ it cannot be connected to
  ✓ it answers 500, 502-504
  ✗ its answer breaks off
  budget 20% min=10/s: 99 left now, 1 under way
a second server is asked too, after 12.5 ms

limits
  max_body         no limit
  max_header       32768
  connect_timeout  0.5 s
  idle_timeout     no limit"""


class TextTests(SynchronousTestCase):
    """`as_text`."""

    def test_forwarded(self) -> None:
        """Request, routes, what is sent, who may get it, what is tried again, and limits."""
        self.assertEqual(as_text(ANSWER), TEXT.replace("web   relay", "web  relay").replace("old    ", "old   "))

    def test_a_poor_terminal(self) -> None:
        """Where the encoding has no check marks, + and - stand for them."""
        text = as_text(ANSWER, "ascii")
        self.assertIn("  -  old ", text)
        self.assertIn("  + it cannot be connected to", text)
        self.assertTrue(text.isascii())

    def test_refused(self) -> None:
        """A refusal is one line: status, word and reason."""
        refused = {"status": 400, "reason": "bad_request", "text": "Host is missing"}
        answer = {
            **ANSWER,
            "routes": [],
            "forwarded": None,
            "refused": refused,
            "answer": {"status": 400, "fields": []},
        }
        self.assertTrue(as_text(answer).endswith("\n\nrefused: 400 (bad_request): Host is missing"))

    def test_answered(self) -> None:
        """Our own answer is shown with its fields."""
        response = {"status": 308, "fields": ["Location: https://a/"]}
        answer = {**ANSWER, "forwarded": None, "answer": response}
        self.assertTrue(as_text(answer).endswith("\n\nrelay answers itself: 308\n  Location: https://a/"))

    def test_once(self) -> None:
        """Without retries there is nothing to list."""
        backend = {**BACKEND, "retries": {"most": 0}}
        self.assertIn("\n\ntried once\n\n", as_text({**ANSWER, "backend": {**backend, "hedge": None}}))

    def test_hedges(self) -> None:
        """Before enough is known of a route it is said so; where no second server is asked nothing is said."""
        for hedge, text in (
            ({"applies": True, "after": None}, "a second server is asked too, once more is known of its route"),
            ({"applies": False, "after": None}, "under way\n\nlimits"),
        ):
            self.assertIn(text, as_text({**ANSWER, "backend": {**BACKEND, "hedge": hedge}}))

    def test_columns(self) -> None:
        """A column without anything in it takes no room."""
        self.assertEqual(columns([("a", "", "b"), ("cc", "", "d")]), ["  a   b", "  cc  d"])
        self.assertEqual(columns([]), [])
