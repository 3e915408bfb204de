"""Forward proxies: CPU per GB of a tunnel, for each tunnel, and per request of plain http.

HAProxy and nginx cannot be asked with CONNECT (nginx at all, HAProxy only by rules of its own); they pass a TCP
connection on to a fixed server, which is the same work without the request. relay is asked with CONNECT and by SOCKS5.
See README.md here.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from measure import cpu_seconds, disturbance, machine_now
from origins import web_origin
from peers import PEERS
from processes import Cores, StartFailed, free_port, raise_descriptor_limit, split_cores, stop_on_sigterm

PIECE = 1 << 18
SMALL_PIECE = 1 << 16
CONNECT = "CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
SOCKS5 = b"\x05\x01\x00" + b"\x05\x01\x00\x01\x7f\x00\x00\x01"
#: name → (title, how it is asked for a tunnel, its configuration, its command)
PROXIES: dict[str, tuple[str, str, str, str]] = {
    "relay": (
        "twisted_relay",
        "CONNECT",
        """\
[listener:proxy]
bind = 127.0.0.1:{port}
mode = forward
connect_ports = {tunnel}
allow_destination = 127.0.0.0/8
""",
        "{twistd} -n --pidfile= relay --config {configuration}",
    ),
    "relay-socks": (
        "twisted_relay SOCKS5",
        "SOCKS5",
        """\
[listener:proxy]
bind = 127.0.0.1:{port}
mode = socks5
connect_ports = {tunnel}
allow_destination = 127.0.0.0/8
""",
        "{twistd} -n --pidfile= relay --config {configuration}",
    ),
    "squid": (
        "Squid",
        "CONNECT",
        """\
http_port 127.0.0.1:{port}
acl all_requests src all
http_access allow all_requests
cache deny all_requests
access_log none
cache_log /dev/null
cache_store_log none
pid_filename none
cache_mem 8 MB
via off
forwarded_for delete
pinger_enable off
shutdown_lifetime 0 seconds
""",
        "squid -N -f {configuration}",
    ),
    "tinyproxy": (
        "tinyproxy",
        "CONNECT",
        """\
Port {port}
Listen 127.0.0.1
Timeout 600
MaxClients 4000
DisableViaHeader Yes
LogLevel Critical
""",
        "tinyproxy -d -c {configuration}",
    ),
    "haproxy": (
        "HAProxy (TCP)",
        "",
        """\
global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 600s
    timeout server 600s
listen tunnel
    bind 127.0.0.1:{port}
    server origin 127.0.0.1:{tunnel}
""",
        "haproxy -db -f {configuration}",
    ),
    "haproxy-splice": (
        "HAProxy (TCP, splice)",
        "",
        """\
global
    nbthread 1
    maxconn 4000
    maxpipes 4000
defaults
    mode tcp
    option splice-auto
    timeout connect 5s
    timeout client 600s
    timeout server 600s
listen tunnel
    bind 127.0.0.1:{port}
    server origin 127.0.0.1:{tunnel}
""",
        "haproxy -db -f {configuration}",
    ),
    "nginx": (
        "nginx (stream)",
        "",
        """\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes 1;
pid {configuration}.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{tunnel}; proxy_buffer_size 64k; }} }}
""",
        "nginx -e stderr -c {configuration}",
    ),
}


@dataclass
class Run:
    """One proxy that runs, and its figures in each round."""

    title: str
    asked: str
    """`CONNECT`, `SOCKS5`, or nothing where the server behind it is fixed."""
    pid: int
    port: int
    per_gb: list[float] = field(default_factory=list)
    per_gb_in_pieces: list[float] = field(default_factory=list)
    per_tunnel: list[float] = field(default_factory=list)
    per_request: list[float] = field(default_factory=list)


@contextmanager
def proxy(name: str, tunnel: int, cores: Cores, directory: Path) -> Iterator[Run]:
    """Run a proxy while the block runs."""
    title, asked, template, command = PROXIES[name]
    port, configuration = free_port(), directory / f"{name}.conf"
    configuration.write_text(template.format(port=port, tunnel=tunnel, configuration=configuration))
    words = command.format(configuration=configuration, twistd=Path(sys.executable).with_name("twistd")).split()
    log = (directory / f"{name}.log").open("wb")
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **PEERS["relay"].environment}
    process = subprocess.Popen(
        [*cores.prefix, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
    )
    try:
        _wait_until_it_accepts(process, port, directory / f"{name}.log")
        yield Run(title, asked, process.pid, port)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _wait_until_it_accepts(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(200):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise StartFailed(log.read_text(errors="replace")[-500:])


def installed(name: str) -> bool:
    """Whether a proxy of the table can be run here."""
    program = PROXIES[name][3].split()[0]
    return name.startswith("relay") or shutil.which(program) is not None


def serve(listening: socket.socket) -> None:
    """For each connection: two octets, how many MB follow; or 0, and a small piece for each further octet."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_pour, args=(connection,), daemon=True).start()


