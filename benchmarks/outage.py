"""Five servers fail one after the other under the load of wrk: what clients notice, and how the rest share the work.

One is killed, one is stopped, one answers 500 and one is slow; see README.md here. Errors are counted, not times.
"""

import argparse
import http.client
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from peers import PEERS
from processes import StartFailed, free_port, raise_descriptor_limit, running, stop_on_sigterm

HERE = Path(__file__).parent
ORIGIN = HERE.parent / "tests" / "scenarios" / "programs" / "origin.js"
NAMES = "abcde"
CONFIGURATION = """\
[admin]
stats = 127.0.0.1:{admin}

[listener:bench]
bind = 127.0.0.1:{port}
backend = five

[route:here]
path = /
respond = 200

[backend:five]
balance = {balance}
servers =
{servers}
check = GET /seen
check_interval = 1s
check_timeout = 500ms
eject_after = 3 errors in 10s
eject_for = 1m
eject_percent = 80%
retries = 4
retry_on = connect reset timeout empty 500 502 503 504
per_try_timeout = 500ms
"""
STEPS = (
    ("d answers after 50 ms", "d", "slow"),
    ("a is killed", "a", "kill"),
    ("c answers 500", "c", "failing"),
    ("b is stopped", "b", "stop"),
)


def fetch(port: int, path: str) -> str:
    """The content of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@contextmanager
def origin(name: str, directory: Path) -> Iterator[tuple[int, int]]:
    """Run a Node server that answers with its name: its pid and port."""
    port = free_port()
    command = ["node", str(ORIGIN), name, str(port)]
    log = (directory / f"{name}.log").open("wb")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(200):
            try:
                fetch(port, "/name")
                break
            except OSError:
                time.sleep(0.05)
        yield process.pid, port
    finally:
        log.close()
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def shares(admin: int) -> dict[str, int]:
    """Responses of each server so far."""
    text = fetch(admin, "/metrics")
    counts = dict.fromkeys(NAMES, 0)
    for name, count in re.findall(r'^relay_server_requests_total\{[^}]*server="(.)"[^}]*\} (\d+)', text, re.MULTILINE):
        counts[name] += int(count)
    return counts


def spread(before: dict[str, int], after: dict[str, int]) -> str:
    """The part of each server in what was answered between two looks."""
    total = sum(after.values()) - sum(before.values())
    return "  ".join(f"{name} {100 * (after[name] - before[name]) / max(1, total):.1f} %" for name in NAMES)


def fail_in_turn(servers: dict[str, tuple[int, int]], admin: int, pause: float) -> None:
    """Do one step after the other, and print how the load was spread after each."""
    before = shares(admin)
    time.sleep(pause)
    for title, name, what in (*STEPS, ("", "", "")):
        after = shares(admin)
        print(f"  {spread(before, after)}", flush=True)
        if not title:
            return
        print(f"{title}:", flush=True)
        pid, port = servers[name]
        if what == "kill":
            subprocess.run(["kill", "-KILL", str(pid)], check=True)
        elif what == "stop":
            subprocess.run(["kill", "-STOP", str(pid)], check=True)
        else:
            fetch(port, f"/become/{what}")
        before = shares(admin)
        time.sleep(pause)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--balance", default="round-robin", help="default %(default)s")
    parser.add_argument("--connections", type=int, default=32, help="of wrk, default %(default)s")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two failures, default %(default)s")
    parser.add_argument("--no-retries", action="store_true", help="to see what retries are for")
    return parser.parse_args()


def main() -> None:
    """Start everything, load it, let it fail, and count."""
    options = arguments()
    stop_on_sigterm()
    raise_descriptor_limit()
    peer = PEERS["relay"]
    port, admin = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder, ExitStack() as stack:
        directory = Path(folder)
        servers = {name: stack.enter_context(origin(name, directory)) for name in NAMES}
        lines = "\n".join(f"    {name} http://127.0.0.1:{place}" for name, (_, place) in servers.items())
        text = CONFIGURATION.format(admin=admin, port=port, balance=options.balance, servers=lines)
        if options.no_retries:
            text = text.replace("retries = 4\n", "retries = 0\n")
        configuration = directory / "relay.ini"
        configuration.write_text(text)
        command = [word.format(configuration=configuration) for word in peer.command]
        try:
            stack.enter_context(running(command, port, directory / "relay.log", peer.environment))
        except StartFailed as error:
            sys.exit(str(error))
        seconds = round(options.pause * (len(STEPS) + 1)) + 1
        wrk = ["wrk", f"-c{options.connections}", "-t1", f"-d{seconds}s", "--timeout", "5s", "--latency"]
        failing = threading.Thread(target=fail_in_turn, args=(servers, admin, options.pause))
        print(f"{options.connections} connections ask for {seconds} s, {options.balance}; all are well:", flush=True)
        failing.start()
        ran = subprocess.run([*wrk, f"http://127.0.0.1:{port}/name"], capture_output=True, text=True, check=True)
        failing.join()
        shown = re.compile("50%|99%|requests in|Socket|Non-2xx")
        print("\n".join(line for line in ran.stdout.splitlines() if shown.search(line)))
        counted = re.search(r"Non-2xx or 3xx responses: (\d+)", ran.stdout)
        sockets = "Socket errors" in ran.stdout
        print(f"errors that reached a client: {counted[1] if counted else 0}{', and of sockets' if sockets else ''}")
        counters = re.compile(r"^(?:relay_backend_retr|relay_server_errors).* [1-9]\d*$", re.MULTILINE)
        print("\n".join(counters.findall(fetch(admin, "/metrics"))))


if __name__ == "__main__":
    main()
