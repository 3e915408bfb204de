"""Servers that fail several live requests in a row are taken out."""

from dataclasses import replace

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange
from tests.health.watched import OPTIONS, Group
from twisted_relay.config.values import EjectSpec
from twisted_relay.errors import (
    BadRequest,
    BadResponse,
    ClientAbort,
    ConnectFailed,
    ConnectionReset,
    RelayError,
    ResponseTimeout,
)
from twisted_relay.health.ejector import Ejector
from twisted_relay.health.passive import ErrorsInARow
from twisted_relay.http.message import Answer
from twisted_relay.upstream.delivery import forward_to
from twisted_relay.upstream.server import Server


class Ejection(Group):
    """A backend whose servers are ejected after 3 errors in 10 s, for 30 s."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names, options=replace(OPTIONS, eject_for=30.0))
        self.ejector = Ejector(self.backend)
        self.row = ErrorsInARow(self.backend, self.ejector, EjectSpec(3, 10.0))
        self.ejector.start()
        self.row.start()

    def tell(self, server: Server, outcome: RelayError | int, times: int = 1) -> None:
        """So many requests to a server end like this."""
        error, code = (None, outcome) if isinstance(outcome, int) else (outcome, 0)
        for _ in range(times):
            for observe in self.backend.observers:
                observe(server, error, code)

    @property
    def states(self) -> list[str]:
        """Of all servers, in file order."""
        return [server.state for server in self.servers]


RESET = ConnectionReset("the server closed the connection without a response")
#: What counts as a failure of the server, and what does not.
FAILURES: tuple[RelayError | int, ...] = (
    RESET,
    ConnectFailed("refused"),
    ResponseTimeout("no response in time"),
    BadResponse("x"),
    502,
    503,
    504,
)
NOT_ITS_FAULT: tuple[RelayError | int, ...] = (
    ClientAbort("x"),
    BadRequest("x"),
    RelayError("x"),
    200,
    101,
    302,
    404,
    429,
    500,
    501,
    505,
)


class EjectionTests(SynchronousTestCase):
    """Who is ejected, and for how long."""

    def test_failures(self) -> None:
        """Errors of the server and the answers of a broken gateway count, all together."""
        for outcome in FAILURES:
            group = Ejection("a", "b")
            group.tell(group.servers[0], outcome, 2)
            self.assertEqual(group.states, ["up", "up"], outcome)
            group.tell(group.servers[0], outcome)
            self.assertEqual(group.states, ["ejected", "up"], outcome)

    def test_live_requests(self) -> None:
        """A server that refuses connections is ejected by the requests that are given to it; none of them is lost."""
        group = Ejection("a", "b")
        answers: list[Answer] = []
        for _ in range(6):
            exchange = an_exchange()
            forward_to(group.backend)(exchange, answers.append)
            if exchange.server == "a":
                group.calls.made[-1].refuse(ConnectFailed("refused"))
            group.calls.made[-1].accept()
            group.calls.made[-1].send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.assertEqual(group.states, ["ejected", "up"])
        self.assertEqual([answer.status for answer in answers], [200] * 6)

    def test_clients_that_leave(self) -> None:
        """A request that its client gave up is no failure of the server, whatever it was waiting for."""
        group = Ejection("a", "b")
        for connected in (False, True) * 10:
            exchange = an_exchange()
            forward_to(group.backend)(exchange, self.fail)
            if connected:
                group.calls.made[-1].accept()
            exchange.abandon()
        self.assertEqual(group.states, ["up", "up"])
        self.assertEqual([server.active_requests for server in group.servers], [0, 0])

    def test_what_is_not_its_fault(self) -> None:
        """Clients that leave and answers that a healthy server gives are no failures."""
        for outcome in NOT_ITS_FAULT:
            group = Ejection("a", "b")
            group.tell(group.servers[0], outcome, 100)
            self.assertEqual(group.states, ["up", "up"], outcome)

    def test_a_good_response_forgives(self) -> None:
        """Failures count in a row and within the time: a rare bad answer of a busy server ejects nobody."""
        group = Ejection("a", "b")
        server = group.servers[0]
        for _ in range(20):
            group.tell(server, 503, 2)
            group.tell(server, 200)
        group.tell(server, 503, 2)
        group.clock.advance(11)
        group.tell(server, 503, 2)
        self.assertEqual(server.state, "up")
        group.tell(server, 503)
        self.assertEqual(server.state, "ejected")

    def test_each_server_for_itself(self) -> None:
        """The failures of one server do not count against another."""
        group = Ejection("a", "b", "c")
        for _ in range(2):
            for server in group.servers:
                group.tell(server, RESET)
        self.assertEqual(group.states, ["up", "up", "up"])

    def test_the_last_one_stays(self) -> None:
        """The last usable server is never ejected; it is when another is back and it still fails."""
        group = Ejection("a", "b")
        group.tell(group.servers[0], RESET, 3)
        group.tell(group.servers[1], RESET, 50)
        self.assertEqual(group.states, ["ejected", "up"])
        self.assertEqual(group.backend.counters.ejections_refused, 16)
        group.clock.advance(30)
        group.tell(group.servers[1], RESET, 3)
        self.assertEqual(group.states, ["up", "ejected"])
        alone = Ejection("a")
        alone.tell(alone.servers[0], RESET, 50)
        self.assertEqual(alone.states, ["up"])

    def test_others_that_are_down_do_not_count(self) -> None:
        """A server whose only companions are down or without weight stays."""
        group = Ejection("a", "b", "c")
        group.servers[1].set_down("x")
        group.servers[2].weight = 0
        group.tell(group.servers[0], RESET, 50)
        self.assertEqual(group.states, ["up", "down", "up"])

    def test_a_server_that_is_down_is_not_ejected(self) -> None:
        """What is still running when a check finds it down does not keep it out for longer."""
        group = Ejection("a", "b")
        group.servers[0].set_down("GET /health answered 503")
        group.tell(group.servers[0], RESET, 5)
        group.servers[0].set_up("2 good checks in a row")
        self.assertEqual(group.states, ["up", "up"])

    def test_down_while_ejected(self) -> None:
        """A check that finds it down outlasts the ejection."""
        group = Ejection("a", "b")
        group.tell(group.servers[0], RESET, 3)
        group.servers[0].set_down("GET /health answered 503")
        group.clock.advance(30)
        self.assertEqual(group.states, ["down", "up"])
        group.servers[0].set_up("2 good checks in a row")
        self.assertEqual(group.states, ["up", "up"])

    def test_in_words(self) -> None:
        """The state has its reason, and each change is one line of the log."""
        group = Ejection("a", "b")
        with capturedLogs() as events:
            group.tell(group.servers[0], 503, 4)
            self.assertEqual(group.servers[0].reason, "3 errors in 10 s, the last: answered 503")
            group.clock.advance(30)
        self.assertEqual(group.backend.counters.ejections, {"errors": 1, "success_rate": 0})
        self.assertEqual(
            [formatEvent(event) for event in events],
            [
                "server a of backend app is ejected for 30 s: 3 errors in 10 s, the last: answered 503",
                "server a of backend app is no longer ejected, its time out is over; it is up",
            ],
        )

    def test_a_server_that_left(self) -> None:
        """What it still works on ejects nobody and is not remembered, also when a server of its name joins."""
        group = Ejection("a", "b")
        server = group.servers[0]
        group.tell(server, RESET, 2)
        group.backend.leave(server)
        group.tell(server, RESET, 50)
        self.assertEqual((server.state, group.states, group.clock.getDelayedCalls()), ("maint", ["up"], []))
        joined = group.backend.join(server.spec)
        group.tell(joined, RESET, 2)
        self.assertEqual(joined.state, "up")

    def test_start_and_stop(self) -> None:
        """However often it is started it listens once; after a stop it does not, and remembers nothing."""
        group = Ejection("a", "b", "c")
        group.row.start()
        self.assertEqual(len(group.backend.observers), 1)
        group.tell(group.servers[0], RESET, 2)
        group.row.stop()
        group.row.stop()
        self.assertEqual((group.backend.observers, group.backend.memberships), ([], [group.ejector]))
        group.row.start()
        group.tell(group.servers[0], RESET, 2)
        self.assertEqual(group.states, ["up", "up", "up"])
