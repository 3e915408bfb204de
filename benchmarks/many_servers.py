"""CPU per request of relay with few and with many servers, for each policy. See README.md here.

All servers are the same nginx under different names, so that only the number of them changes: each has a pool of its
own. All configurations run at the same time, one loaded after the other in short rounds, and each is compared with
the first.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from load import SHAPES, Aim
from measure import cpu_seconds, disturbance, machine_now
from origins import web_origin
from peers import PEERS
from processes import Cores, StartFailed, free_port, raise_descriptor_limit, running, split_cores, stop_on_sigterm

CONFIGURATION = """\
[listener:bench]
bind = 127.0.0.1:{port}
backend = origin

[backend:origin]
balance = {balance}
check = GET /
pool_idle_timeout = 300s
servers =
{servers}
"""


@dataclass
class Run:
    """One configuration that runs, and what a request cost in each round, in seconds of CPU."""

    balance: str
    count: int
    pid: int
    port: int
    costs: list[float] = field(default_factory=list)

    @property
    def cost(self) -> float:
        """The median."""
        return statistics.median(self.costs)


@contextmanager
def relay(run: tuple[str, int], origin_port: int, cores: Cores, directory: Path) -> Iterator[Run]:
    """Run relay with so many servers under this policy while the block runs."""
    balance, count = run
    port = free_port()
    configuration = directory / f"relay-{port}.ini"
    servers = "\n".join(f"    s{number} http://127.0.0.1:{origin_port}" for number in range(count))
    configuration.write_text(CONFIGURATION.format(port=port, balance=balance, servers=servers))
    peer = PEERS["relay"]
    command = [*cores.prefix, *(word.format(configuration=configuration) for word in peer.command)]
    with running(command, port, directory / f"relay-{port}.log", peer.environment) as pid:
        yield Run(balance, count, pid, port)


def load(run: Run, shape: str, seconds: float) -> None:
    """One round of requests; leaves when any was not answered well."""
    before = cpu_seconds(run.pid)
    result = SHAPES[shape].send(Aim(run.port, seconds, 0))
    if result.error:
        sys.exit(f"{run.balance} over {run.count} servers: {result.error}")
    run.costs.append((cpu_seconds(run.pid) - before) / result.units)


def report(runs: Sequence[Run]) -> None:
    """One line for each policy: µs per request, and the ratio to the fewest servers."""
    counts = list(dict.fromkeys(run.count for run in runs))
    print(f"{'CPU µs per request':<40}" + "".join(f"{count:>16}" for count in counts))
    for balance in dict.fromkeys(run.balance for run in runs):
        mine = [run for run in runs if run.balance == balance]
        cells = (f"{run.cost * 1e6:.1f} ({run.cost / mine[0].cost:.2f})" for run in mine)
        print(f"{balance:<40}" + "".join(f"{cell:>16}" for cell in cells))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", default="round-robin;least-connections", help="separated by ; (%(default)s)")
    parser.add_argument("--servers", default="2,1000", help="how many, comma-separated (%(default)s)")
    parser.add_argument("--shape", choices=("hello", "browser"), default="browser", help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round, default %(default)s")
    return parser.parse_args()


def main() -> None:
    """Start all, load them in turn, compare."""
    options = arguments()
    stop_on_sigterm()
    raise_descriptor_limit()
    cores = split_cores()
    wanted = [
        (balance.strip(), int(count)) for balance in options.policies.split(";") for count in options.servers.split(",")
    ]
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        directory.chmod(0o755)
        origin_port = stack.enter_context(web_origin(directory, 0))
        try:
            runs = [stack.enter_context(relay(each, origin_port, cores, directory)) for each in wanted]
        except StartFailed as error:
            sys.exit(str(error))
        for run in runs:
            load(run, options.shape, 1.0)  # connections are made, caches filled
            run.costs.clear()
        before = machine_now()
        for _ in range(options.rounds):
            for run in runs:
                load(run, options.shape, options.seconds)
        report(runs)
        print(disturbance(before, machine_now()))


if __name__ == "__main__":
    main()
