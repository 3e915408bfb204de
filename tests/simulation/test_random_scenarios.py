"""A hundred random outages of random backends: whatever happens, every request has one end and everything adds up."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import backend, scenario
from twisted_relay.config.sections.backend import BackendOptions
from twisted_relay.config.values import BreakerSpec, BudgetSpec, EjectSpec, RetryOn, StickySpec
from twisted_relay.simulation.simulate import parse_policies
from twisted_relay.simulation.world import EPOCH, World
from twisted_relay.upstream.server import DOWN, MAINT, Server

DURATION = 20
POLICIES = (
    "round-robin",
    "random",
    "random-two",
    "least-connections",
    "least-time",
    "first",
    "ip-hash",
    "hash header:X-User bound=150%",
    "hash cookie:id ring=ketama",
    "maglev client-ip",
)
ACTIONS = (
    "crash",
    "hang",
    "unreachable",
    "unhealthy",
    "slow 20x",
    "errors 60% 503",
    "restart",
    "flap 2s",
    "drain",
    "maint",
)

conditions = st.sampled_from(
    (
        RetryOn(),
        RetryOn(("connect", "reset", "empty")),
        RetryOn(("connect", "reset", "empty", "timeout"), ((500, 504),)),
    )
)


@st.composite
def backends(draw: st.DrawFn) -> BackendOptions:
    """A backend of one to five servers, with any policy, limits, time-outs and retries."""
    options: dict[str, object] = {
        "balance": parse_policies(draw(st.sampled_from(POLICIES)))[0],
        "retries": draw(st.integers(0, 3)),
        "retry_on": draw(conditions),
        "retry_methods": (draw(st.sampled_from(("safe", "any"))),),
        "retry_budget": draw(st.sampled_from((None, BudgetSpec(0.2, 0.5)))),
        "retry_backoff": draw(st.sampled_from((0.0, 0.025))),
        "per_try_timeout": draw(st.sampled_from((0.0, 0.5))),
        "total_timeout": draw(st.sampled_from((0.0, 1.5))),
        "response_timeout": draw(st.sampled_from((1.0, 4.0))),
        "connect_timeout": draw(st.sampled_from((0.5, 2.0))),
        "max_connections_per_server": draw(st.sampled_from((0, 2))),
        "queue_length": draw(st.sampled_from((0, 5, 1024))),
        "queue_timeout": draw(st.sampled_from((0.2, 3.0))),
        "eject_after": draw(st.sampled_from((None, EjectSpec(3, 5.0)))),
        "eject_for": 2.0,
        "slow_start": draw(st.sampled_from((0.0, 3.0))),
        "pool_idle": draw(st.sampled_from((0, 256))),
        "hedge": draw(st.booleans()),
        "adaptive_limit": draw(st.booleans()),
        "breaker": draw(st.sampled_from((None, BreakerSpec(0.5, 5.0)))),
        "sticky": draw(st.sampled_from((None, StickySpec("relay")))),
    }
    if draw(st.booleans()):
        options["check"] = None
    return backend(draw(st.integers(1, 5)), **options)


@st.composite
def outages(draw: st.DrawFn) -> str:
    """Up to four events, of any kind, at any time."""
    text = f"[scenario]\nduration = {DURATION}s\n[clients:web]\nrate = {draw(st.sampled_from((5, 40)))}/s\n"
    text += f"methods = GET:70% POST:30%\npatience = {draw(st.sampled_from(('0', '700ms', '3s')))}\n"
    text += f"[servers]\nlatency = exponential 50ms\ncapacity = {draw(st.sampled_from((0, 2)))}\n"
    for number in range(draw(st.integers(0, 4))):
        at, lasts = draw(st.integers(0, DURATION - 1)), draw(st.integers(1, DURATION))
        servers = draw(st.sampled_from(("s1", "*")))
        text += f"[event:e{number}]\ndo = {draw(st.sampled_from(ACTIONS))}\nservers = {servers}\n"
        text += f"at = {at}s\nlasts = {lasts}s\n"
    return text


class Watched(World):
    """A world in which it is noted when a server is chosen that must not be."""

    def watch(self) -> list[tuple[str, str]]:
        """(name, state) of servers that were chosen in vain, as the run goes on."""
        wrong: list[tuple[str, str]] = []
        took = self.backend.took

        def noted(server: Server) -> None:
            if server.state in (DOWN, MAINT):
                wrong.append((server.name, server.state))
            took(server)

        self.backend.took = noted  # type: ignore[method-assign]
        return wrong


class RandomScenarioTests(SynchronousTestCase):
    """Whatever happens."""

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(backends(), outages(), st.integers(0, 3))
    def test_everything_adds_up(self, options: BackendOptions, text: str, seed: int) -> None:
        """No request is lost, answered twice or left waiting; no budget is exceeded; counters add up; no server that is
        down or in maint is chosen; and nothing is left behind."""
        made = scenario(self.mktemp(), text, options)
        world = Watched(made, made.backend, seed, exact=True)
        wrong = world.watch()
        outcome = world.run()  # raises if a request was lost, answered twice or left waiting
        total = outcome.total
        self.assertEqual(wrong, [])
        self.assertEqual(total.requests, sum(clients.begun for clients in world.clients))
        self.assertEqual(total.requests, total.times.count + total.aborted)
        self.assertLessEqual(sum(total.load.values()), total.tries)
        most = options.retries + 1 + int(options.hedge)
        self.assertLessEqual(total.tries, most * total.requests)
        self.check_budget(world)
        world.clock.advance(7200.0)
        self.check_servers(world)
        self.assertEqual(list(world.clock.getDelayedCalls()), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def check_budget(self, world: World) -> None:
        """Further tries are at most what the budget allows for all requests and the time of the run."""
        budget = world.backend.options.retry_budget
        if budget is None:
            return
        requests = sum(clients.begun for clients in world.clients)
        seconds = world.clock.rightNow - EPOCH
        retries = sum(world.backend.counters.retries.values())
        fresh = world.backend.counters.retries["reset"] + world.backend.counters.retries["empty"]
        self.assertLessEqual(retries - fresh, budget.ratio * requests + budget.reserve * (seconds + 10.0))

    def check_servers(self, world: World) -> None:
        """Nothing is under way, at any server, in any pool or queue."""
        for server in world.backend.servers:
            self.assertEqual((server.active_requests, server.pool.open), (0, 0), server.name)
        self.assertEqual(len(world.backend.queue), 0)
