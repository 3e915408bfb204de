"""Memory of a proxy with many idle keep-alive connections, each of which has made one request. See README.md here."""

import argparse
import resource
import select
import socket
import sys
import tempfile
import time
from pathlib import Path

from measure import cpu_seconds, resident_bytes
from origins import HELLO, web_origin
from peers import Peer, Proxy, chosen, proxying, versions
from processes import StartFailed, raise_descriptor_limit, split_cores, stop_on_sigterm

REQUEST = b"GET /hello HTTP/1.1\r\nHost: bench\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n"
PER_ADDRESS = 20_000
SPARE_DESCRIPTORS = 200
SOCKET_SECONDS = 10.0
OPEN_SECONDS = 300.0


class ConnectionFailed(Exception):
    """A connection could not be made or gave no proper answer; the text says which."""


def open_connections(port: int, count: int) -> list[socket.socket]:
    """So many connections, one request made on each. Raises ConnectionFailed, with all of them closed."""
    clients: list[socket.socket] = []
    deadline = time.monotonic() + OPEN_SECONDS
    try:
        while len(clients) < count:
            if time.monotonic() > deadline:
                raise ConnectionFailed(f"only {len(clients)} connections in {OPEN_SECONDS:.0f} s")
            # An address has about 28,000 ports to connect from.
            source = f"127.0.0.{1 + len(clients) // PER_ADDRESS}"
            clients.append(socket.create_connection(("127.0.0.1", port), SOCKET_SECONDS, (source, 0)))
            _ask(clients[-1])
    except (OSError, ConnectionFailed) as error:
        close_all(clients)
        raise ConnectionFailed(f"connection {len(clients)}: {error}") from error
    return clients


def _ask(client: socket.socket) -> None:
    client.sendall(REQUEST)
    answer = b""
    while not answer.endswith(HELLO):
        piece = client.recv(65536)
        if not piece:
            raise ConnectionFailed(f"closed after {answer[:80]!r}")
        answer += piece
        if len(answer) > 65536:
            raise ConnectionFailed("not the origin's answer")
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ConnectionFailed(f"answered with {answer[:80]!r}")


def closed(clients: list[socket.socket]) -> int:
    """How many of the connections the proxy has closed; an idle one has nothing to read."""
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLIN)
    return len(poll.poll(0))


def close_all(clients: list[socket.socket]) -> None:
    """Close our side."""
    for client in clients:
        client.close()


def measure(peer: Peer, proxy: Proxy, count: int, seconds: float) -> None:
    """Open the connections, let them rest, and print what they cost."""
    close_all(open_connections(proxy.port, 50))  # what the first requests allocate once
    time.sleep(1)
    before = resident_bytes(proxy.pid)
    began = time.monotonic()
    clients = open_connections(proxy.port, count)
    took = time.monotonic() - began
    try:
        cpu = cpu_seconds(proxy.pid)
        time.sleep(seconds)
        after = resident_bytes(proxy.pid)
        cpu = cpu_seconds(proxy.pid) - cpu
        lost = closed(clients)
    finally:
        close_all(clients)
    if lost:
        print(f"{peer.title}: failed: the proxy closed {lost} of {count} connections")
        return
    memory = f"RSS {before / 1e6:.1f} → {after / 1e6:.1f} MB, {(after - before) / count / 1024:.1f} KiB each"
    idling = f"{100 * cpu / seconds:.1f} % of a core while idle"
    print(f"{peer.title}: {count} idle connections, opened in {took:.1f} s: {memory}; {idling}", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default="relay", help="comma-separated; default %(default)s")
    parser.add_argument("--connections", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=5.0, help="to rest before measuring; default %(default)s")
    return parser.parse_args()


def main() -> None:
    """Measure each peer in turn."""
    options = arguments()
    stop_on_sigterm()
    limit = raise_descriptor_limit()
    if limit < options.connections + SPARE_DESCRIPTORS:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        sys.exit(f"{options.connections} connections need more open files than the {hard} we may have: see ulimit -Hn")
    cores = split_cores()
    peers = chosen(options.peers)
    found = versions(peers)
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with web_origin(directory, 0) as origin_port:
            for peer in peers:
                if peer.name not in found:
                    print(f"{peer.title}: not installed")
                    continue
                try:
                    with proxying(peer, origin_port, cores, directory) as proxy:
                        measure(peer, proxy, options.connections, options.seconds)
                except (StartFailed, ConnectionFailed) as error:
                    print(f"{peer.title}: failed: {error}", flush=True)


if __name__ == "__main__":
    main()
