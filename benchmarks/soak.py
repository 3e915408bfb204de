"""Soak: mixed clients and origins, good and bad, for as long as is said; in the end nothing is left and all adds up.

`python benchmarks/soak.py --minutes 20`. See README.md here. The exit status is 0 when everything passes.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import re
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import bcrypt
import trustme
from measure import cpu_seconds
from processes import free_port, stop_on_sigterm
from soak_clients import ACTIONS, HAVE_BYTES, HAVE_CODES, LISTENERS, USER, WEIGHTS, Client, Places, Tally, Wrong
from soak_origins import Origins

PARENTS = """\
[listener:http]
bind = 127.0.0.1:{http}
{shared}
[listener:socks]
bind = 127.0.0.1:{socks5}
mode = socks5
connect_ports = any
allow_destination = .test:{web},{tunnel},{nobody} 127.0.0.1:{web}
tunnel_idle_timeout = 3s
connect_timeout = 3s
access_log = main

[rules:egress]
rule = allow all

[dns]
servers = 127.0.0.1:{names}
hosts = {folder}/hosts
timeout = 500ms
negative_ttl = 1s
cache = 200

[log:main]
to = {folder}/parents.log
format = json

[admin]
stats = 127.0.0.1:{parents_stats}
"""
"""Another relay, through which everything goes with `--parents`."""
THROUGH = """\
    allow all parent both

[parent:both]
servers =
    http://127.0.0.1:{http}
    socks5://127.0.0.1:{socks5}
eject_after = off
retries = 1
connect_timeout = 3s
response_timeout = 2s
idle_timeout = 3s
pool_idle_timeout = 2s
"""
RELAY = """\
[listener:clean]
bind = 127.0.0.1:{clean}
{shared}
[listener:six]
bind = [::1]:{six}
{shared}
[listener:secure]
bind = 127.0.0.1:{secure}
tls = site
{shared}
[listener:limited]
bind = 127.0.0.1:{limited}
bandwidth = 50MB/s
bandwidth_per_client = 40MB/s
{shared}
[listener:peeked]
bind = 127.0.0.1:{peeked}
peek = sni
peek_ports = any
{shared}
[listener:fair]
bind = 127.0.0.1:{fair}
{shared}
[listener:staff]
bind = 127.0.0.1:{staff}
auth = staff
{shared}
[listener:socks]
bind = 127.0.0.1:{socks}
mode = socks5
connect_ports = {tunnel}
allow_destination = .test:{web},{tunnel}
rules = egress
access_log = main

[listener:rough]
bind = 127.0.0.1:{rough}
{shared}
[listener:rough_tls]
bind = 127.0.0.1:{rough_tls}
tls = site
{shared}
[rules:egress]
rule =
    deny list blocked
    deny domain denied.test
{onward}

[list:blocked]
file = {folder}/blocked.txt

[auth:staff]
users_file = {folder}/users
lockout = off

[tls:site]
cert = {folder}/cert.pem
key = {folder}/key.pem

[dns]
servers = 127.0.0.1:{names}
hosts = {folder}/hosts
timeout = 500ms
negative_ttl = 1s
cache = 200

[log:main]
to = {folder}/access.log
format = json

