"""A few threads for hashing, and a line before them that is not endless. They are not the reactor's own threads, which
others wait for.

What is asked for while all of them work waits in order; when too many wait, more is refused at once: a flood of wrong
passwords must not grow in memory, nor let everybody wait for it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from twisted_relay.errors import AuthenticationBusy, ShuttingDown

THREADS = 2
MOST_WAITING = 100

T = TypeVar("T")


@dataclass(slots=True)
class _Job(Generic[T]):
    """Something to do, and who waits for it."""

    function: Callable[[], T]
    done: "Deferred[T]"


class HashingThreads:
    """Runs functions that take long; everything here is called in the reactor's thread."""

    def __init__(self, reactor: Any, threads: int = THREADS, most_waiting: int = MOST_WAITING) -> None:
        """`reactor` brings results back with `callFromThread`."""
        self._reactor = reactor
        self._most_running = threads
        self._most_waiting = most_waiting
        self._pool: ThreadPool | None = None
        self._running = 0
        self._is_stopped = False
        self._waiting: deque[_Job[Any]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return len(self._waiting)

    def run(self, function: Callable[[], T]) -> "Deferred[T]":
        """The result of a function that runs in a thread; raises `AuthenticationBusy` or `ShuttingDown`.

        Cancelled, it does not run any more, or its result is dropped.
        """
        if self._is_stopped:
            raise ShuttingDown("hashing has been stopped")
        if self._running >= self._most_running and len(self._waiting) >= self._most_waiting:
            raise AuthenticationBusy("too many passwords wait to be hashed")
        job: _Job[T] = _Job(function, Deferred(lambda _: self._withdraw(job)))
        if self._running < self._most_running:
            self._start(job)
        else:
            self._waiting.append(job)
        return job.done

    def stop(self) -> None:
        """Drop who waits, and end the threads; returns when what they do now is done."""
        self._is_stopped = True
        waiting, self._waiting = self._waiting, deque()
        for job in waiting:
            job.done.errback(Failure(ShuttingDown("hashing has been stopped")))
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()

    def _withdraw(self, job: _Job[Any]) -> None:
        if job in self._waiting:
            self._waiting.remove(job)

    def _start(self, job: _Job[Any]) -> None:
        if self._pool is None:
            self._pool = ThreadPool(minthreads=0, maxthreads=self._most_running, name="relay-hashing")
            self._pool.start()
        self._running += 1
        self._pool.callInThreadWithCallback(
            lambda success, result: self._reactor.callFromThread(self._finished, job, success, result), job.function
        )

    def _finished(self, job: _Job[Any], success: bool, result: Any) -> None:
        self._running -= 1
        if self._waiting and not self._is_stopped:
            self._start(self._waiting.popleft())
        if job.done.called:
            return
        if success:
            job.done.callback(result)
        else:
            job.done.errback(result)
