"""The sections of a scenario: how long, who asks, how the servers are, and what happens when."""

# ruff: noqa: RUF009 (option() makes a dataclass field)

from dataclasses import dataclass, field

from twisted_relay.config.build import Grammar
from twisted_relay.config.option import option, required
from twisted_relay.config.scalars import ANY_TIME, BOOLEAN, TIME, WORDS, count
from twisted_relay.config.values import NOWHERE, Location
from twisted_relay.simulation.latency import Latency
from twisted_relay.simulation.parsers import ACTION, CURVE, EXPONENT, FACTOR, LATENCY, METHODS, STATUSES
from twisted_relay.simulation.values import Action, Curve, Mix


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioOptions:
    """The run as a whole."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    duration: float = required(TIME, 60.0, "How long clients ask.", "10m")
    seed: int = option(
        count(),
        1,
        "Where chance begins: the same seed gives the same run. `--seed` goes before it.",
        "42",
    )
    generated_servers: int = option(
        count(0, 10_000),
        0,
        "So many servers, s1, s2 and so on, of weight 1, take the place of those that the backend has. 0 leaves them.",
        "1000",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsOptions:
    """Some clients that behave alike. There may be several such sections; together they are the traffic."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    rate: Curve = required(
        CURVE,
        ((0.0, 1.0),),
        "Requests per second, minute or hour (`100/s`, `30/m`, `5/h`) at random moments (a Poisson process); or, on "
        "lines of their own, times with rates, between which the rate changes evenly.",
        "0s 20/s\n8h 100/s\n20h 80/s\n24h 20/s",
    )
    methods: Mix = option(
        METHODS,
        (("GET", 1.0),),
        "The methods of the requests, with their shares. Not all may be tried again.",
        "GET:90% POST:10%",
    )
    patience: float = option(
        ANY_TIME,
        0.0,
        "Time after which a client leaves without its answer. 0 waits for ever.",
        "10s",
    )
    population: int = option(
        count(1, 1_000_000),
        1000,
        "So many different clients, each with an address and a key of its own for the policies that look at them.",
        "50",
    )
    zipf: float = option(
        EXPONENT,
        0.0,
        "How uneven the clients are: client number n asks in proportion to 1 / n to this power. With 0 all ask alike.",
        "1.1",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServersOptions:
    """What all servers have in common. A section `[server:NAME]` has the same options, for one that differs in them;
    the server needs a name of its own in relay.ini for that."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    latency: Latency = option(
        LATENCY,
        Latency("lognormal", 0.02, 0.2),
        "How long an answer takes: `constant TIME`, `uniform TIME TIME`, `exponential MEAN`, or "
        "`lognormal median=TIME p99=TIME`, which most services resemble.",
        "lognormal median=20ms p99=200ms",
    )
    speed: float = option(
        FACTOR,
        1.0,
        "How quick it is: at `0.5x` everything takes twice as long.",
        "0.5x",
    )
    capacity: int = option(
        count(0, 1_000_000),
        0,
        "Requests that it works on at a time; others wait in it, so that it gets slower under load. 0 means no limit.",
        "50",
    )
    stops_when_left: bool = option(
        BOOLEAN,
        False,
        "Whether it drops the work on a request when the connection is closed. Most servers finish what they have "
        "begun, for nobody.",
        "on",
    )
    answers: Mix = option(
        STATUSES,
        (("200", 1.0),),
        "The status codes of its answers, with their shares; one without a share has the rest.",
        "200 404:2% 500:0.1%",
    )
    connect_time: float = option(
        ANY_TIME,
        0.001,
        "Time to connect to it, or to be refused.",
        "5ms",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions(ServersOptions):
    """One server, by its name in the backend, where it differs from `[servers]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOptions:
    """Something that happens, to servers or to clients."""

    name: str = ""
    where: Location = field(default=NOWHERE, compare=False)
    do: Action = required(ACTION, Action("crash"), "What happens; see [below](#what-happens).", "crash")
    at: float = required(ANY_TIME, 0.0, "When, from the start of the run.", "10m")
    lasts: float = option(ANY_TIME, 0.0, "For how long. 0 means until the end of the run.", "5m")
    servers: tuple[str, ...] = option(
        WORDS,
        (),
        "Names of the servers that it happens to; `*` and `?` stand for any letters and any one letter.",
        "s1 s2",
    )
    clients: tuple[str, ...] = option(
        WORDS,
        (),
        "Names of the `[clients:NAME]` sections that `rate` changes. Without it, all.",
        "mobile",
    )
    stagger: float = option(
        ANY_TIME,
        0.0,
        "Time between one server and the next, in the order of the backend, when it happens to several.",
        "30s",
    )
    every: float = option(ANY_TIME, 0.0, "Happens again and again, after this time each. 0 happens once.", "1h")


SCENARIO = Grammar(
    {
        "scenario": ScenarioOptions,
        "clients": ClientsOptions,
        "servers": ServersOptions,
        "server": ServerOptions,
        "event": EventOptions,
    },
    frozenset({"scenario", "servers"}),
)
"""The grammar of scenario files."""
