"""Content between a source and a sink: order, back-pressure, and the end."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import ClientAbort, RelayError
from twisted_relay.http.fields import Fields
from twisted_relay.http.stream import Flow, Sink, Stream, Toll


class FakeFlow:
    """Content that moves elsewhere."""

    moved = 7
    toll: Toll | None = None

    def __init__(self) -> None:
        self.went_on = 0

    def go_on(self) -> None:
        self.went_on += 1


class FakeToll:
    """A toll that is paid when a test says so."""

    room = 1000
    held = False

    def __init__(self) -> None:
        self.spent = 0
        self.closed = 0
        self.pays = True
        self.resume = lambda: None

    def spend(self, octets: int) -> bool:
        self.spent += octets
        self.held = not self.pays
        return self.pays

    def close(self) -> None:
        self.closed += 1

    def grant(self) -> None:
        """Let more come."""
        self.pays, self.held = True, False
        self.resume()


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
        self.flow = FakeFlow()
        return self.flow


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


class TollTests(SynchronousTestCase):
    """A stream whose content has to pay."""

    def setUp(self) -> None:
        self.source, self.sink, self.toll = FakeSource(), FakeSink(), FakeToll()
        self.stream = Stream(self.source)

    def begin(self) -> None:
        """The sink is there and pays."""
        self.stream.attach(self.sink)
        self.stream.limit(self.toll)

    def test_paid(self) -> None:
        """What is paid passes, and nobody is stopped; at the end the toll is closed."""
        self.begin()
        self.stream.write(b"abc")
        self.stream.end(b"de")
        self.assertEqual((self.toll.spent, self.toll.closed, self.source.asked), (5, 1, []))
        self.assertEqual(self.sink.given, [b"abc", ("end", b"de", None)])

    def test_not_paid(self) -> None:
        """What has come passes, the source waits, whatever room the sink has, and goes on when it may."""
        self.begin()
        self.toll.pays = False
        self.stream.write(b"abc")
        self.stream.resume()
        self.assertEqual((self.sink.given, self.source.asked), ([b"abc"], ["pause"]))
        self.toll.grant()
        self.assertEqual(self.source.asked, ["pause", "resume"])

    def test_both_must_agree(self) -> None:
        """A source that may go on waits for a sink that is full."""
        self.begin()
        self.toll.pays = False
        self.stream.write(b"abc")
        self.stream.pause()
        self.toll.grant()
        self.assertEqual(self.source.asked, ["pause", "pause"])
        self.stream.resume()
        self.assertEqual(self.source.asked, ["pause", "pause", "resume"])

    def test_before_there_is_a_sink(self) -> None:
        """What waits for its sink is paid too; the source goes on when there is one and it may."""
        self.stream.limit(self.toll)
        self.toll.pays = False
        self.stream.write(b"abc")
        self.stream.attach(self.sink)
        self.assertNotIn("resume", self.source.asked)
        self.toll.grant()
        self.assertEqual(self.source.asked[-1], "resume")

    def test_what_has_come_before(self) -> None:
        """What has come before there was a toll is paid, too."""
        self.stream.write(b"abc")
        self.toll.pays = False
        self.begin()
        self.assertEqual(self.toll.spent, 0)  # it went to the sink before
        self.stream = Stream(self.source)
        self.stream.write(b"abc")
        self.stream.limit(self.toll)
        self.stream.attach(self.sink)
        self.assertEqual((self.toll.spent, self.source.asked[-1]), (3, "pause"))

    def test_spliced(self) -> None:
        """What moves elsewhere takes the toll along, and is told when it may go on."""
        self.begin()
        self.assertIsNotNone(self.stream.splice())
        self.assertIs(self.source.flow.toll, self.toll)
        self.toll.grant()
        self.assertEqual(self.source.flow.went_on, 1)

    def test_ends(self) -> None:
        """Whatever ends the stream closes the toll; one that has ended needs none."""
        ends: list[Callable[[Stream], None]] = [Stream.cancel, lambda stream: stream.fail(ERROR), Stream.end]
        for end in ends:
            self.setUp()
            self.begin()
            end(self.stream)
            self.assertEqual(self.toll.closed, 1)
        late = FakeToll()
        self.stream.limit(late)
        self.assertEqual(late.closed, 1)
