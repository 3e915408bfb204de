"""The circuit breaker as clients and servers meet it."""

import errno
from dataclasses import replace

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, Conversation, Party, get, head, ok, post, servers
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import BreakerSpec

OPTIONS = replace(
    BACKEND, breaker=BreakerSpec(0.5, 10.0, requests=4), breaker_open=10.0, breaker_recovery=20.0, eject_after=None
)
FAILED = head("HTTP/1.1 503 Service Unavailable", "Content-Length: 0")


class Guarded(Conversation):
    """A backend with a breaker that opens when half of four requests or more have failed within 10 s, for 10 s."""

    def __init__(self, case: SynchronousTestCase, backend: BackendOptions = OPTIONS) -> None:
        super().__init__(case, backend=backend)
        self.asker = self.client()
        self._server: Party | None = None

    def asks(self, answer: bytes) -> bytes:
        """One request, answered like this; what the client gets."""
        self.asker.sends(get())
        if self.network.waiting:
            self._server = self.accepts()
        assert self._server is not None
        if self._server.taken():
            self._server.sends(answer)
        return self.asker.taken()

    @property
    def state(self) -> str:
        assert self.backend.breaker is not None
        return self.backend.breaker.state

    @property
    def counted(self) -> tuple[int, int]:
        """Requests and failures in the window."""
        assert self.backend.breaker is not None
        window = self.backend.breaker.circuit.window
        return window.requests, window.failures


class BreakerTests(SynchronousTestCase):
    """What it does to requests."""

    def test_open(self) -> None:
        """Once open it answers 503 itself, and says when to come back and whose fault it is; no server is asked."""
        talk = Guarded(self)
        for _ in range(4):
            self.assertEqual(talk.asks(FAILED), FAILED)
        self.assertEqual(talk.state, "open")
        talk.waits(2.5)
        talk.asker.sends(get())
        talk.asker.sees_answer(
            "HTTP/1.1 503 Service Unavailable", "Retry-After: 8", "Proxy-Status: relay; error=destination_unavailable"
        )
        assert talk.backend.breaker and talk.last().error
        self.assertEqual((talk.last().tries, talk.last().backend, talk.backend.breaker.rejected), (0, "app", 1))
        self.assertEqual(
            str(talk.last().error), "the breaker of [backend:app] is open: 4 of 4 requests within 10 s have failed"
        )
        talk.is_over()

    def test_recovery(self) -> None:
        """After its time one request is let in, then a rising part, then all; each change is a line of the log."""
        with capturedLogs() as events:
            talk = Guarded(self)
            for answer in (ok(), FAILED, ok(), FAILED):
                talk.asks(answer)
            talk.waits(10)
            self.assertEqual([talk.asks(ok()) == ok() for _ in range(9)], [True] + [False] * 8)
            talk.waits(10)
            self.assertEqual([talk.asks(ok()) == ok() for _ in range(8)], [False, True] * 4)
            talk.waits(10)
            self.assertEqual([talk.asks(ok()) == ok() for _ in range(9)], [True] * 9)
        self.assertEqual(talk.state, "closed")
        self.assertEqual(
            [formatEvent(event) for event in events if "breaker" in str(event.get("log_format"))],
            [
                "breaker of backend app is open for 10 s: 2 of 4 requests within 10 s have failed",
                "breaker of backend app is half-open: more and more requests are let in for 20 s",
                "breaker of backend app is closed: the servers have recovered",
            ],
        )
        talk.is_over()

    def test_trips_again(self) -> None:
        """Failures while it recovers open it again."""
        talk = Guarded(self, replace(OPTIONS, breaker=BreakerSpec(0.5, 10.0, requests=1)))
        talk.asks(FAILED)
        talk.waits(10)
        self.assertEqual(talk.asks(FAILED), FAILED)
        self.assertEqual(talk.state, "open")
        assert talk.backend.breaker
        self.assertEqual(talk.backend.breaker.opened, 2)
        talk.is_over()

    def test_what_counts(self) -> None:
        """A response of the listed statuses is a failure, any other is not."""
        for status, failures in ((200, 0), (302, 0), (404, 0), (429, 0), (500, 1), (501, 0), (502, 1), (504, 1)):
            talk = Guarded(self)
            talk.asks(head(f"HTTP/1.1 {status} X", "Content-Length: 0"))
            self.assertEqual(talk.counted, (1, failures), status)
            talk.is_over()

    def test_slow(self) -> None:
        """With `slow`, a response that lets wait for longer is a failure, whatever it says."""
        talk = Guarded(self, replace(OPTIONS, breaker=BreakerSpec(0.5, 10.0, slow=1.0)))
        for seconds, counted in ((1.0, (1, 0)), (1.5, (2, 1))):
            talk.asker.sends(get())
            server = talk.accepts()
            talk.waits(seconds)
            server.sends(ok(b"", "Connection: close"))
            self.assertEqual(talk.counted, counted)
        talk.is_over()

    def test_no_response(self) -> None:
        """Servers that cannot be reached, do not answer or answer nonsense have failed."""
        talk = Guarded(self, replace(OPTIONS, response_timeout=5.0, retries=0))
        talk.asker.sends(get())
        talk.refuses(errno.ECONNREFUSED)
        self.assertEqual(talk.counted, (1, 1))
        talk.asker.sends(post(b"x"))
        talk.accepts().closes()
        self.assertEqual(talk.counted, (2, 2))
        talk.asker.sends(get())
        talk.accepts().sends(b"nonsense\r\n\r\n")
        self.assertEqual(talk.counted, (3, 3))
        talk.asker.sends(get())
        talk.accepts()
        talk.waits(6)
        self.assertEqual(talk.state, "open")
        talk.is_over()

    def test_the_last_try_counts(self) -> None:
        """A request that failed at one server and was answered by the next has not failed."""
        talk = Guarded(self, replace(OPTIONS, servers=servers(2)))
        talk.asker.sends(get())
        talk.refuses(errno.ECONNREFUSED)
        talk.accepts("10.0.0.2").sends(ok())
        self.assertEqual(talk.counted, (1, 0))
        talk.is_over()

    def test_broken_response(self) -> None:
        """A response that breaks off has failed, and is one request."""
        talk = Guarded(self)
        talk.asker.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 10"))
        self.assertEqual(talk.counted, (1, 0))
        server.closes()
        self.assertEqual(talk.counted, (1, 1))
        talk.is_over()

    def test_what_says_nothing(self) -> None:
        """No usable server and full queues are no failures of the backend."""
        talk = Guarded(self, replace(OPTIONS, max_connections_per_server=1, queue_length=1, queue_timeout=3.0))
        running, waiting, third = talk.client(), talk.client(), talk.client()
        running.sends(get())
        waiting.sends(get())
        third.sends(get())
        third.sees_answer("HTTP/1.1 503 Service Unavailable", "Retry-After: 5")
        talk.waits(4)
        waiting.sees_answer("HTTP/1.1 503 Service Unavailable", "Retry-After: 5")
        running.aborts()
        talk.server().set_down("test")
        third.sends(get())
        third.sees_answer("HTTP/1.1 503 Service Unavailable", "Retry-After: 5")
        self.assertEqual(talk.counted, (0, 0))
        talk.is_over()

    def test_off(self) -> None:
        """Without the option there is none."""
        talk = Conversation(self)
        self.assertIsNone(talk.backend.breaker)
        talk.is_over()
