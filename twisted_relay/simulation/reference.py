"""The reference page of scenarios, made from their declarations: `python -m twisted_relay.simulation.reference`."""

import sys
from collections.abc import Iterator, Mapping

from twisted_relay.config.build import Grammar
from twisted_relay.config.reference import sections_of
from twisted_relay.simulation.quiet import CALM, MOST, RATE_CHANGE, SMALL
from twisted_relay.simulation.sections import SCENARIO
from twisted_relay.simulation.values import CLIENT_ACTIONS, SERVER_ACTIONS

_INTRODUCTION = """\
# Scenarios

<!-- Made from the declarations in twisted_relay/simulation. Do not edit; run:
     python -m twisted_relay.simulation.reference > docs/reference/scenarios.md -->

A scenario is what `relay simulate` runs: how long, who asks how often, how quick the servers are, and what happens
when. It is an INI file, written as [relay.ini is](configuration.md#the-file), with sections of its own. Mistakes are
reported with their place before anything runs.

```ini scenario
[scenario]
duration = 10m

[clients:web]
rate = 100/s                    # Poisson: at random moments, so many a second in the mean
methods = GET:90% POST:10%
patience = 10s

[servers]                       # all servers of the backend
latency = lognormal median=20ms p99=200ms

[server:s3]                     # one of them, where it differs
speed = 0.5x

[event:crash]
do = crash
servers = s2
at = 2m
lasts = 3m
```

The values of times and so on are those of [relay.ini](configuration.md#values). Besides:

| What | How it is written |
|---|---|
| rate | `100/s`, `30/m`, `5/h`, `1000/d` |
| factor | `10x`, `0.5x` |
| mix | words with shares that add up to 100%: `GET:90% POST:10%`; one without a share has the rest |

"""

_MODEL = f"""\
## What is modelled, and what is real

Real, that is the code of the daemon: the choice of servers with weights, tiers and panic, the queue and the limits,
pools of connections, retries and their limits, active checks (with their requests), passive ejection, time-outs and
their ticks. Modelled: clients, servers, and the network between them. Listeners, routes and filters take no part.

* Each request comes from one of `population` clients. Its address, its path and, if the policy looks at a field, cookie
  or parameter, that one are the client's own.
* Answers come as a whole; content has no length and takes no time.
* A server works on `capacity` requests at once; others wait in it, first come, first served. A crash ends them all.
* Checks are served by servers like requests, after others that wait, and answered as the configuration wants it; only
  `unhealthy` and what stops a server makes them fail.
* With sticky sessions, clients keep their cookies.
* Servers that would be discovered are not: `generated_servers` makes some.
* A fault is seen where it would be: a crashed server resets its connections and refuses others, one that hangs accepts
  connections and says nothing.

## What is left out

Runs of more than about {SMALL:,} requests leave out quiet time, unless `--exact` is given. A stretch is quiet
when no event is less than {CALM:g} seconds away, every server is up, nobody waits in the queue, and two windows of time
in a row were alike. Then a window stands for up to {MOST} others, over which the rate of requests changes by no more
than {RATE_CHANGE:.0%}: what was measured is counted once for each. Windows last a 2880th of the run, at least a
second. For the backend time goes on without a jump: only the scenario's clock is put forward, so that checks, ejections
and connections are where they were. What happens by chance, and less than once in a few minutes, can be missed in what
is left out, or be counted too often. The report says how many requests were really simulated.

The same scenario, configuration, seed and version of relay give the same report, octet for octet.
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    return "\n".join([_INTRODUCTION.rstrip(), "", *_sections(), *_actions(), _MODEL.rstrip()]) + "\n"


def _sections() -> Iterator[str]:
    """The sections; those of one server have the options of all servers and are named there only."""
    yield from sections_of(Grammar({k: v for k, v in SCENARIO.sections.items() if k != "server"}, SCENARIO.singletons))


def _actions() -> Iterator[str]:
    yield "## What happens\n"
    yield from _table("To servers (`servers` says which):", SERVER_ACTIONS)
    yield from _table("To clients (`clients` says which):", CLIENT_ACTIONS)


def _table(title: str, actions: Mapping[str, str]) -> Iterator[str]:
    yield f"{title}\n"
    yield "| `do` | What it means |"
    yield "|---|---|"
    yield from (f"| `{word}` | {meaning} |" for word, meaning in actions.items())
    yield ""


if __name__ == "__main__":
    sys.stdout.write(reference_page())
