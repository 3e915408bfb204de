"""Filters in a row: their order, what they may wait for, and what becomes of errors and of clients that leave."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import BadResponse, NoServer, RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.filters.chain import chain
from twisted_relay.filters.filter import Filter, Proceed
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer, Answered, Request, Response
from twisted_relay.http.stream import Flow, Sink, Stream


class Source:
    """Where content comes from; remembers whether it was told to stop."""

    def __init__(self) -> None:
        self.cancelled = 0

    def pause(self) -> None: ...
    def resume(self) -> None: ...

    def cancel(self) -> None:
        self.cancelled += 1

    def splice(self, sink: Sink) -> Flow | None:
        return None


class Tunnelled:
    """The server's side of an upgraded connection."""

    def __init__(self) -> None:
        self.transport: object = self
        self.early = b""
        self.idle_timeout = 1.0
        self.ends_at = 1e9
        self.aborted = self.ended = 0

    def abortConnection(self) -> None:
        self.aborted += 1

    def closed(self) -> None:
        self.ended += 1


def an_exchange() -> Exchange:
    """A GET from a client."""
    request = Request(b"GET", b"/", Fields())
    return Exchange(request, Origin("192.0.2.1", b"http", 80, b""), 1.0)


def a_response(status: int = 200) -> Response:
    """A response without content."""
    return Response(status, b"", Fields())


def at_once(answer: Answer) -> Destination:
    """A destination that has its answer ready."""
    return lambda exchange, answered: answered(answer)


class Later:
    """A destination that answers when the test says so."""

    def __init__(self) -> None:
        self.answered: list[Answered] = []
        self.cancelled = 0

    def __call__(self, exchange: Exchange, answered: Answered) -> None:
        self.answered.append(answered)
        exchange.cancel = self.cancel

    def cancel(self) -> None:
        self.cancelled += 1


