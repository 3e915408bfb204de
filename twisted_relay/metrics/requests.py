"""Counts the finished exchanges of one listener. Runs for every request, so it only adds to plain numbers."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from twisted_relay.errors import RelayError, ServerError
from twisted_relay.exchange import Exchange
from twisted_relay.histogram import Histogram

METHODS = {
    name.encode("ascii"): name
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
}
"""Methods that have a series of their own (RFC 9110 §9, RFC 5789)."""
OTHER = "OTHER"
"""All other methods together: clients could make up any number of them."""
FIRST_CODES = (200, 500, 502, 503, 504)
"""Status codes that are shown before they happen: Prometheus sees no increase in a series that begins with 1."""

RequestKey = tuple[str, str, int]
"""(backend, method, status code)"""


class _Series:
    """The requests of one key, and the durations of its backend: both in one look-up."""

    __slots__ = ("count", "durations")

    def __init__(self, durations: Histogram) -> None:
        self.count = 0
        self.durations = durations


class RequestMetrics:
    """An observer: requests by backend, method and code, their durations, and why some failed."""

    __slots__ = ("_bounds", "_series", "bytes_sent", "durations", "errors", "listener")

    def __init__(self, listener: str, backends: Iterable[str], bounds: Sequence[float]) -> None:
        """`backends`: where requests of this listener may go; `bounds` are seconds."""
        self.listener = listener
        self.bytes_sent = 0
        self.durations: dict[str, Histogram] = {}
        """Seconds from first to last octet, by backend."""
        self.errors = dict.fromkeys(ERROR_REASONS, 0)
        self._series: dict[RequestKey, _Series] = {}
        self._bounds = tuple(bounds)
        for backend in ("", *backends):
            self._add_method(backend, "GET")

    @property
    def counts(self) -> dict[RequestKey, int]:
        """How many requests there were of each kind."""
        return {key: series.count for key, series in self._series.items()}

    def __call__(self, exchange: Exchange) -> None:
        """Count an exchange that is finished."""
        key = (exchange.backend, METHODS.get(exchange.request_line[0], OTHER), exchange.code)
        try:
            series = self._series[key]
        except KeyError:
            series = self._add(key)
        series.count += 1
        if exchange.code != 101:
            # `Histogram.observe`, written out: a call is a tenth of what this costs.
            durations = series.durations
            elapsed = exchange.finished - exchange.started
            durations.counts[bisect_left(durations.bounds, elapsed)] += 1
            durations.total += elapsed
        self.bytes_sent += exchange.bytes_sent
        if exchange.error is not None:
            self.errors[_REASONS.get(type(exchange.error), RelayError.reason)] += 1

    def _add(self, key: RequestKey) -> _Series:
        backend, method, _ = key
        if (backend, method, FIRST_CODES[0]) not in self._series:
            self._add_method(backend, method)
        return self._series.setdefault(key, _Series(self.durations[backend]))

    def _add_method(self, backend: str, method: str) -> None:
        durations = self.durations.setdefault(backend, Histogram(self._bounds))
        for code in FIRST_CODES:
            self._series.setdefault((backend, method, code), _Series(durations))


def error_reason(error: type[RelayError]) -> str:
    """The word for an error in metrics and logs: the same words on both sides, so a server's says whose it is."""
    return f"server_{error.reason}" if issubclass(error, ServerError) else error.reason


def _all_errors(root: type[RelayError]) -> Iterator[type[RelayError]]:
    yield root
    for error in root.__subclasses__():
        yield from _all_errors(error)


# Only those of `errors`, so that the words do not depend on what else is loaded.
_REASONS = {
    error: error_reason(error) for error in _all_errors(RelayError) if error.__module__ == RelayError.__module__
}
ERROR_REASONS = tuple(sorted(set(_REASONS.values())))
"""Every reason for which an exchange may fail."""
