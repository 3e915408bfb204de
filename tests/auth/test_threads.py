"""Threads for hashing: bounded, in order, and gone at the end."""

import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.auth.threads import HashingThreads
from twisted_relay.errors import AuthenticationBusy, ShuttingDown


class _Inbox:
    """A reactor that keeps what threads bring back until it is asked to call it."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], Any]] = []
        self._arrived = threading.Semaphore(0)

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        """See `IReactorFromThreads`."""
        self._calls.append(lambda: function(*arguments))
        self._arrived.release()

    def take(self) -> None:
        """Wait for one result and bring it."""
        if not self._arrived.acquire(timeout=30):
            raise AssertionError("no thread has brought anything")
        self._calls.pop(0)()


class HashingThreadsTests(SynchronousTestCase):
    """`HashingThreads`, with one thread and two places to wait."""

    def setUp(self) -> None:
        """Nothing runs."""
        self.inbox = _Inbox()
        self.threads = HashingThreads(self.inbox, threads=1, most_waiting=2)
        self.gate = threading.Event()
        self.addCleanup(self.threads.stop)
        self.addCleanup(self.gate.set)

    def hold(self, result: str = "held") -> "Deferred[str]":
        """Something that takes until the gate opens."""

        def waiting() -> str:
            self.gate.wait(30)
            return result

        return self.threads.run(waiting)

    def test_in_a_thread(self) -> None:
        """The function runs in a thread of its own, its result comes back to the reactor's."""
        done = self.threads.run(threading.current_thread)
        self.assertNoResult(done)
        self.inbox.take()
        self.assertIsNot(self.successResultOf(done), threading.current_thread())

    def test_failure(self) -> None:
        """What it raises comes back as a failure."""
        done = self.threads.run(lambda: int("x"))
        self.inbox.take()
        self.failureResultOf(done, ValueError)

    def test_in_order_and_bounded(self) -> None:
        """More than can wait is refused at once; the others come in order."""
        order: list[str] = []
        for name in "abc":
            self.hold(name).addCallback(order.append)
        self.assertRaises(AuthenticationBusy, self.hold)
        self.assertEqual(self.threads.waiting, 2)
        self.gate.set()
        for _ in range(3):
            self.inbox.take()
        self.assertEqual((order, self.threads.waiting), (["a", "b", "c"], 0))

    def test_cancelled(self) -> None:
        """What waits gives its place back; what runs has its result dropped."""
        running, waiting = self.hold(), self.hold()
        for each in (running, waiting):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.assertEqual(self.threads.waiting, 0)
        last = self.hold("last")
        self.gate.set()
        self.inbox.take()
        self.inbox.take()
        self.assertEqual(self.successResultOf(last), "last")

    def test_stop(self) -> None:
        """What waits fails, nothing new is taken, and no thread is left."""
        before = threading.active_count()
        running, waiting = self.hold(), self.hold()
        self.gate.set()
        self.threads.stop()
        self.failureResultOf(waiting, ShuttingDown)
        self.assertRaises(ShuttingDown, self.hold)
        self.inbox.take()
        self.assertEqual(self.successResultOf(running), "held")
        self.assertEqual(threading.active_count(), before)