class ChainTests(SynchronousTestCase):
    """What a chain does with its filters."""

    def setUp(self) -> None:
        """An exchange, and a list for its answers."""
        self.exchange = an_exchange()
        self.answers: list[Answer] = []
        self.trace: list[str] = []

    def run_chain(self, destination: Destination, *filters: Filter) -> None:
        """Send the exchange through."""
        chain(filters, destination)(self.exchange, self.answers.append)

    def tracing(self, name: str) -> Filter:
        """A filter that says when it is passed."""

        async def step(exchange: Exchange, proceed: Proceed) -> Response:
            self.trace.append(f"{name} in")
            response = await proceed(exchange)
            self.trace.append(f"{name} out")
            return response

        return step

    def test_no_filters(self) -> None:
        """Without filters the destination itself is called."""
        destination = at_once(a_response())
        self.assertIs(chain([], destination), destination)

    def test_order(self) -> None:
        """The first filter is the outermost: first on the way in, last on the way out."""
        response = a_response()
        for later in (False, True):
            self.setUp()
            destination = Later()
            self.run_chain(destination if later else at_once(response), self.tracing("a"), self.tracing("b"))
            if later:
                self.assertEqual(self.answers, [])
                destination.answered[0](response)
            self.assertEqual(self.trace, ["a in", "b in", "b out", "a out"])
            self.assertEqual(self.answers, [response])

    def test_answer_without_going_on(self) -> None:
        """A filter may answer by itself; what is behind it never hears of the exchange."""
        own = a_response(403)

        async def refuse(exchange: Exchange, proceed: Proceed) -> Response:
            return own

        self.run_chain(Later(), self.tracing("a"), refuse, self.tracing("b"))
        self.assertEqual(self.trace, ["a in", "a out"])
        self.assertEqual(self.answers, [own])

    def test_error_of_the_destination(self) -> None:
        """The error comes out of `proceed`; a filter may let it pass or answer instead."""
        instead = a_response(200)

        async def catch(exchange: Exchange, proceed: Proceed) -> Response:
            try:
                return await proceed(exchange)
            except NoServer:
                return instead

        error = NoServer("none")
        self.run_chain(at_once(error), self.tracing("a"))
        self.run_chain(at_once(error), catch)
        self.assertEqual(self.answers, [error, instead])

    def test_error_of_a_filter(self) -> None:
        """A `RelayError` is the answer; anything else is logged and answered 500, without a word of it."""

        async def refuse(exchange: Exchange, proceed: Proceed) -> Response:
            raise BadResponse("said so")

        async def fail(exchange: Exchange, proceed: Proceed) -> Response:
            raise KeyError("secret")

        self.run_chain(at_once(a_response()), refuse)
        self.run_chain(at_once(a_response()), fail)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual([type(answer) for answer in self.answers], [BadResponse, RelayError])
        error = self.answers[1]
        assert isinstance(error, RelayError)
        self.assertEqual((error.status, "secret" in error.explanation), (500, False))

    def test_waiting_for_a_deferred(self) -> None:
        """A filter may wait for a Deferred, before and after the destination; its failure comes as an exception."""
        before: Deferred[str] = Deferred()
        after: Deferred[str] = Deferred()

        async def wait(exchange: Exchange, proceed: Proceed) -> Response:
            self.trace.append(await before)
            response = await proceed(exchange)
            try:
                await after
            except ZeroDivisionError:
                self.trace.append("failed")
            return response

        self.run_chain(at_once(a_response()), wait)
        before.callback("one")
        self.assertEqual((self.trace, self.answers), (["one"], []))
        after.errback(ZeroDivisionError())
        self.assertEqual((self.trace, len(self.answers)), (["one", "failed"], 1))

    def test_a_deferred_that_has_fired(self) -> None:
        """It makes no difference that nothing is to be waited for."""

        async def wait(exchange: Exchange, proceed: Proceed) -> Response:
            done: Deferred[None] = Deferred()
            done.callback(None)
            await done
            return await proceed(exchange)

        self.run_chain(at_once(a_response()), wait, wait)
        self.assertEqual(len(self.answers), 1)

    def test_cancel_while_the_destination_works(self) -> None:
        """The destination is told; the filters end without an answer, and what they hold they can give back."""

        async def holding(exchange: Exchange, proceed: Proceed) -> Response:
            try:
                return await proceed(exchange)
            finally:
                self.trace.append("given back")

        destination = Later()
        self.run_chain(destination, holding)
        self.exchange.abandon()
        self.assertEqual((destination.cancelled, self.answers, self.trace), (1, [], ["given back"]))

    def test_cancel_while_a_filter_waits(self) -> None:
        """The Deferred is cancelled, and the filter can give back what it holds; there is no answer."""
        cancelled: list[object] = []

        async def wait(exchange: Exchange, proceed: Proceed) -> Response:
            try:
                await Deferred(cancelled.append)
            except CancelledError:
                self.trace.append("given back")
                raise
            return await proceed(exchange)

        self.run_chain(at_once(a_response()), self.tracing("a"), wait)
        self.exchange.abandon()
        self.assertEqual((len(cancelled), self.trace, self.answers), (1, ["a in", "given back"], []))

    def test_cancel_after_the_wait(self) -> None:
        """What was waited for before is not cancelled any more; whoever works now is."""
        wait_for: Deferred[None] = Deferred()

        async def wait(exchange: Exchange, proceed: Proceed) -> Response:
            await wait_for
            return await proceed(exchange)

        destination = Later()
        self.run_chain(destination, wait)
        wait_for.callback(None)
        self.exchange.abandon()
        self.assertEqual(destination.cancelled, 1)

    def test_a_response_that_is_not_passed_on_is_let_go(self) -> None:
        """When a filter drops, replaces or breaks a response whose content still comes, the server is told to stop."""
        waiting: list[Deferred[None]] = []

        async def replace(exchange: Exchange, proceed: Proceed) -> Response:
            await proceed(exchange)
            return a_response(404)

        async def fail(exchange: Exchange, proceed: Proceed) -> Response:
            await proceed(exchange)
            raise BadResponse("no")

        async def break_(exchange: Exchange, proceed: Proceed) -> Response:
            await proceed(exchange)
            raise KeyError

        async def wait(exchange: Exchange, proceed: Proceed) -> Response:
            response = await proceed(exchange)
            waiting.append(Deferred())
            await waiting[-1]
            return response

        for step in (replace, fail, break_, wait):
            for later in (False, True):
                self.setUp()
                source, tunnelled = Source(), Tunnelled()
                streaming, upgraded = a_response(), a_response(101)
                streaming.stream = Stream(source)
                upgraded.upgraded = tunnelled
                for response in (streaming, upgraded):
                    destination = Later()
                    self.run_chain(destination if later else at_once(response), step)
                    if later:
                        destination.answered[0](response)
                    self.exchange.abandon()
                self.flushLoggedErrors(KeyError)
                self.assertEqual(source.cancelled, 1, step)
                self.assertEqual((tunnelled.aborted, tunnelled.ended), (1, 1), step)

    def test_a_response_that_is_passed_on_is_left_alone(self) -> None:
        """Its content is the client's business."""
        source = Source()
        response = a_response()
        response.stream = Stream(source)
        self.run_chain(at_once(response), self.tracing("a"))
        self.assertEqual((self.answers, source.cancelled), ([response], 0))

    def test_waiting_for_something_else(self) -> None:
        """A filter that waits for what cannot be waited for here is a fault of ours, answered 500."""

        class Odd:
            def __await__(self) -> object:
                yield 7

        async def wait(exchange: Exchange, proceed: Proceed) -> Response:
            await Odd()  # type: ignore[misc]
            return await proceed(exchange)

        self.run_chain(at_once(a_response()), wait)
        self.flushLoggedErrors(TypeError)
        self.assertEqual([type(answer) for answer in self.answers], [RelayError])