[admin]
stats = 127.0.0.1:{stats}
"""
SHARED = """\
mode = forward
connect_ports = {web} {tunnel} {nobody}
allow_destination = .test:{web},{tunnel},{nobody} 127.0.0.1:{web}
rules = egress
access_log = main
header_timeout = 2s
body_timeout = 2s
send_timeout = 2s
idle_timeout = 3s
response_timeout = 2s
tunnel_idle_timeout = 3s
connect_timeout = 3s
"""
ACTION_SECONDS = 60.0
"""An action that takes longer hangs."""
QUIET_SECONDS = 60.0
"""How long we wait until nothing is left."""
ROUND_SECONDS = 60.0
MANY_ORIGINS = 1100
"""More than a forward proxy remembers: from the first round on, one is forgotten for each that comes."""
ENOUGH_ROUNDS = 8
"""With fewer, memory is said but not judged: it takes a while until it has what it needs."""
MAX_PIPES = 32
"""`net.splice` keeps 16 pipes, with two ends each."""
GROWTH_IN_USE, GROWTH = 0.01, 0.1
"""The second one is more: what the C library keeps grows with the largest amounts that were ever in use at once."""


@dataclass(frozen=True)
class State:
    """What the proxy has at one time."""

    rss: int
    kinds: Counter[str]
    """Descriptors by kind: socket, pipe and so on."""
    timers: int
    connections: int
    requests: int

    @property
    def descriptors(self) -> int:
        """All but pipes, of which relay keeps some for later."""
        return self.kinds.total() - self.pipes

    @property
    def pipes(self) -> int:
        """Ends of pipes."""
        return self.kinds["pipe"]


class Proxy:
    """relay, in a process of its own."""

    def __init__(self, folder: Path, configuration: str, stats: int) -> None:
        self.stats, self.log = stats, folder / "relay.log"
        (folder / "relay.ini").write_text(configuration)
        (folder / "access.log").unlink(missing_ok=True)
        program = Path(__file__).with_name("trimming_twistd.py")
        command = [
            "setpriv",
            "--pdeathsig",
            "TERM",
            "--",
            sys.executable,
            program,
            "-n",
            "--pidfile=",
            "relay",
            "--config",
            folder / "relay.ini",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def is_ready(self) -> None:
        """Wait until it runs."""
        while "is running" not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None:
                sys.exit(self.log.read_text(errors="replace"))
            await asyncio.sleep(0.05)

    async def metrics(self) -> list[tuple[str, dict[str, str], float]]:
        """All samples: name, labels, value."""

        def fetch() -> str:
            with urlopen(f"http://127.0.0.1:{self.stats}/metrics", timeout=20) as answer:
                return str(answer.read().decode())

        found = []
        for line in (await asyncio.to_thread(fetch)).splitlines():
            if match := re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                found.append((match[1], labels, float(match[3])))
        return found

    async def state(self) -> State:
        """What it has now."""
        samples = await self.metrics()

        def total(name: str) -> int:
            return int(sum(value for found, _, value in samples if found == name))

        pid = self.process.pid
        return State(
            _resident(pid),
            _descriptors(pid),
            total("relay_reactor_timers"),
            total("relay_listener_active_connections"),
            total("relay_http_active_requests"),
        )

    async def memory_in_use(self) -> int:
        """Its resident memory without what the C library keeps for later; see `trimming_twistd.py`."""
        self.process.send_signal(signal.SIGUSR2)
        await asyncio.sleep(1)
        return _resident(self.process.pid)

    def stop(self) -> int:
        """End it; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.chance = random.Random(options.seed)
        self.tallies = {name: Tally() for name in LISTENERS}
        self.origins = Origins()
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.states: list[State] = []
        self.in_use: list[int] = []
        self.next = 0
        self.parents: Proxy | None = None

    async def prepare(self) -> None:
        """Start everything."""
        await self.origins.start()
        ports = {name: free_port() for name in LISTENERS}
        places = {"web": self.origins.web, "tunnel": self.origins.tunnel, "nobody": self.origins.nobody}
        values = {**ports, **places, "names": self.origins.names, "stats": free_port(), "folder": self.folder}
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(self.folder / "cert.pem")
        issued.private_key_pem.write_to_path(self.folder / "key.pem")
        (self.folder / "key.pem").chmod(0o600)
        (self.folder / "hosts").write_text("127.0.0.1 web.test denied.test\n::1 six.test\n")
        (self.folder / "blocked.txt").write_text("\n".join(f"name{n}.blocked.test" for n in range(1000)) + "\n")
        user, _, password = USER.partition(b":")
        (self.folder / "users").write_bytes(user + b":" + bcrypt.hashpw(password, bcrypt.gensalt(4)) + b"\n")
        (self.folder / "users").chmod(0o600)
        values["onward"] = "    allow all"
        if self.options.parents:
            values |= {"http": free_port(), "socks5": free_port(), "parents_stats": free_port()}
            values["onward"] = THROUGH.format(**values)
            (self.folder / "parents").mkdir(exist_ok=True)
            shared = SHARED.format(**values)
            text = PARENTS.format(**values, shared=shared)
            self.parents = Proxy(self.folder / "parents", text, int(values["parents_stats"]))
            await self.parents.is_ready()
        self.proxy = Proxy(self.folder, RELAY.format(**values, shared=SHARED.format(**values)), int(values["stats"]))
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        await self.proxy.is_ready()
        self.client = Client(Places(ports, trust=trust, **places), self.tallies)

    # -- load -----------------------------------------------------------------------------------------------------

    async def work(self, until: float, count: int) -> None:
        """One client: actions until the time is over, and the round's number of them is done."""
        while self.next < count and time.monotonic() < until:
            self.next += 1
            names = ACTIONS if self.next > len(ACTIONS) else (ACTIONS[self.next - 1],)  # first each once
            name = self.chance.choices(names, [WEIGHTS.get(each, 1) for each in names])[0]
            await self.act(name, random.Random(f"{self.options.seed} {self.next}"))
            await asyncio.sleep(self.options.pause * self.chance.random() * 2)

    async def act(self, name: str, chance: random.Random) -> None:
        """One action; what goes wrong is kept."""
        self.done[name] += 1
        try:
            await asyncio.wait_for(getattr(self.client, name)(chance), ACTION_SECONDS)
        except Wrong as error:
            self.complain(f"{name}: {error}")
        except TimeoutError:
            self.complain(f"{name}: hangs")
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError) as error:
            if not name.startswith("rough"):
                self.complain(f"{name}: {error!r}")

    def complain(self, what: str) -> None:
        """A client did not see what it should."""
        self.wrong.append(what)
        print(f"     {time.strftime('%H:%M:%S')} {what}", flush=True)

    async def round(self, until: float, count: int) -> None:
        """All clients at once, and then quiet."""
        await asyncio.gather(*(self.work(until, count) for _ in range(self.options.clients)))
        self.states.append(await self.quiet())
        self.in_use.append(await self.proxy.memory_in_use())
        state, spent = self.states[-1], cpu_seconds(self.proxy.process.pid)
        print(
            f"{len(self.states):>4} {sum(self.done.values()):>8} actions  RSS {state.rss / 1e6:6.1f} MB, "
            f"{self.in_use[-1] / 1e6:.1f} in use  "
            f"{state.descriptors} descriptors  {state.timers} timers  {state.connections} connections  "
            f"{state.requests} requests  CPU {spent:.1f} s  {len(self.wrong)} wrong",
            flush=True,
        )

    async def quiet(self) -> State:
        """Wait until what belongs to connections is gone, or for so long."""
        deadline = time.monotonic() + QUIET_SECONDS
        while True:
            self.origins.cut_idle()
            state = await self.proxy.state()
            nothing = (state.connections, state.requests) == (0, 0)
            first = self.states[0] if self.states else state
            if nothing and state.descriptors <= first.descriptors and state.timers <= first.timers:
                if self.states or await self._rests(state):
                    return state
            elif time.monotonic() > deadline:
                return state
            await asyncio.sleep(0.2)

    async def _rests(self, state: State) -> bool:
        """Whether the first state is one that stays: there is none before it to compare with."""
        await asyncio.sleep(2)
        after = await self.proxy.state()
        return (after.descriptors, after.timers) == (state.descriptors, state.timers)

    async def run(self) -> None:
        """All rounds."""
        options = self.options
        await self.prepare()
        try:
            if not options.actions:
                await self.client.many_origins(MANY_ORIGINS)
            if options.actions:
                for number in range(1, options.rounds + 1):
                    await self.round(float("inf"), options.actions * number // options.rounds)
            else:
                end = time.monotonic() + options.minutes * 60
                while (now := time.monotonic()) < end:
                    await self.round(min(end, now + ROUND_SECONDS), sys.maxsize)
            self.samples = await self.proxy.metrics()
        finally:
            await self.origins.stop()
            self.exit_status = self.proxy.stop()
            if self.parents is not None:
                self.exit_status = self.exit_status or self.parents.stop()

    # -- judgement ------------------------------------------------------------------------------------------------

    def total(self, name: str, listener: str) -> int:
        """A counter of one listener."""
        return int(
            sum(value for found, labels, value in self.samples if (found, labels.get("listener")) == (name, listener))
        )

    def codes(self, listener: str) -> Counter[int]:
        """The proxy's requests by code."""
        found: Counter[int] = Counter()
        for name, labels, value in self.samples:
            if name == "relay_http_requests_total" and labels["listener"] == listener and value:
                found[int(labels["code"])] += int(value)
        return found

    def verdicts(self) -> list[tuple[bool | None, str, str]]:
        """What passes, and what does not: (verdict, what, figures)."""
        found: list[tuple[bool | None, str, str]] = []
        lines = Counter((entry["listener"], entry["status"]) for entry in map(json.loads, self._log()))
        for listener, tally in self.tallies.items():
            codes = self.codes(listener)
            if listener in HAVE_CODES:
                found.append(
                    (codes == tally.codes, f"{listener}: requests by code", f"{_show(codes)} = {_show(tally.codes)}")
                )
            else:
                least, most = tally.codes.total(), tally.codes.total() + tally.unsure
                enough = least <= codes.total() <= most
                found.append((enough, f"{listener}: requests", f"{_show(codes)}; between {least} and {most}"))
            logged = Counter({code: count for (name, code), count in lines.items() if name == listener})
            found.append(
                (logged == codes, f"{listener}: lines of the log by code", f"{logged.total()} = {codes.total()}")
            )
            opened = self.total("relay_listener_connections_total", listener)
            found.append((opened == tally.opened, f"{listener}: connections", f"{opened} = {tally.opened}"))
            if listener in HAVE_BYTES:
                for way, theirs in (("received", tally.sent), ("sent", tally.received)):
                    ours = self.total(f"relay_listener_{way}_bytes_total", listener)
                    found.append((ours == theirs, f"{listener}: bytes {way}", f"{ours} = {theirs}"))
        return found + self._left()

    def _left(self) -> list[tuple[bool | None, str, str]]:
        """What is left in the end."""
        first, last = self.states[0], self.states[-1]
        found: list[tuple[bool | None, str, str]] = [
            (
                (last.connections, last.requests) == (0, 0),
                "nothing open",
                f"{last.connections} connections, {last.requests} requests",
            ),
            (
                last.descriptors <= first.descriptors,
                "descriptors",
                f"{first.descriptors} → {last.descriptors} {dict(last.kinds - first.kinds) or ''}",
            ),
            (last.timers <= first.timers, "timers", f"{first.timers} → {last.timers}"),
            (
                self.origins.opened == self.origins.closed,
                "origins' connections",
                f"{self.origins.opened} = {self.origins.closed}",
            ),
            (not self.wrong, "what clients saw", f"{sum(self.done.values())} actions, {len(self.wrong)} wrong"),
            (self.exit_status == 0, "exit status", str(self.exit_status)),
        ]
        log = self.proxy.log.read_text(errors="replace")
        complaints = re.findall(r"^.*(?:Traceback|Unhandled|rror in Deferred).*$", log, re.MULTILINE)
        found.append((not complaints, "no tracebacks", f"{len(complaints)} in its log"))
        pipes = f"{first.pipes} → {last.pipes}; relay keeps {MAX_PIPES} at most"
        found.append((last.pipes <= MAX_PIPES, "descriptors of pipes", pipes))
        for what, amounts, share in (
            ("memory in use", self.in_use, GROWTH_IN_USE),
            ("memory, with what is kept for later", [state.rss for state in self.states], GROWTH),
        ):
            early, late = _quarter(amounts, 0.5), _quarter(amounts, 1.0)
            enough = len(amounts) >= ENOUGH_ROUNDS
            told = f"{early / 1e6:.1f} → {late / 1e6:.1f} MB" + ("" if enough else ", too few rounds to judge")
            flat = late <= early * (1 + share) if enough else None
            found.append((flat, f"{what}, second quarter of the rounds to the last", told))
        return found

    def _log(self) -> list[str]:
        return (self.folder / "access.log").read_text().splitlines()


def _descriptors(pid: int) -> Counter[str]:
    folder, found = Path(f"/proc/{pid}/fd"), Counter[str]()
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):  # closed in the meantime
            kind, colon, _ = os.readlink(folder / name).partition(":")
            found[kind if colon else "file"] += 1
    return found


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def _quarter(amounts: Sequence[int], until: float) -> float:
    """The median of the quarter that ends there."""
    last = max(1, round(len(amounts) * until))
    first = min(last - 1, round(len(amounts) * (until - 0.25)))
    return statistics.median(amounts[first:last])


