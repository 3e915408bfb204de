"""Limits of bandwidth: whether each user gets its rate, and those who share one the same; and what a limit costs.

Exit status 1 if a rate is off by more than `--within` percent. See README.md here.
"""

import argparse
import base64
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
from forward import PIECE, PROXIES, Run, download, proxy, serve
from measure import disturbance, machine_now
from processes import StartFailed, raise_descriptor_limit, split_cores, stop_on_sigterm

USERS = ("ann", "bob")
WARM_UP = 1.0
"""Seconds before anything is counted: bursts are over by then."""
FREE = """\
[listener:proxy]
bind = 127.0.0.1:{port}
mode = forward
connect_ports = any
allow_destination = 127.0.0.0/8
"""
AUTH = """\
auth = staff

[auth:staff]
users_file = %s
"""
RULES = """\
[rules:some]
rule =
    allow user ann limit 8Mbit/s
    allow all limit 5MB/s
"""
#: name → what is added to the listener
LIMITS = {
    "free": "",
    "high": "bandwidth = 100GB/s\n",
    "users": "bandwidth_per_user = 4MB/s\n",
    "shared": "bandwidth = 160Mbit/s\n",
    "rule": "rules = some\n",
}


@dataclass
class Stream:
    """What one connection brings."""

    user: str
    connection: socket.socket
    octets: int = 0

    def read(self) -> None:
        """Read until it ends."""
        buffer = bytearray(1 << 16)
        try:
            while size := self.connection.recv_into(buffer):
                self.octets += size
        except OSError:
            return


def credentials(user: str) -> str:
    """The field that says who asks."""
    return "Proxy-Authorization: Basic " + base64.b64encode(f"{user}:{user}".encode()).decode()


def tunnel(run: Run, target: int, user: str) -> Stream:
    """A tunnel through which octets pour."""
    connection = _ask(run, f"CONNECT 127.0.0.1:{target} HTTP/1.1\r\nHost: a\r\n{credentials(user)}\r\n\r\n")
    connection.sendall((60_000).to_bytes(2))
    return Stream(user, connection)


def plain(run: Run, target: int, user: str) -> Stream:
    """A download by plain http."""
    return Stream(user, _ask(run, f"GET http://127.0.0.1:{target}/ HTTP/1.1\r\nHost: a\r\n{credentials(user)}\r\n\r\n"))


def _ask(run: Run, head: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", run.port), 20)
    connection.sendall(head.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        octets = connection.recv(1)
        if not octets:
            break
        answer += octets
    if b" 200 " not in answer:
        raise StartFailed(f"{run.title}: {answer!r}")
    return connection


def rates(streams: Sequence[Stream], seconds: float) -> list[float]:
    """Octets per second of each."""
    for stream in streams:
        threading.Thread(target=stream.read, daemon=True).start()
    time.sleep(WARM_UP)
    before, began = [stream.octets for stream in streams], time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    found = [(stream.octets - octets) / elapsed for stream, octets in zip(streams, before, strict=True)]
    for stream in streams:
        stream.connection.shutdown(socket.SHUT_RDWR)
        stream.connection.close()
    return found


def pour_http(listening: socket.socket) -> None:
    """Answer each connection with content for a long time."""

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000000\r\n\r\n")
                while True:
                    connection.sendall(bytes(PIECE))
            except OSError:
                return

    while True:
        connection, _ = listening.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


class Judge:
    """Prints what was found beside what was wanted."""

    def __init__(self, within: float) -> None:
        self.within = within
        self.failed = False

    def check(self, what: str, found: float, wanted: float) -> None:
        """One line."""
        off = 100 * (found / wanted - 1)
        bad = abs(off) > self.within
        self.failed |= bad
        print(f"{what:<52}{found / 1e6:>8.3f} MB/s{wanted / 1e6:>8.3f} wanted{off:>+7.2f}%{'  TOO FAR OFF' * bad}")


@contextmanager
def listening(target: object) -> Iterator[int]:
    """A server of our own; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as made:
        threading.Thread(target=target, args=(made,), daemon=True).start()  # type: ignore[arg-type]
        yield made.getsockname()[1]


def measure(runs: dict[str, Run], octets: int, web: int, options: argparse.Namespace) -> Judge:
    """Everything about rates."""
    judge = Judge(options.within)
    for kind, way, target in (("tunnels", tunnel, octets), ("plain http", plain, web)):
        streams = [way(runs["users"], target, user) for user in ("ann", "bob", "bob", "bob")]
        found = rates(streams, options.seconds)
        judge.check(f"{kind}, 4 MB/s per user: ann, one connection", found[0], 4e6)
        judge.check(f"{kind}, 4 MB/s per user: bob, three", sum(found[1:]), 4e6)
        found = rates([way(runs["shared"], target, "ann") for _ in range(4)], options.seconds)
        judge.check(f"{kind}, 160 Mbit/s for all: four connections", sum(found), 20e6)
        for number, each in enumerate(found):
            judge.check(f"{kind}, 160 Mbit/s for all: connection {number + 1}", each, 5e6)
        found = rates([way(runs["rule"], target, user) for user in USERS], options.seconds)
        judge.check(f"{kind}, a rule with 8 Mbit/s for ann", found[0], 1e6)
        judge.check(f"{kind}, a rule with 5 MB/s for all others", found[1], 5e6)
    return judge


def cost(runs: dict[str, Run], octets: int, options: argparse.Namespace) -> None:
    """CPU time for a tunnel that is not limited, and for one whose limit is never reached."""
    for name in ("free", "high") * options.rounds:
        runs[name].per_gb.append(download(runs[name], octets, options.megabytes))
    for name in ("free", "high"):
        figures = runs[name].per_gb
        print(f"{name:<6} CPU s/GB {statistics.median(figures):.3f}  ({min(figures):.3f} to {max(figures):.3f})")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement, default %(default)s")
    parser.add_argument("--within", type=float, default=5.0, help="percent, default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="of the cost, default %(default)s")
    parser.add_argument("--megabytes", type=int, default=1000, help="of each of them, default %(default)s")
    return parser.parse_args()


def main() -> None:
    """Start a proxy for each kind of limit, and look."""
    options = arguments()
    stop_on_sigterm()
    raise_descriptor_limit()
    cores = split_cores()
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder, ExitStack() as stack:
        directory = Path(folder)
        directory.chmod(0o755)
        users = directory / "users"
        users.write_text("".join(f"{u}:{bcrypt.hashpw(u.encode(), bcrypt.gensalt(10)).decode()}\n" for u in USERS))
        users.chmod(0o600)
        octets, web = stack.enter_context(listening(serve)), stack.enter_context(listening(pour_http))
        try:
            runs = {}
            for name, limit in LIMITS.items():
                text = FREE + limit + ("" if name in ("free", "high") else AUTH % users)
                text += RULES if name == "rule" else ""
                PROXIES[name] = (name, "CONNECT", text, PROXIES["relay"][3])
                runs[name] = stack.enter_context(proxy(name, octets, cores, directory))
            before = machine_now()
            judge = measure(runs, octets, web, options)
            cost(runs, octets, options)
            print(disturbance(before, machine_now()))
        except StartFailed as error:
            sys.exit(str(error))
    sys.exit(1 if judge.failed else 0)


if __name__ == "__main__":
    main()