def _pour(connection: socket.socket) -> None:
    piece = bytes(PIECE)
    with connection:
        try:
            wanted = connection.recv(2)
            while wanted == bytes(2) and connection.recv(1):
                connection.sendall(piece[:SMALL_PIECE])
            for _ in range(int.from_bytes(wanted) * 1_000_000 // PIECE + 1 if wanted else 0):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
        except OSError:
            return


def tunnel_through(run: Run, tunnel: int) -> socket.socket:
    """A connection through the proxy to the server behind it."""
    client = socket.create_connection(("127.0.0.1", run.port), 20)
    if run.asked == "SOCKS5":
        client.sendall(SOCKS5 + tunnel.to_bytes(2))
        answer = b""
        while len(answer) < 12 and (octets := client.recv(12 - len(answer))):
            answer += octets
        if answer[:4] != b"\x05\x00\x05\x00":
            raise StartFailed(f"{run.title}: {answer!r}")
    elif run.asked:
        client.sendall(CONNECT.format(port=tunnel).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            octets = client.recv(4096)
            if not octets:
                break
            head += octets
        if b" 200 " not in head:
            raise StartFailed(f"{run.title}: {head[:200]!r}")
    return client


def download(run: Run, tunnel: int, megabytes: int) -> float:
    """CPU seconds per GB of a download through a tunnel."""
    buffer = bytearray(1 << 20)
    with tunnel_through(run, tunnel) as client:
        before, received = cpu_seconds(run.pid), 0
        client.sendall(megabytes.to_bytes(2))
        while size := client.recv_into(buffer):
            received += size
    if received < megabytes * 1_000_000:
        raise StartFailed(f"{run.title}: {received} octets instead of {megabytes} MB")
    return (cpu_seconds(run.pid) - before) / received * 1e9


def pieces(run: Run, tunnel: int, megabytes: int) -> float:
    """CPU seconds per GB of answers of 64 KiB through a tunnel, each asked for when the one before has come."""
    buffer, count = bytearray(SMALL_PIECE), megabytes * 1_000_000 // SMALL_PIECE
    with tunnel_through(run, tunnel) as client:
        before = cpu_seconds(run.pid)
        client.sendall(bytes(2))
        for _ in range(count):
            client.sendall(b"1")
            left = SMALL_PIECE
            while left:
                size = client.recv_into(buffer, left)
                if not size:
                    raise StartFailed(f"{run.title}: the tunnel has ended")
                left -= size
    return (cpu_seconds(run.pid) - before) / (count * SMALL_PIECE) * 1e9


def open_and_close(run: Run, tunnel: int, count: int) -> float:
    """CPU seconds for each tunnel that is opened, one after the other, and closed without use."""
    before = cpu_seconds(run.pid)
    for _ in range(count):
        tunnel_through(run, tunnel).close()
    return (cpu_seconds(run.pid) - before) / count


def requests(run: Run, origin: int, directory: Path, seconds: int) -> float:
    """CPU seconds for one request of plain http."""
    script = directory / "forward.lua"
    script.write_text(f'request = function() return wrk.format("GET", "http://127.0.0.1:{origin}/hello") end\n')
    before = cpu_seconds(run.pid)
    command = ["wrk", "-c32", "-t1", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{run.port}/"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    if "Non-2xx" in ran.stdout:
        raise StartFailed(f"{run.title}: {ran.stdout}")
    words = next(line for line in ran.stdout.splitlines() if " requests in " in line).split()
    return (cpu_seconds(run.pid) - before) / int(words[0])


def report(runs: Sequence[Run]) -> None:
    """One line for each proxy."""
    heads = ("CPU s/GB", "in 64 KiB", "CPU µs/tunnel", "CPU µs/request")
    print(f"{'':<22}" + "".join(f"{head:>15}{'× relay':>9}" for head in heads))
    for run in runs:
        cells = ""
        for name, scale in (("per_gb", 1.0), ("per_gb_in_pieces", 1.0), ("per_tunnel", 1e6), ("per_request", 1e6)):
            figures, own = getattr(run, name), getattr(runs[0], name)
            figure = statistics.median(figures) if figures else 0.0
            cells += f"{figure * scale:>15.3f}{figure / statistics.median(own):>9.2f}" if figures else " " * 24
        print(f"{run.title:<22}{cells}".rstrip())


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxies", default=",".join(PROXIES), help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--megabytes", type=int, default=1000, help="of each download, default %(default)s")
    parser.add_argument("--openings", type=int, default=1000, help="tunnels opened in each round, default %(default)s")
    parser.add_argument("--seconds", type=int, default=3, help="of requests in each round, default %(default)s")
    return parser.parse_args()


def main() -> None:
    """Start all, load them in turn, compare."""
    options = arguments()
    stop_on_sigterm()
    raise_descriptor_limit()
    cores = split_cores()
    names = list(filter(installed, options.proxies.split(",")))
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder, ExitStack() as stack:
        directory = Path(folder)
        directory.chmod(0o777)
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096))
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        tunnel = listening.getsockname()[1]
        origin = stack.enter_context(web_origin(directory, 0))
        try:
            runs = [stack.enter_context(proxy(name, tunnel, cores, directory)) for name in names]
            before = machine_now()
            for _ in range(options.rounds):
                for run in runs:
                    run.per_gb.append(download(run, tunnel, options.megabytes))
                    run.per_gb_in_pieces.append(pieces(run, tunnel, options.megabytes // 4))
                    if run.asked:
                        run.per_tunnel.append(open_and_close(run, tunnel, options.openings))
                    if run.asked == "CONNECT":
                        run.per_request.append(requests(run, origin, directory, options.seconds))
            report(runs)
            print(disturbance(before, machine_now()))
        except StartFailed as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
