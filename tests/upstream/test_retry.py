"""What is tried again after a failure or a status, where, and after what time."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import RetryOn
from twisted_relay.errors import (
    BadResponse,
    ClientAbort,
    ConnectFailed,
    ConnectionReset,
    ConnectTimeout,
    EmptyResponse,
    IncompleteResponse,
    NameNotResolved,
    RelayError,
    ResponseTimeout,
    TLSFailed,
)
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Request
from twisted_relay.upstream.retry import (
    IDEMPOTENT,
    RETRY_REASONS,
    SAFE,
    Again,
    Rules,
    Tried,
    condition_of,
    longest_wait,
    rules_of,
)

METHODS = (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"POST", b"PATCH", b"CONNECT", b"get", b"QUERY")
ERRORS: tuple[type[RelayError], ...] = (
    ConnectFailed,
    ConnectTimeout,
    NameNotResolved,
    TLSFailed,
    ConnectionReset,
    EmptyResponse,
    IncompleteResponse,
    BadResponse,
    ResponseTimeout,
    ClientAbort,
)
USUAL = BackendOptions().retry_on
ALL = RetryOn(("connect", "reset", "empty", "timeout"), ((502, 504),))
NONE = RetryOn()


def request(method: bytes) -> Request:
    """A request with this method."""
    return Request(method, b"/", Fields())


#: (error, method, retry_on, retry_methods, how far it is, retries, what to do).
CASES: tuple[tuple[type[RelayError], bytes, RetryOn, str, Tried, int, Again], ...] = (
    # Nothing was sent: anything may go to another server, as often as is allowed.
    (ConnectFailed, b"GET", USUAL, "safe", Tried(1), 2, Again.NEXT),
    (ConnectFailed, b"POST", USUAL, "safe", Tried(1), 2, Again.NEXT),
    (ConnectFailed, b"POST", USUAL, "safe", Tried(2, is_at_hand=False), 2, Again.NEXT),
    (ConnectFailed, b"GET", USUAL, "safe", Tried(3), 2, Again.NO),
    (ConnectFailed, b"GET", USUAL, "safe", Tried(1), 0, Again.NO),
    (ConnectTimeout, b"POST", USUAL, "safe", Tried(1, is_at_hand=False), 2, Again.NEXT),
    (NameNotResolved, b"PATCH", USUAL, "safe", Tried(1, is_at_hand=False), 1, Again.NEXT),
    (TLSFailed, b"POST", USUAL, "safe", Tried(1), 1, Again.NEXT),
    (TLSFailed, b"POST", USUAL, "safe", Tried(2), 1, Again.NO),
    (ConnectFailed, b"GET", NONE, "any", Tried(1), 2, Again.NO),
    # An idle connection was closed as we sent: the same server once more, which counts as no try.
    (ConnectionReset, b"GET", USUAL, "safe", Tried(1, reused=True), 2, Again.FRESH),
    (EmptyResponse, b"GET", USUAL, "safe", Tried(1, reused=True), 2, Again.FRESH),
    (ConnectionReset, b"GET", NONE, "safe", Tried(1, reused=True), 0, Again.FRESH),
    (EmptyResponse, b"PUT", USUAL, "safe", Tried(3, reused=True), 2, Again.FRESH),
    (ConnectionReset, b"POST", USUAL, "safe", Tried(1, reused=True), 2, Again.NO),
    (ConnectionReset, b"POST", USUAL, "any", Tried(1, reused=True), 2, Again.FRESH),
    (ConnectionReset, b"PUT", USUAL, "any", Tried(1, reused=True, is_at_hand=False), 2, Again.NO),
    # A fresh connection was closed: the server may have acted on what it got.
    (ConnectionReset, b"GET", USUAL, "safe", Tried(1), 2, Again.NEXT),
    (EmptyResponse, b"GET", USUAL, "safe", Tried(1), 2, Again.NEXT),
    (ConnectionReset, b"DELETE", USUAL, "safe", Tried(2), 2, Again.NO),
    (ConnectionReset, b"DELETE", USUAL, "idempotent", Tried(2), 2, Again.NEXT),
    (ConnectionReset, b"GET", USUAL, "safe", Tried(3), 2, Again.NO),
    (ConnectionReset, b"GET", USUAL, "safe", Tried(1), 0, Again.NO),
    (ConnectionReset, b"POST", USUAL, "idempotent", Tried(1), 2, Again.NO),
    (ConnectionReset, b"POST", USUAL, "any", Tried(1), 2, Again.NEXT),
    (ConnectionReset, b"POST", USUAL, "any", Tried(1, is_at_hand=False), 2, Again.NO),
    (ConnectionReset, b"GET", RetryOn(("connect", "empty")), "safe", Tried(1), 2, Again.NO),
    (EmptyResponse, b"GET", RetryOn(("connect", "reset")), "safe", Tried(1), 2, Again.NO),
    # No answer in time: only where that is wanted.
    (ResponseTimeout, b"GET", USUAL, "safe", Tried(1), 2, Again.NO),
    (ResponseTimeout, b"GET", ALL, "safe", Tried(1), 2, Again.NEXT),
    (ResponseTimeout, b"POST", ALL, "safe", Tried(1), 2, Again.NO),
    (ResponseTimeout, b"GET", ALL, "safe", Tried(1, reused=True), 2, Again.NEXT),
    # Octets of a response came, or nobody waits for the answer: never again.
    (IncompleteResponse, b"GET", ALL, "any", Tried(1), 2, Again.NO),
    (BadResponse, b"GET", ALL, "any", Tried(1, reused=True), 2, Again.NO),
    (ClientAbort, b"GET", ALL, "any", Tried(1), 2, Again.NO),
)


class ErrorTests(SynchronousTestCase):
    """The decision after a try that brought no response."""

    def test_cases(self) -> None:
        """Each failure is answered, tried over a fresh connection, or tried elsewhere."""
        for error, method, retry_on, methods, tried, retries, expected in CASES:
            rules = Rules(retries, retry_on, (methods,))
            decision = rules.after_error(error("x"), request(method), tried)
            self.assertIs(decision, expected, f"{error.__name__} {method!r} {retry_on} {methods} {tried} {retries}")

    def test_what_was_sent_is_not_repeated(self) -> None:
        """Once something was sent, only methods that mean the same twice are sent twice, unless others are named."""
        for error in (ConnectionReset, EmptyResponse, IncompleteResponse, BadResponse, ResponseTimeout):
            for method in set(METHODS) - IDEMPOTENT:
                for reused in (True, False):
                    decision = Rules(9, ALL, ("idempotent",)).after_error(error("x"), request(method), Tried(1, reused))
                    self.assertIs(decision, Again.NO, f"{error.__name__} {method!r}")

    def test_tries_end(self) -> None:
        """With every server failing, a request is tried `retries` times more than once, and no more."""
        for error in ERRORS:
            for retries in range(4):
                rules, tries = Rules(retries, ALL, ("any",)), 1
                while rules.after_error(error("x"), request(b"GET"), Tried(tries)) is Again.NEXT:
                    tries += 1
                self.assertLessEqual(tries, retries + 1, error.__name__)

    def test_conditions(self) -> None:
        """Each failure has one name, and what comes from the middle of a response has none."""
        names = {error.__name__: condition_of(error("x")) for error in ERRORS}
        self.assertEqual(
            names,
            {
                "ConnectFailed": "connect",
                "ConnectTimeout": "connect",
                "NameNotResolved": "connect",
                "TLSFailed": "connect",
                "ConnectionReset": "reset",
                "EmptyResponse": "empty",
                "ResponseTimeout": "timeout",
                "IncompleteResponse": "",
                "BadResponse": "",
                "ClientAbort": "",
            },
        )
        self.assertLessEqual(set(names.values()) - {""}, set(RETRY_REASONS))


class StatusTests(SynchronousTestCase):
    """The decision after a response."""

    def test_cases(self) -> None:
        """A listed status is reason for another try if the request may be repeated and tries are left."""
        for status, method, tried, retries, expected in (
            (502, b"GET", Tried(1), 2, True),
            (503, b"GET", Tried(2), 2, True),
            (504, b"GET", Tried(3), 2, False),
            (503, b"GET", Tried(1), 0, False),
            (503, b"POST", Tried(1), 2, False),
            (503, b"GET", Tried(1, is_at_hand=False), 2, False),
            (500, b"GET", Tried(1), 2, False),
            (200, b"GET", Tried(1), 2, False),
        ):
            decision = Rules(retries, ALL, ("safe",)).after_status(status, request(method), tried)
            self.assertIs(decision, expected, f"{status} {method!r} {tried} {retries}")

    def test_none_is_looked_for(self) -> None:
        """By default, and without retries, no response is held up for its status."""
        self.assertEqual(rules_of(BackendOptions()).statuses, frozenset())
        self.assertEqual(rules_of(BackendOptions(retries=0, retry_on=ALL)).statuses, frozenset())
        self.assertEqual(rules_of(BackendOptions(retry_on=ALL)).statuses, {502, 503, 504})


class MethodTests(SynchronousTestCase):
    """Which requests may be sent a second time."""

    def test_sets(self) -> None:
        """The sets are those of RFC 9110, or what is listed; methods are case-sensitive."""
        for words, expected in (
            (("safe",), SAFE),
            (("idempotent",), IDEMPOTENT),
            (("any",), set(METHODS)),
            (("GET", "QUERY"), {b"GET", b"QUERY"}),
        ):
            rules = Rules(2, USUAL, words)
            self.assertEqual({method for method in METHODS if rules.repeats(method)}, expected)

    def test_what_is_worth_keeping(self) -> None:
        """Content is kept for methods that may be repeated, and for those that may be over a fresh connection."""
        everything = set(METHODS)
        for methods, retries, reused, expected in (
            ("safe", 2, False, SAFE),
            ("safe", 2, True, IDEMPOTENT),
            ("safe", 0, False, set()),
            ("safe", 0, True, IDEMPOTENT),
            ("any", 2, False, everything),
            ("any", 0, False, set()),
            ("any", 0, True, everything),
        ):
            rules = Rules(retries, USUAL, (methods,))
            kept = {method for method in METHODS if rules.may_replay(method, reused=reused)}
            self.assertEqual(kept, expected, f"{methods} {retries} {reused}")


class WaitTests(SynchronousTestCase):
    """The time before a further try."""

    def test_elsewhere(self) -> None:
        """On other servers the first try is made at once, then the longest wait is 1, 3, 7, … times the base."""
        waits = [longest_wait(n, 0.025, 0.25, is_elsewhere=True) for n in range(1, 7)]
        self.assertEqual([round(wait, 6) for wait in waits], [0.0, 0.025, 0.075, 0.175, 0.25, 0.25])

    def test_the_same_server(self) -> None:
        """A server that has failed the request is left alone for a while, as by Envoy: 1, 3, 7, … times the base."""
        waits = [longest_wait(n, 0.025, 0.25, is_elsewhere=False) for n in (1, 2, 3, 4, 99)]
        self.assertEqual([round(wait, 6) for wait in waits], [0.025, 0.075, 0.175, 0.25, 0.25])

    def test_none(self) -> None:
        """Without a base there is no wait."""
        self.assertEqual({longest_wait(n, 0.0, 0.25, is_elsewhere=False) for n in range(1, 100)}, {0.0})
