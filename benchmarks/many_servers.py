"""CPU per request of relay, HAProxy and nginx with few and with many servers. See README.md here.

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

RELAY = """\
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
HAPROXY = """\
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    option httpchk GET /
frontend bench
    bind 127.0.0.1:{port}
    option forwardfor
    default_backend origin
backend origin
    balance roundrobin
{servers}
"""
NGINX = """\
daemon off;
worker_processes 1;
pid {directory}/{port}.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {directory}/{port}; proxy_temp_path {directory}/{port}; scgi_temp_path {directory}/{port};
    fastcgi_temp_path {directory}/{port}; uwsgi_temp_path {directory}/{port};
    upstream origin {{
{servers}
        keepalive 2000;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""
#: name → (its configuration, a line for each server)
TEMPLATES = {
    "relay": (RELAY, "    s{number} http://127.0.0.1:{origin}"),
    "haproxy": (HAPROXY, "    server s{number} 127.0.0.1:{origin} check inter 5s"),
    "nginx": (NGINX, "        server 127.0.0.1:{origin};"),
}


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """One configuration: a peer, the policy where there is a choice, and how many servers."""

    peer: str
    balance: str
    count: int


@contextmanager
def proxy(wanted: Wanted, origin_port: int, cores: Cores, directory: Path) -> Iterator[Run]:
    """Run a peer with so many servers while the block runs."""
    port = free_port()
    configuration = directory / f"{wanted.peer}-{port}"
    template, line = TEMPLATES[wanted.peer]
    servers = "\n".join(line.format(number=number, origin=origin_port) for number in range(wanted.count))
    values = {"port": port, "balance": wanted.balance, "servers": servers, "directory": directory}
    configuration.write_text(template.format(**values))
    peer = PEERS[wanted.peer]
    command = [*cores.prefix, *(word.format(configuration=configuration) for word in peer.command)]
    with running(command, port, directory / f"{wanted.peer}-{port}.log", peer.environment) as pid:
        yield Run(wanted.balance if wanted.peer == "relay" else peer.title, wanted.count, pid, port)


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
    parser.add_argument("--peers", default="relay", help="of relay, haproxy and nginx (%(default)s)")
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
    kinds = [
        (peer, balance.strip())
        for peer in options.peers.split(",")
        for balance in (options.policies.split(";") if peer == "relay" else [""])
    ]
    wanted = [Wanted(peer, balance, int(count)) for peer, balance in kinds for count in options.servers.split(",")]
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        directory.chmod(0o755)
        origin_port = stack.enter_context(web_origin(directory, 0))
        try:
            runs = [stack.enter_context(proxy(each, origin_port, cores, directory)) for each in wanted]
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
