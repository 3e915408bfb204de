"""An access log: an observer that makes a line of each exchange, and writes at least once a second."""

from collections.abc import Callable
from time import time

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_relay.access_log.lines import FORMATS
from twisted_relay.access_log.sink import LineSink
from twisted_relay.config.tree import LogOptions
from twisted_relay.exchange import Exchange

INTERVAL = 1.0
"""Seconds that a line waits at most."""


class AccessLog:
    """One [log:] section; several listeners may share it. `wall` is the time of day in seconds since 1970."""

    _log = Logger(namespace="twisted_relay.access_log")

    def __init__(self, options: LogOptions, clock: IReactorTime, wall: Callable[[], float] = time) -> None:
        self.name = options.name
        self._line = FORMATS[options.format]
        self._sink = LineSink(options.name, options.to, self._log.warn)
        self._wall = wall
        self._loop = LoopingCall(self._sink.flush)
        self._loop.clock = clock

    @property
    def dropped(self) -> int:
        """Lines that could not be written."""
        return self._sink.dropped

    def __call__(self, exchange: Exchange) -> None:
        """Log an exchange that is finished."""
        self._sink.write(self._line(exchange, self._wall()))

    def open(self) -> None:
        """Open the target and begin to write; raises `ConfigurationError`."""
        self._sink.open()
        self._loop.start(INTERVAL, now=False)

    def reopen(self) -> None:
        """Open the target again: its file was renamed."""
        self._sink.reopen()

    def close(self) -> None:
        """Write what is left and close."""
        if self._loop.running:
            self._loop.stop()
        self._sink.close()
