"""Content between a source and a sink: order, back-pressure, and the end."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import ClientAbort, RelayError
from twisted_relay.http.fields import Fields
from twisted_relay.http.stream import Flow, Sink, Stream


class FakeFlow:
    """Content that moves elsewhere."""

    moved = 7


class FakeSource:
    """Writes down what the stream asks of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def cancel(self) -> None:
        self.asked.append("cancel")

    def splice(self, sink: Sink) -> Flow | None:
        self.asked.append("splice")
        return FakeFlow()


class FakeSink:
    """Writes down what it is given."""

    def __init__(self) -> None:
        self.given: list[object] = []

    def write(self, data: bytes) -> None:
        self.given.append(data)

    def end(self, data: bytes, trailers: Fields | None) -> None:
        self.given.append(("end", data, trailers))

    def fail(self, error: RelayError) -> None:
        self.given.append(error)

    def spliceable(self) -> object | None:
        return None


ERROR = ClientAbort("gone")
TRAILERS = Fields([b"X: y"])


class StreamTests(SynchronousTestCase):
    """A stream and its two sides."""

    def setUp(self) -> None:
        """A stream whose sink is not there yet."""
        self.source = FakeSource()
        self.sink = FakeSink()
        self.stream = Stream(self.source)

    def test_passes_on(self) -> None:
        """What is written goes straight to the sink."""
        self.stream.attach(self.sink)
        self.stream.write(b"a")
        self.stream.write(b"b")
        self.stream.end(b"c", TRAILERS)
        self.assertEqual(self.sink.given, [b"a", b"b", ("end", b"c", TRAILERS)])
        self.assertEqual(self.source.asked, [])

    def test_waits_for_its_sink(self) -> None:
        """What comes before the sink is kept, and the source is asked to stop; then it is asked to go on."""
        self.stream.write(b"a")
        self.assertEqual(self.source.asked, ["pause"])
        self.stream.attach(self.sink)
        self.assertEqual(self.sink.given, [b"a"])
        self.assertEqual(self.source.asked, ["pause", "resume"])
        self.stream.end()
        self.assertEqual(self.sink.given, [b"a", ("end", b"", None)])

    def test_ended_before_its_sink(self) -> None:
        """Content that was complete early is complete for the sink too."""
        self.stream.write(b"a")
        self.stream.end(b"b", TRAILERS)
        self.stream.attach(self.sink)
        self.assertEqual(self.sink.given, [b"a", b"b", ("end", b"", TRAILERS)])
        self.assertEqual(self.source.asked, ["pause"])

    def test_failed_before_its_sink(self) -> None:
        """Content that broke early is never complete for the sink."""
        self.stream.write(b"a")
        self.stream.fail(ERROR)
        self.stream.attach(self.sink)
        self.assertEqual(self.sink.given, [b"a", ERROR])

    def test_fails(self) -> None:
        """The sink hears of it once, and of nothing after it."""
        self.stream.attach(self.sink)
        self.stream.fail(ERROR)
        self.stream.fail(ERROR)
        self.stream.end(b"x")
        self.stream.write(b"y")
        self.assertEqual(self.sink.given, [ERROR])

    def test_nothing_after_the_end(self) -> None:
        """Late calls from either side do nothing."""
        self.stream.attach(self.sink)
        self.stream.end()
        self.stream.write(b"x")
        self.stream.end(b"y")
        self.stream.fail(ERROR)
        self.stream.pause()
        self.stream.resume()
        self.stream.cancel()
        self.assertIsNone(self.stream.splice())
        self.assertEqual(self.sink.given, [("end", b"", None)])
        self.assertEqual(self.source.asked, [])

    def test_back_pressure(self) -> None:
        """The sink's wishes reach the source."""
        self.stream.attach(self.sink)
        self.stream.pause()
        self.stream.resume()
        self.assertEqual(self.source.asked, ["pause", "resume"])

    def test_cancelled(self) -> None:
        """The source is told once; whatever it still writes goes nowhere."""
        self.stream.write(b"a")
        self.stream.cancel()
        self.stream.cancel()
        self.stream.write(b"b")
        self.stream.end(b"c")
        self.stream.attach(self.sink)
        self.assertEqual(self.sink.given, [])
        self.assertEqual(self.source.asked, ["pause", "cancel"])

    def test_splice(self) -> None:
        """Only content that has a sink can flow by itself."""
        self.assertIsNone(self.stream.splice())
        self.stream.attach(self.sink)
        flow = self.stream.splice()
        assert flow is not None
        self.assertEqual(flow.moved, 7)
        self.assertEqual(self.source.asked, ["splice"])