def _show(codes: Counter[int]) -> str:
    return " ".join(f"{code}:{count}" for code, count in sorted(codes.items())) or "none"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="default %(default)s")
    parser.add_argument("--actions", type=int, default=0, help="so many actions instead of minutes")
    parser.add_argument("--rounds", type=int, default=2, help="with --actions: quiet so often, default %(default)s")
    parser.add_argument("--clients", type=int, default=24, help="at once, default %(default)s")
    parser.add_argument(
        "--pause", type=float, default=0.02, help="mean seconds between a client's actions, default %(default)s"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same actions; default %(default)s")
    parser.add_argument("--parents", action="store_true", help="through two parents: another relay by HTTP and SOCKS5")
    parser.add_argument("--keep", type=Path, help="a folder for configuration and logs, which stay")
    return parser.parse_args()


def main() -> None:
    """Run it and say what came of it."""
    options = arguments()
    stop_on_sigterm()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of writing to connections that are gone
    with tempfile.TemporaryDirectory(prefix="relay-soak-") as folder:
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
        soak = Soak(options, options.keep or Path(folder))
        asyncio.run(soak.run())
        verdicts = soak.verdicts()
        for verdict, what, figures in verdicts:
            print(f"{'    ' if verdict is None else 'PASS' if verdict else 'FAIL'}  {what}: {figures}")
        for complaint, count in Counter(soak.wrong).most_common(20):
            print(f"      {count} × {complaint}")
    failed = sum(verdict is False for verdict, _, _ in verdicts)
    print(f"{'FAIL' if failed else 'PASS'}: {len(verdicts) - failed} of {len(verdicts)}, seed {options.seed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
