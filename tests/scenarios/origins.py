"""Servers behind the relay: nginx, and the programs of `programs/`. Each is a process that ends with its test."""

import re
import socket
import sys
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.waiting import eventually
from tests.support.child import Child

PROGRAMS = Path(__file__).resolve().parent / "programs"
#: The kernel ends the program should the test run be killed.
ATTENDED = ("setpriv", "--pdeathsig", "KILL", "--")
#: What nginx needs to run beside another one, as whoever runs the tests; paths are relative to its folder.
NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
    gzip_types text/plain;
    %s
}
"""
#: What `/content/N` and `/chunks/N` of `origin.js` repeat.
BLOCK = bytes(n * n >> 5 & 255 for n in range(65521))


def content(size: int) -> bytes:
    """The content of `/content/SIZE` and `/chunks/SIZE`."""
    return (BLOCK * (size // len(BLOCK) + 1))[:size]


class Origin(Child):
    """One of our programs, that says where it listens."""

    def __init__(self, case: SynchronousTestCase, *command: str | Path):
        super().__init__(case, *ATTENDED, *command)
        listening = re.search(r"(?:listening on|port) (\S+)", self.read_until("on "))
        assert listening is not None
        self.place = listening[1]
        """Its port on 127.0.0.1, or the path of its socket."""


def start_node(case: SynchronousTestCase, name: str = "node", where: str = "0") -> Origin:
    """Start `origin.js`, on a free port or at `where`: a port or the path of a socket."""
    return Origin(case, "node", PROGRAMS / "origin.js", name, where)


def start_http_server(case: SynchronousTestCase, folder: Path) -> Origin:
    """Start Python's own `http.server` for the files of a folder."""
    return Origin(
        case,
        sys.executable,
        "-um",
        "http.server",
        "--protocol=HTTP/1.1",
        "--bind=127.0.0.1",
        f"--directory={folder}",
        "0",
    )


def start_nginx(case: SynchronousTestCase, folder: Path, configuration: str) -> Child:
    """Start nginx with the `http` block of its configuration; return when it accepts on everything it listens on."""
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(NGINX % configuration)
    nginx = Child(case, *ATTENDED, "nginx", "-e", "stderr", "-p", folder, "-c", "nginx.conf")
    for place in re.findall(r"listen (\S+?)(?: ssl)?;", configuration):
        eventually(partial(accepts, place), f"nginx accepts at {place}")
    return nginx


def accepts(place: str) -> bool:
    """Whether somebody accepts connections at `HOST:PORT`, `[HOST]:PORT` or `unix:PATH`."""
    host, _, rest = place.rpartition(":")
    family: int
    address: str | tuple[str, int]
    if host == "unix":
        family, address = socket.AF_UNIX, rest
    else:
        family, address = socket.AF_INET6 if ":" in host else socket.AF_INET, (host.strip("[]"), int(rest))
    with socket.socket(family) as attempt:
        return attempt.connect_ex(address) == 0
