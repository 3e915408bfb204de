"""Who watches a backend, and on real sockets: a server that dies is noticed, and so is its return."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorTime
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.health.watched import OPTIONS, Group
from twisted_relay.config import load
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import Address, OutlierSpec, ServerSpec
from twisted_relay.errors import ConnectionReset
from twisted_relay.health import CHECKS, watchers_of
from twisted_relay.health.comparison import Comparison
from twisted_relay.health.ejector import Ejector
from twisted_relay.health.failures import FailureLog
from twisted_relay.health.monitors import Monitors
from twisted_relay.health.passive import ErrorsInARow
from twisted_relay.service import Relay
from twisted_relay.upstream.server import Server

OUTLIERS = OutlierSpec()


class WatchersTests(SynchronousTestCase):
    """Who watches is what the options say."""

    def test_kinds(self) -> None:
        """There are monitors when there is a check; failures are always told, and eject unless that is off."""
        cases: tuple[tuple[BackendOptions, list[type]], ...] = (
            (OPTIONS, [Monitors, FailureLog, Ejector, ErrorsInARow]),
            (BackendOptions(name="app"), [FailureLog, Ejector, ErrorsInARow]),
            (BackendOptions(name="app", eject_after=None), [FailureLog]),
            (BackendOptions(name="app", eject_outliers=OUTLIERS), [FailureLog, Ejector, ErrorsInARow, Comparison]),
            (BackendOptions(name="app", eject_after=None, eject_outliers=OUTLIERS), [FailureLog, Ejector, Comparison]),
        )
        for options, kinds in cases:
            group = Group("a", "b", options=options)
            watchers = watchers_of(group.backend, lambda: 0.5)
            self.assertEqual([type(watcher) for watcher in watchers], kinds)

    def test_start_and_stop(self) -> None:
        """Stopping leaves nothing behind, whether started or not, and however often."""
        group = Group("a", "b", options=replace(OPTIONS, eject_outliers=OUTLIERS, eject_until_check=True))
        backend = group.backend
        for watcher in watchers_of(backend, lambda: 0.5):
            watcher.stop()
            watcher.start()
            watcher.start()
            watcher.stop()
            watcher.stop()
        self.assertEqual((group.clock.getDelayedCalls(), backend.observers, backend.memberships), ([], [], []))

    def test_membership(self) -> None:
        """Whoever watches hears of servers that join and leave between its start and its stop, and forgets them."""
        group = Group("a", "b", options=replace(OPTIONS, eject_outliers=OUTLIERS, eject_until_check=True))
        backend = group.backend
        watchers = watchers_of(backend, lambda: 0.5)
        for watcher in watchers:
            watcher.start()
        self.assertEqual(backend.memberships, watchers)
        for _ in range(3):
            server = backend.join(ServerSpec("new", "http", Address("new.example.org", 8000)))
            for _ in range(5):
                backend.tell(server, ConnectionReset("the server closed the connection without a response"), 0)
            self.assertEqual(server.state, "ejected")
            backend.leave(server)
        for watcher in watchers:
            watcher.stop()
        self.assertEqual(group.clock.getDelayedCalls(), [])


class CheckContractTests(SynchronousTestCase):
    """What every check in the table promises to the monitor."""

    def test_cancelled(self) -> None:
        """A check that is called off ends at once and leaves no timer; that of parents is in `test_connect_check`."""
        for name, make in CHECKS.items():
            if name == "connect":
                continue
            group = Group("a", scheme="https")
            probe = Deferred.fromCoroutine(make(group.backend).probe(group.servers[0]))
            self.assertNoResult(probe)
            probe.cancel()
            self.failureResultOf(probe)
            self.assertEqual(group.clock.getDelayedCalls(), [], name)


class Health(Resource):
    """Answers every check with `code`."""

    isLeaf = True
    code = 200

    def render_GET(self, request: Request) -> bytes:
        """See `Resource`."""
        request.setResponseCode(self.code)
        return b"checked"


class Origin:
    """A server that can be killed and started again on the same port."""

    def __init__(self) -> None:
        self.health = Health()
        self._site = Site(self.health)
        self._port = self._listen(0)
        self.number: int = cast(Any, self._port.getHost()).port

    def _listen(self, number: int) -> IListeningPort:
        return cast(IReactorTCP, reactor).listenTCP(number, cast(Any, self._site), interface="127.0.0.1")

    def start(self) -> None:
        """Come back."""
        self._port = self._listen(self.number)

    async def kill(self) -> None:
        """Go: from now on connections are refused."""
        stopped = self._port.stopListening()
        if stopped is not None:
            await stopped


class RecoveryTests(TestCase):
    """A server that dies and returns."""

    timeout = 30.0

    def setUp(self) -> None:
        self.origin = Origin()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.origin.kill()))
        file = Path(self.mktemp())
        file.write_text(
            f"""
[listener:web]
bind = 127.0.0.1:0
backend = app

[backend:app]
servers = s1 http://127.0.0.1:{self.origin.number}
check = GET /health status=200
check_interval = 20ms
check_timeout = 10s
"""
        )
        config = load(str(file), {}).config
        assert config is not None
        self.relay = Relay(config, cast(IReactorTime, reactor))
        self.relay.open()
        self.relay.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.relay.stop()))
        self.server = self.relay.backends["app"].servers[0]

    def becomes(self, state: str) -> "Deferred[str]":
        """Fires with the reason when the server's state is this one."""
        reached: Deferred[str] = Deferred()
        tell = self.server.on_change

        def changed(server: Server, before: str) -> None:
            assert tell is not None
            tell(server, before)
            if server.state == state and not reached.called:
                reached.callback(server.reason)

        self.server.on_change = changed
        return reached

    async def test_killed_and_back(self) -> None:
        """A server that refuses connections is down, and up again when it listens again."""
        down = self.becomes("down")
        await self.origin.kill()
        self.assertEqual(
            await down, f"GET /health: 127.0.0.1:{self.origin.number}: connection refused (3 failures in a row)"
        )
        up = self.becomes("up")
        self.origin.start()
        self.assertEqual(await up, "2 good checks in a row")

    async def test_ill_and_well(self) -> None:
        """A server that says it is not healthy is down until it says it is."""
        down = self.becomes("down")
        self.origin.health.code = 503
        self.assertEqual(await down, "GET /health answered 503 (3 failures in a row)")
        up = self.becomes("up")
        self.origin.health.code = 200
        self.assertEqual(await up, "2 good checks in a row")
