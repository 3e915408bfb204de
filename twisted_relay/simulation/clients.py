"""Modelled clients: when they ask, for what, and how long they wait."""

import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from itertools import accumulate
from math import log

from twisted_relay.config.tree import BackendOptions
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer, Request, Response
from twisted_relay.simulation.clock import VirtualClock
from twisted_relay.simulation.measures import Tally
from twisted_relay.simulation.sections import ClientsOptions

AUTHORITY = b"relay.example"


class AnsweredTwice(Exception):
    """A request got a second answer: the relay is broken, not the scenario."""


class Visit(Exchange):
    """A request of a modelled client, until its end."""

    __slots__ = ("_clients", "_person")

    def __init__(self, request: Request, origin: Origin, clients: "Clients", person: int) -> None:
        super().__init__(request, origin, clients.clock.rightNow)
        self._clients = clients
        self._person = person

    def answered(self, answer: Answer) -> None:
        """The relay has an answer for the client."""
        if self.finished:
            raise AnsweredTwice(f"{self.request.method!r} at {self.started:g} s")
        clients = self._clients
        now = clients.clock.rightNow
        self.finish(now)
        tally = clients.tally
        tally.ended += 1
        tally.tries += self.tries
        tally.latencies.append(now - self.started)
        if isinstance(answer, RelayError):
            tally.failed(answer.reason)
            return
        if answer.status >= 500:
            tally.failed(f"status {answer.status}")
        if clients.keeps_cookies:
            clients.people.keep_cookie(self._person, answer)

    def left(self, now: float) -> None:
        """The client has waited long enough."""
        tally = self._clients.tally
        self.abandon()
        self.finish(now)
        tally.ended += 1
        tally.tries += self.tries
        tally.aborted += 1


class Clients:
    """The clients of one section. `tally` is where they count what they get; set by who runs them."""

    def __init__(
        self,
        options: ClientsOptions,
        clock: VirtualClock,
        destination: Destination,
        backend: BackendOptions,
        seed: str,
    ) -> None:
        self.options = options
        self.clock = clock
        self.tally = Tally()
        self.begun = 0
        """Requests so far."""
        self.destination = destination
        """Where their requests go."""
        self._random = random.Random(f"{seed}:{options.name}").random
        self.people = People(options, backend)
        self.keeps_cookies = backend.sticky is not None
        self._rate = 0.0
        self._generation = 0  # arrivals that were planned at another rate do not come
        self._patient: deque[Visit] = deque()

    def set_rate(self, rate: float) -> None:
        """From now on they ask at this rate, in requests per second."""
        if rate != self._rate:
            self._rate = rate
            self._generation += 1
            self._plan()

    def _plan(self) -> None:
        """The next arrival of a Poisson process."""
        if self._rate:
            self.clock.after(-log(1.0 - self._random()) / self._rate, self._arrive, self._generation)

    def _arrive(self, generation: int) -> None:
        if generation != self._generation:
            return
        self.clock.after(-log(1.0 - self._random()) / self._rate, self._arrive, generation)
        request, origin, person = self.people.next(self._random)
        visit = Visit(request, origin, self, person)
        self.begun += 1
        if self.options.patience:
            self._wait_for(visit)
        self.destination(visit, visit.answered)

    # -- patience -------------------------------------------------------------------------------------------------

    def _wait_for(self, visit: Visit) -> None:
        """All wait equally long, so they lose their patience in the order in which they came: one timer is enough."""
        if not self._patient:
            self.clock.after(self.options.patience, self._impatient, None)
        self._patient.append(visit)

    def _impatient(self, argument: object) -> None:
        now, patient = self.clock.rightNow, self._patient
        while patient and (patient[0].finished or patient[0].started + self.options.patience <= now):
            visit = patient.popleft()
            if not visit.finished:
                visit.left(now)
        if patient:
            self.clock.after(patient[0].started + self.options.patience - now, self._impatient, None)


class People:
    """Who the clients are: addresses and keys, drawn evenly or by Zipf's law, and the requests that they make."""

    def __init__(self, options: ClientsOptions, backend: BackendOptions) -> None:
        self._count = options.population
        self._balance = backend.balance
        self._is_sticky = backend.sticky is not None
        self._cookies: dict[int, bytes] = {}
        self._methods = [(method.encode("ascii"), share) for method, share in options.methods]
        self._method_bounds = list(accumulate(share for _, share in self._methods))
        weights = [1 / (number**options.zipf) for number in range(1, options.population + 1)] if options.zipf else []
        total = sum(weights)
        self._bounds = [each / total for each in accumulate(weights)]
        self._requests: dict[tuple[bytes, int], tuple[Request, Origin, int]] = {}

    def next(self, draw: Callable[[], float]) -> tuple[Request, Origin, int]:
        """The request of somebody, where it comes from, and the number of who it is.

        Requests are shared, since nobody changes them; only with sticky sessions cookies are taken off them.
        """
        if self._bounds:
            number = min(bisect_left(self._bounds, draw()), self._count - 1)
        else:
            number = int(draw() * self._count)
        method = self._methods[0][0]
        if len(self._methods) > 1:
            place = min(bisect_left(self._method_bounds, draw()), len(self._methods) - 1)
            method = self._methods[place][0]
        made = self._requests.get((method, number))
        if made is None or self._is_sticky:
            made = self._requests[method, number] = self._make(method, number)
        return made

    def keep_cookie(self, number: int, response: Response) -> None:
        """Somebody got this response, with a cookie or without."""
        cookie = response.fields.get(b"set-cookie")
        if cookie is not None:
            self._cookies[number] = cookie.partition(b";")[0]

    def _make(self, method: bytes, number: int) -> tuple[Request, Origin, int]:
        """A request that has the client's number wherever a policy may look for a key."""
        key = b"%d" % number
        name = (self._balance.key_name or "client").encode("latin-1")
        lines = [b"Host: " + AUTHORITY]
        if self._balance.key == "header":
            lines.append(name + b": " + key)
        elif self._balance.key == "cookie":
            lines.append(b"Cookie: " + name + b"=" + key)
        if number in self._cookies:
            lines.append(b"Cookie: " + self._cookies[number])
        request = Request(method, b"/" + key, Fields(lines))
        request.authority = request.host = AUTHORITY
        request.path = b"/" + key
        if self._balance.key == "query":
            request.query = name + b"=" + key
            request.target = request.path + b"?" + request.query
        address = f"10.{number & 255}.{number >> 8 & 255}.{number >> 16 & 255}"  # in different networks
        return request, Origin(address, b"http", 80, b""), number
