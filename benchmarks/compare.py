"""Proxies side by side in one run: CPU per request and per byte, memory, system calls. See README.md here."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from load import CONNECTIONS, SHAPES, Aim, Shape
from measure import cpu_seconds, disturbance, machine_now, resident_bytes
from origins import stream_origin, web_origin
from peers import PEERS, Peer, Proxy, chosen, proxying, versions
from processes import Cores, StartFailed, raise_descriptor_limit, split_cores, stop_on_sigterm
from report import Results, Run, SyscallRun, as_json, as_markdown
from syscalls import CountFailed, calls_per_request

WARM_UP_SECONDS = 1.0
SYSCALL_SECONDS = 2.0


@dataclass(slots=True)
class Comparison:
    """Runs every peer in turn and keeps what it finds."""

    peers: Sequence[Peer]
    shapes: Sequence[Shape]
    seconds: float
    body_bytes: int
    cores: Cores
    directory: Path
    origins: dict[str, int]
    runs: list[Run] = field(default_factory=list)
    syscalls: list[SyscallRun] = field(default_factory=list)
    commands: dict[str, str] = field(default_factory=dict)

    def round(self, number: int) -> None:
        """Every shape through every peer, once."""
        for peer in self.peers:
            for origin, port in self.origins.items():
                shapes = [shape for shape in self.shapes if shape.origin == origin]
                if shapes:
                    self._measure_peer(number, peer, port, shapes)

    def count(self) -> None:
        """System calls per request of every peer, for the shapes that are made of requests."""
        for peer in self.peers:
            for shape in self.shapes:
                if shape.request_path:
                    self.syscalls.append(self._count_one(peer, shape))

    def _measure_peer(self, number: int, peer: Peer, port: int, shapes: Sequence[Shape]) -> None:
        try:
            with proxying(peer, port, self.cores, self.directory) as proxy:
                self.commands[peer.name] = proxy.command
                for shape in shapes:
                    self._keep(self._measure(number, peer, shape, proxy))
        except StartFailed as error:
            for shape in shapes:
                self._keep(Run(peer.name, shape.name, number, error=str(error)))

    def _measure(self, number: int, peer: Peer, shape: Shape, proxy: Proxy) -> Run:
        shape.send(Aim(proxy.port, WARM_UP_SECONDS, self.body_bytes))
        before = cpu_seconds(proxy.pid)
        load = shape.send(Aim(proxy.port, self.seconds, self.body_bytes))
        used = cpu_seconds(proxy.pid) - before
        if load.error or used <= 0:
            return Run(peer.name, shape.name, number, error=load.error or "the proxy has ended")
        return Run(
            peer.name,
            shape.name,
            number,
            value=shape.scale * used / load.units,
            per_second=load.units / load.seconds,
            p50=load.p50,
            p99=load.p99,
            busy=used / load.seconds,
            resident_bytes=resident_bytes(proxy.pid),
        )

    def _keep(self, run: Run) -> None:
        self.runs.append(run)
        outcome = f"failed: {run.error}" if run.error else f"{run.value:.3f} {SHAPES[run.shape].figure}"
        print(f"round {run.round}  {run.peer:12} {run.shape:8} {outcome}", file=sys.stderr, flush=True)

    def _count_one(self, peer: Peer, shape: Shape) -> SyscallRun:
        origin_port = self.origins[shape.origin]
        try:
            with proxying(peer, origin_port, self.cores, self.directory) as proxy:
                aim = Aim(proxy.port, SYSCALL_SECONDS, self.body_bytes)
                calls = calls_per_request(proxy.pid, aim, shape, origin_port)
        except (StartFailed, CountFailed) as error:
            return SyscallRun(peer.name, shape.name, error=str(error))
        print(f"syscalls {peer.name:12} {shape.name:8} {sum(calls.values()):.2f}", file=sys.stderr, flush=True)
        return SyscallRun(peer.name, shape.name, calls)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated; default all: %(default)s")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="comma-separated; default all: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run; default %(default)s")
    parser.add_argument("--body-mb", type=int, default=100, help="size of one large body; default %(default)s")
    parser.add_argument("--quick", action="store_true", help="one round of one second: to see that all works")
    parser.add_argument("--syscalls", action="store_true", help="also count system calls per request, with strace")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write report.md and report.json there")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1.0
    unknown = [name for name in options.shapes.split(",") if name not in SHAPES]
    if unknown:
        parser.error(f"unknown shape {', '.join(unknown)}; there are {', '.join(SHAPES)}")
    return options


def main() -> None:
    """Run the comparison and print the report."""
    options = arguments()
    stop_on_sigterm()
    raise_descriptor_limit()
    wanted = chosen(options.peers)
    found = versions(wanted)
    before = machine_now()
    cores = split_cores()
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        directory.chmod(0o755)  # the workers of some peers give up root and read from here
        body_bytes = options.body_mb * 1_000_000
        origins = {
            "web": stack.enter_context(web_origin(directory, body_bytes)),
            "stream": stack.enter_context(stream_origin(directory)),
        }
        comparison = Comparison(
            peers=[peer for peer in wanted if peer.name in found],
            shapes=[SHAPES[shape] for shape in options.shapes.split(",")],
            seconds=options.seconds,
            body_bytes=body_bytes,
            cores=cores,
            directory=directory,
            origins=origins,
        )
        for number in range(1, options.rounds + 1):
            comparison.round(number)
        if options.syscalls:
            comparison.count()
    results = Results(
        settings={**_settings(options, cores), "disturbance": disturbance(before, machine_now())},
        titles={peer.name: peer.title for peer in wanted},
        versions=found,
        missing=[peer.title for peer in wanted if peer.name not in found],
        commands=comparison.commands,
        runs=comparison.runs,
        syscalls=comparison.syscalls,
    )
    _publish(results, options.output)


def _settings(options: argparse.Namespace, cores: Cores) -> dict[str, str]:
    pinned = "not pinned: there is one core"
    if cores.measured is not None:
        pinned = f"proxy on core {cores.measured}, origin and load on {', '.join(map(str, sorted(cores.others)))}"
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "cores": pinned,
        "rounds": f"{options.rounds} of {options.seconds:g} s after {WARM_UP_SECONDS:g} s of warm-up, interleaved",
        "requests": f"`wrk -c{CONNECTIONS} -t1`, keep-alive",
        "bodies": f"{options.body_mb} MB each",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _publish(results: Results, output: Path | None) -> None:
    text = as_markdown(results)
    print(text)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "report.md").write_text(text)
        (output / "report.json").write_text(json.dumps(as_json(results), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
