"""Content that may have to be sent again."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import ClientAbort, RelayError
from twisted_relay.http.fields import Fields
from twisted_relay.http.stream import Flow, Sink, Stream
from twisted_relay.upstream.replay import Replay


class Client:
    """Where content comes from."""

    def __init__(self) -> None:
        self.stream = Stream(self)
        self.is_paused = False
        self.is_cancelled = False

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def splice(self, sink: Sink) -> Flow | None:
        return None


class Attempt:
    """A try, as the sink of the content."""

    def __init__(self, replay: Replay) -> None:
        self.got = b""
        self.has_ended = False
        self.trailers: Fields | None = None
        self.error: RelayError | None = None
        self.stream = replay.open()
        self.stream.attach(self)

    def write(self, data: bytes) -> None:
        self.got += data

    def end(self, data: bytes, trailers: Fields | None) -> None:
        self.got += data
        self.has_ended, self.trailers = True, trailers

    def fail(self, error: RelayError) -> None:
        self.error = error

    def spliceable(self) -> object | None:
        return None


class ReplayTests(SynchronousTestCase):
    """One request, several tries."""

    def test_once_more(self) -> None:
        """A second try gets what the first got, and then what comes."""
        client = Client()
        client.stream.write(b"one ")
        replay = Replay(client.stream, 100)
        first = Attempt(replay)
        client.stream.write(b"two ")
        first.stream.cancel()
        self.assertEqual((client.is_paused, client.is_cancelled), (False, False))
        second = Attempt(replay)
        self.assertFalse(client.is_paused)
        client.stream.write(b"three ")
        trailers = Fields([b"A: b"])
        client.stream.end(b"four", trailers)
        self.assertEqual((first.got, second.got), (b"one two ", b"one two three four"))
        self.assertIs(second.trailers, trailers)

    def test_complete(self) -> None:
        """Content that has come to its end is sent again from memory, with its trailers."""
        client = Client()
        replay = Replay(client.stream, 100)
        first = Attempt(replay)
        trailers = Fields([b"A: b"])
        client.stream.write(b"hello")
        client.stream.end(b"", trailers)
        self.assertTrue(first.has_ended)
        second = Attempt(replay)
        self.assertEqual((second.got, second.has_ended, second.trailers), (b"hello", True, trailers))

    def test_between_two_tries(self) -> None:
        """The client is listened to, so that it can leave, until it brings more; it goes on with the second try."""
        client = Client()
        replay = Replay(client.stream, 100)
        first = Attempt(replay)
        first.stream.pause()
        first.stream.cancel()
        self.assertFalse(client.is_paused)
        client.stream.write(b"x")
        self.assertTrue(client.is_paused)
        second = Attempt(replay)
        self.assertFalse(client.is_paused)
        client.stream.end(b"y")
        self.assertEqual(second.got, b"xy")

    def test_too_much(self) -> None:
        """Above the limit nothing is kept and nothing can be repeated, but the try goes on."""
        client = Client()
        replay = Replay(client.stream, 5)
        first = Attempt(replay)
        client.stream.write(b"12345")
        self.assertTrue(replay.can_repeat)
        client.stream.write(b"6")
        self.assertFalse(replay.can_repeat)
        client.stream.end(b"7")
        self.assertEqual(first.got, b"1234567")

    def test_too_much_and_cancelled(self) -> None:
        """When a try that cannot be repeated wants no more, the client hears of it."""
        client = Client()
        replay = Replay(client.stream, 1)
        first = Attempt(replay)
        client.stream.write(b"12")
        first.stream.cancel()
        self.assertTrue(client.is_cancelled)

    def test_too_much_between_two_tries(self) -> None:
        """What one read brings before the client waits is not lost; that try is the last."""
        client = Client()
        replay = Replay(client.stream, 5)
        Attempt(replay).stream.cancel()
        client.stream.write(b"123456789")
        self.assertTrue(replay.can_repeat)
        second = Attempt(replay)
        self.assertEqual(second.got, b"123456789")
        self.assertFalse(replay.can_repeat)

    def test_released_while_it_flows(self) -> None:
        """With an answer there nothing is kept any more; the rest of the content flows on."""
        client = Client()
        replay = Replay(client.stream, 100)
        first = Attempt(replay)
        client.stream.write(b"a")
        replay.release()
        self.assertEqual((replay.can_repeat, client.is_cancelled), (False, False))
        client.stream.write(b"b")
        self.assertEqual(first.got, b"ab")
        first.stream.cancel()
        self.assertTrue(client.is_cancelled)

    def test_released_between_two_tries(self) -> None:
        """When there is no further try the client need not wait any more."""
        client = Client()
        replay = Replay(client.stream, 100)
        Attempt(replay).stream.cancel()
        replay.release()
        self.assertTrue(client.is_cancelled)

    def test_released_after_the_end(self) -> None:
        """Content that is complete has nobody to be told."""
        client = Client()
        replay = Replay(client.stream, 100)
        Attempt(replay)
        client.stream.end(b"x")
        replay.release()
        self.assertFalse(client.is_cancelled)

    def test_the_client_fails(self) -> None:
        """A request that is never complete ends its try and is not repeated."""
        client = Client()
        replay = Replay(client.stream, 100)
        first = Attempt(replay)
        error = ClientAbort("gone")
        client.stream.fail(error)
        self.assertIs(first.error, error)
        self.assertFalse(replay.can_repeat)

    def test_back_pressure(self) -> None:
        """A try that is full makes the client wait."""
        client = Client()
        replay = Replay(client.stream, 100)
        first = Attempt(replay)
        first.stream.pause()
        self.assertTrue(client.is_paused)
        first.stream.resume()
        self.assertFalse(client.is_paused)

    @given(st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.none()), max_size=30), st.integers(0, 200))
    def test_any_order(self, events: list[bytes | None], room: int) -> None:
        """However content is cut and whenever tries fail (None), the last try gets all of it, in order, once."""
        client = Client()
        replay = Replay(client.stream, room)
        attempt, whole = Attempt(replay), b""
        for event in events:
            if event is not None:
                client.stream.write(event)
                whole += event
            elif replay.can_repeat:
                attempt.stream.cancel()
                attempt = Attempt(replay)
        client.stream.end()
        self.assertEqual((attempt.got, attempt.has_ended), (whole, True))
