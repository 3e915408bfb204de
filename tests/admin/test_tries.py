"""What would be tried again, in words."""

from dataclasses import replace
from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.admin.controlled import make_backend
from tests.balancing.choosing import an_exchange
from twisted_relay.admin.json_input import JSON
from twisted_relay.admin.tries import FAILURES, describe_tries
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import BudgetSpec, RetryOn

OPTIONS = BackendOptions(name="app", retries=1)


class TriesTests(SynchronousTestCase):
    """`describe_tries`."""

    def retries(self, method: bytes, options: BackendOptions = OPTIONS, length: int | None = 0) -> JSON:
        exchange = an_exchange()
        exchange.request.method = method
        exchange.request.length = length
        return cast(JSON, describe_tries(make_backend(Clock(), options), exchange)["retries"])

    def test_methods(self) -> None:
        """A GET is tried again also after it was sent; a POST only before, unless the options allow more."""
        reset, refused = "it resets the connection before it answers", "it cannot be connected to"
        for method, options, after in (
            (b"GET", OPTIONS, (refused, reset)),
            (b"POST", OPTIONS, (refused,)),
            (b"POST", replace(OPTIONS, retry_methods=("any",)), (refused, reset)),
            (b"GET", replace(OPTIONS, retry_on=RetryOn()), ()),
        ):
            said = cast("list[str]", self.retries(method, options)["after"])
            self.assertEqual([each for each in (refused, reset) if each in said], list(after), (method, options))

    def test_content(self) -> None:
        """What is too large to be kept is not tried again once it was sent."""
        options = replace(OPTIONS, retry_methods=("any",), retry_buffer=10)
        for length, again in ((0, True), (10, True), (None, True), (11, False)):
            said = cast("list[str]", self.retries(b"PUT", options, length)["after"])
            self.assertEqual("it closes the connection without an answer" in said, again, length)
            self.assertIn("it cannot be connected to", said)

    def test_every_failure_is_decided(self) -> None:
        """Each failure is in one of the two lists; without retries all are in the second."""
        for retries, method in ((1, b"GET"), (1, b"POST"), (0, b"GET")):
            said = self.retries(method, replace(OPTIONS, retries=retries))
            after, not_after = cast("list[str]", said["after"]), cast("list[str]", said["not_after"])
            self.assertEqual(sorted([*after, *not_after]), sorted(FAILURES))
            self.assertEqual((said["most"], bool(after)), (retries, bool(retries)))

    def test_statuses(self) -> None:
        """The status codes are listed that another try is made for, if the method allows it."""
        options = replace(OPTIONS, retry_on=RetryOn((), ((502, 504),)))
        self.assertEqual(self.retries(b"GET", options)["statuses"], [502, 503, 504])
        self.assertEqual(self.retries(b"POST", options)["statuses"], [])

    def test_budget(self) -> None:
        """The budget as it is written, what is left of it, and what is under way; asking takes nothing out."""
        options = replace(OPTIONS, retry_budget=BudgetSpec(0.2, 1.0))
        backend = make_backend(Clock(), options)
        assert backend.budget is not None
        backend.budget.withdraw(0.0, lambda: 1)
        backend.budget.active += 1
        for _ in range(2):
            said = cast(JSON, describe_tries(backend, an_exchange())["retries"])
            self.assertEqual(said["budget"], {"option": "20% min=1/s", "left": 9, "active": 1})
        self.assertIsNone(self.retries(b"GET", replace(OPTIONS, retry_budget=None))["budget"])

    def test_hedges(self) -> None:
        """A request without content is asked twice after the usual time of its route, once that is known."""
        backend = make_backend(Clock(), replace(OPTIONS, hedge=True))
        exchange = an_exchange()
        exchange.route = "api"
        self.assertEqual(describe_tries(backend, exchange)["hedge"], {"applies": True, "after": None})
        assert backend.hedging is not None
        for _ in range(200):
            backend.hedging.answered("api", 0.0, 0.5)
        after = cast(JSON, describe_tries(backend, exchange)["hedge"])["after"]
        assert isinstance(after, float)
        self.assertTrue(0.4 < after < 0.6, after)
        exchange.request.method = b"POST"
        self.assertEqual(describe_tries(backend, exchange)["hedge"], {"applies": False, "after": None})
        self.assertIsNone(describe_tries(make_backend(Clock(), OPTIONS), exchange)["hedge"])

    def test_times(self) -> None:
        """The times are those of the backend, in seconds."""
        times = describe_tries(make_backend(Clock(), replace(OPTIONS, connect_timeout=1.5)), an_exchange())["times"]
        self.assertEqual(cast(JSON, times)["connect_timeout"], 1.5)
