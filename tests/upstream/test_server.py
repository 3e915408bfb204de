"""A server's states, and what is said and counted of it."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import Address, ServerSpec, UnixAddress
from twisted_relay.errors import ConnectFailed, ResponseTimeout, ServerError
from twisted_relay.upstream.server import ERROR_REASONS, HISTORY, PARENT_REASONS, Server, authority_of


def a_spec(weight: int = 1) -> ServerSpec:
    """A plain server."""
    return ServerSpec("s1", "http", Address("10.0.0.1", 8000), weight)


def a_server(now: Callable[[], float] = lambda: 7.0, *, weight: int = 1, limit: int = 0) -> Server:
    """A server of a backend with otherwise usual options."""
    return Server(a_spec(weight), BackendOptions(name="app", max_connections_per_server=limit), now)


#: (what happens, in this order; the state after each).
STORIES: tuple[tuple[tuple[str, str], ...], ...] = (
    (("set_down", "down"), ("set_up", "up")),
    (("eject", "ejected"), ("restore", "up")),
    (("set_up", "up"),),
    (("restore", "up"),),
    (("set_down", "down"), ("set_down", "down"), ("set_up", "up")),
    # Down and ejected at once: it is up when both are over.
    (("eject", "ejected"), ("set_down", "down"), ("restore", "down"), ("set_up", "up")),
    (("eject", "ejected"), ("set_down", "down"), ("set_up", "ejected"), ("restore", "up")),
    (("set_down", "down"), ("eject", "down"), ("set_up", "ejected"), ("restore", "up")),
    (("set_down", "down"), ("eject", "down"), ("restore", "down"), ("set_up", "up")),
)


class StateTests(SynchronousTestCase):
    """Up, down, ejected."""

    def test_stories(self) -> None:
        """The check and the ejection each have a say; a server is up when neither objects."""
        for story in STORIES:
            server = a_server()
            for number, (event, state) in enumerate(story):
                getattr(server, event)(f"reason {number}")
                self.assertEqual(server.state, state, story[: number + 1])
                self.assertEqual(server.is_usable, state == "up", story[: number + 1])

    def test_each_change_is_told_once(self) -> None:
        """Who watches hears of every change with the state before it, and of nothing else."""
        server = a_server()
        heard = []
        server.on_change = lambda changed, before: heard.append((before, changed.state))
        for event in ("set_up", "set_down", "set_down", "eject", "set_up", "set_up", "restore"):
            getattr(server, event)("because")
        self.assertEqual(heard, [("up", "down"), ("down", "ejected"), ("ejected", "up")])

    def test_reason_and_time(self) -> None:
        """Of the present state it is known why and since when; of the start, that there is no reason."""
        times = iter((1.0, 2.0, 3.0))
        server = a_server(lambda: next(times))
        self.assertEqual((server.reason, server.since), ("", 1.0))
        server.set_down("GET / answered 500")
        self.assertEqual((server.reason, server.since), ("GET / answered 500", 2.0))
        server.set_down("GET / answered 503")
        self.assertEqual((server.reason, server.since), ("GET / answered 500", 2.0))
        server.set_up("2 good checks in a row")
        self.assertEqual(list(server.history), [(2.0, "down", "GET / answered 500"), (3.0, "up", server.reason)])

    def test_what_is_wanted_is_remembered_also_while_it_changes_nothing(self) -> None:
        """A server that is down and is to drain stays down; its history says who wanted what, once."""
        server = a_server(lambda: 1.0)
        server.set_down("refused")
        server.set_mode("drain", "by operator")
        server.set_mode("drain", "by operator")
        self.assertEqual((server.state, server.reason), ("down", "refused"))
        server.set_up("2 good checks in a row")
        self.assertEqual(
            [(state, reason) for _, state, reason in server.history],
            [("down", "refused"), ("down", "mode drain: by operator"), ("drain", "2 good checks in a row")],
        )

    def test_changes_are_counted(self) -> None:
        """Each state says how often it was entered."""
        server = a_server()
        for _ in range(3):
            server.set_down("x")
            server.set_up("y")
        server.eject("z")
        self.assertEqual(server.counters.state_changes, {"up": 3, "down": 3, "drain": 0, "maint": 0, "ejected": 1})

    def test_a_flapping_server_does_not_fill_the_memory(self) -> None:
        """Only the last changes are remembered."""
        server = a_server()
        for number in range(HISTORY):
            server.set_down(f"down {number}")
            server.set_up(f"up {number}")
        self.assertEqual(len(server.history), HISTORY)
        self.assertEqual(server.history[-1][2], f"up {HISTORY - 1}")


class RoomTests(SynchronousTestCase):
    """Whether a server may be given a request."""

    def test_weight_0_gets_nothing(self) -> None:
        """A server without weight is up but not used."""
        server = a_server(weight=0)
        self.assertEqual((server.state, server.is_usable), ("up", False))

    def test_limits(self) -> None:
        """There is room below the limit; 0 is no limit."""
        for limit, active, room in ((0, 0, True), (0, 100_000, True), (1, 0, True), (1, 1, False), (3, 2, True)):
            server = a_server(limit=limit)
            server.active_requests = active
            self.assertEqual(server.has_room, room, (limit, active))

    def test_own_limits(self) -> None:
        """A server's own limits take the place of the backend's; the lowest of all counts."""
        for own, options, adaptive, limit in (
            ((None, None), (10, 0), None, 10),
            ((None, None), (10, 7), None, 7),
            ((3, None), (10, 7), None, 3),
            ((0, None), (10, 7), None, 7),
            ((0, 0), (10, 7), None, 0),
            ((None, 12), (0, 7), None, 12),
            ((None, 12), (0, 7), 5, 5),
            ((0, 0), (0, 0), 5, 5),
            ((2, 0), (0, 0), 5, 2),
        ):
            spec = ServerSpec("s", "http", a_spec().address, max_connections=own[0], max_requests=own[1])
            backend = BackendOptions(max_connections_per_server=options[0], max_requests_per_server=options[1])
            server = Server(spec, backend, lambda: 1.0)
            server.adaptive_limit = adaptive
            self.assertEqual(server.limit, limit, (own, options, adaptive))


class WantedTests(SynchronousTestCase):
    """What whoever runs it wants of a server."""

    def test_states_follow_from_both(self) -> None:
        """Maint comes before down, down before drain, drain before ejected; when one ends the next shows."""
        server = a_server()
        server.eject("errors")
        server.set_mode("drain", "by hand")
        self.assertEqual(server.state, "drain")
        server.set_down("refused")
        server.set_mode("maint", "by hand")
        self.assertEqual(server.state, "maint")
        server.set_mode("ready", "by hand")
        self.assertEqual(server.state, "down")
        server.set_up("good check")
        self.assertEqual(server.state, "ejected")
        server.restore("time is over")
        self.assertEqual(server.state, "up")
        self.assertEqual(
            [state for _, state, _ in server.history], ["ejected", "drain", "down", "maint", "down", "ejected", "up"]
        )

    def test_who_may_stay(self) -> None:
        """Clients that stick to a server stay while it drains or has weight 0, else they go."""
        server = a_server(weight=0)
        self.assertEqual((server.is_usable, server.takes_stuck), (False, True))
        server.set_mode("drain", "x")
        self.assertEqual((server.is_usable, server.takes_stuck), (False, True))
        server.set_mode("maint", "x")
        self.assertFalse(server.takes_stuck)
        server.set_mode("ready", "x")
        for change in (server.eject, server.set_down):
            change("x")
            self.assertFalse(server.takes_stuck)

    def test_weights(self) -> None:
        """A new weight is told and remembered with its reason; the same again is no news."""
        server, told = a_server(), []
        server.on_change = lambda server, before: told.append((server.weight, before))
        server.set_weight(7, "more memory")
        server.set_weight(7, "again")
        self.assertEqual((server.weight, server.share, told), (7, 700, [(7, "up")]))
        self.assertEqual([text for _, _, text in server.history], ["weight 7: more memory"])

    def test_not_checked_yet(self) -> None:
        """Before its first verdict a server is down, but it is known that it may come up at any moment."""
        server = a_server()
        server.set_checking("not checked yet")
        self.assertEqual((server.state, server.is_checking), ("down", True))
        server.set_up("1 good check")
        self.assertEqual((server.state, server.is_checking), ("up", False))
        server.set_checking("not checked yet")
        server.set_down("3 failures in a row")
        self.assertEqual((server.state, server.is_checking), ("down", False))


class CountingTests(SynchronousTestCase):
    """What is counted of a server's traffic."""

    def test_reasons_exist_from_the_start(self) -> None:
        """Every reason for an error is there with 0: a first error is seen as an increase."""
        self.assertEqual(a_server().counters.errors, dict.fromkeys(ERROR_REASONS, 0))

    def test_every_server_error_has_a_known_reason(self) -> None:
        """No error makes a new series."""
        kinds = [ServerError]
        for kind in kinds:
            kinds += kind.__subclasses__()
            self.assertIn(kind.reason, (*ERROR_REASONS, *PARENT_REASONS), kind.__name__)

    def test_errors_and_codes(self) -> None:
        """Errors count by reason, responses by status code."""
        server = a_server()
        for error in (ConnectFailed("refused"), ConnectFailed("refused"), ResponseTimeout("no response in time")):
            server.count_error(error)
        for code in (200, 404, 200):
            server.count_response(code)
        self.assertEqual({k: v for k, v in server.counters.errors.items() if v}, {"refused": 2, "timeout": 1})
        self.assertEqual(server.counters.codes, {200: 2, 404: 1})


class AuthorityTests(SynchronousTestCase):
    """What Host says with `host = backend`."""

    def test_authorities(self) -> None:
        """Host and port of the server's URL, without the port that the scheme implies."""
        cases = (
            (ServerSpec("s", "http", Address("10.0.0.1", 80)), b"10.0.0.1"),
            (ServerSpec("s", "http", Address("10.0.0.1", 443)), b"10.0.0.1:443"),
            (ServerSpec("s", "https", Address("app.example.org", 443)), b"app.example.org"),
            (ServerSpec("s", "https", Address("app.example.org", 80)), b"app.example.org:80"),
            (ServerSpec("s", "http", Address("::1", 8080)), b"[::1]:8080"),
            (ServerSpec("s", "https", Address("::1", 443)), b"[::1]"),
            (ServerSpec("s", "http", UnixAddress("/run/app.sock")), b"localhost"),
            (ServerSpec("s", "http", Address("::1", 8000), host="found.example"), b"found.example:8000"),
            (ServerSpec("s", "https", Address("::1", 443), host="found.example"), b"found.example"),
        )
        for spec, expected in cases:
            self.assertEqual(authority_of(spec), expected)
