"""Asking the running daemon: JSON over HTTP on its control socket, with Python's own client and no reactor.

The socket is named on the command line, or stands in the configuration, or is where the systemd unit puts it.
"""

import argparse
import errno
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import cast
from urllib.parse import quote

from twisted_relay.cli.check import print_text
from twisted_relay.config import load
from twisted_relay.config.render import visible

USUAL_SOCKET = "/run/relay/admin.sock"
TIMEOUT = 10.0
"""Seconds that the daemon may be silent."""
MAX_ANSWER = 64 << 20
"""Octets of an answer: a backend of ten thousand servers with full histories is about 50 MiB."""

UNREADABLE = ("bad-file",)
"""Errors of a configuration that hinder only the daemon: keys and other files that whoever asks may not read."""

JSON = dict[str, object]
AsText = Callable[[JSON], str]


class Unanswered(Exception):
    """There is no answer, or one that says no; the text is for people, on one line or two.

    `is_misuse`: the daemon did not understand what was asked.
    """

    def __init__(self, message: str, *, is_misuse: bool = False) -> None:
        super().__init__(message)
        self.is_misuse = is_misuse


def configure_socket(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say where the daemon is."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--socket", metavar="PATH", help=f"the control socket of the daemon (default: {USUAL_SOCKET})", default=""
    )
    place.add_argument(
        "-c", "--config", metavar="FILE", help="the daemon's configuration, whose [admin] bind says where it is"
    )


def socket_path(arguments: argparse.Namespace) -> str:
    """The path that the options lead to; raises `Unanswered` if the configuration names none."""
    if arguments.config is None:
        return str(arguments.socket) or USUAL_SOCKET
    loaded = load(arguments.config, os.environ, UNREADABLE)
    if loaded.config is None:
        raise Unanswered(f"{arguments.config} has errors; `relay check {arguments.config}` shows them")
    if loaded.config.admin.bind is None:
        raise Unanswered(
            f"{arguments.config} has no control socket\n  add bind = unix:{USUAL_SOCKET} to [admin], and start again"
        )
    return loaded.config.admin.bind.path


def ask(path: str, method: str, resource: str, given: JSON | None = None, query: str = "") -> JSON:
    """What the daemon answers; raises `Unanswered`, also for what it refuses. `query` is encoded already."""
    connection = _Connection(path)
    try:
        content = None if given is None else json.dumps(given).encode("utf-8")
        headers = {"Content-Type": "application/json"} if content is not None else {}
        target = quote(resource, safe="/:", errors="surrogateescape")
        connection.request(method, f"{target}?{query}" if query else target, content, headers)
        response = connection.getresponse()
        answer = response.read(MAX_ANSWER + 1)
        if response.length and len(answer) <= MAX_ANSWER:
            raise http.client.IncompleteRead(answer, response.length)
        return _understood(path, response.status, answer)
    except http.client.HTTPException as error:
        raise Unanswered(f"what answers at {path} does not speak HTTP as relay does: {error!r}") from error
    except OSError as error:
        raise Unanswered(_explained(path, error)) from error
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str) -> None:
        super().__init__("relay", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _understood(path: str, status: int, content: bytes) -> JSON:
    if len(content) > MAX_ANSWER:
        raise Unanswered(f"the answer of {path} is larger than {MAX_ANSWER >> 20} MiB")
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unanswered(f"what answers at {path} is not relay's control: status {status}")
    if status != 200:
        help = f"\n  {value['help']}" if "help" in value else ""
        raise Unanswered(f"{value.get('error', f'status {status}')}{help}", is_misuse=status == 400)
    return cast(JSON, value)


def _explained(path: str, error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"the daemon at {path} does not answer within {TIMEOUT:g} s"
    match error.errno:
        case errno.ENOENT:
            return (
                f"there is no socket {path}\n  is the daemon running, with bind = unix:{path} in its [admin]? "
                "--socket PATH or --config FILE says where else it is"
            )
        case errno.EACCES | errno.EPERM:
            return f"no permission for {path}\n  it is for the user that relay runs as: try sudo -u relay relay …"
        case errno.ECONNREFUSED:
            return f"nobody listens at {path}\n  the daemon has ended and left its socket behind"
        case _:
            return f"cannot ask {path}: {error.strerror or error}"


def answer_with(as_text: AsText, arguments: argparse.Namespace, resource: str, query: str) -> int:
    """Print what the daemon says of a resource, as text or as it is; the exit status: 1 if it cannot be asked, 2 for
    wrong use."""
    try:
        answer = ask(socket_path(arguments), "GET", resource, query=query)
    except Unanswered as error:
        return complain(error)
    if arguments.json:
        print(json.dumps(answer, indent=2))
    else:
        show(as_text(answer))
    return 0


def show(text: str) -> None:
    """Print lines that hold what others have chosen: nothing in them reaches a terminal as a command to it."""
    print_text("\n".join(map(visible, text.split("\n"))), sys.stdout)


def complain(error: Unanswered) -> int:
    """Say on standard error what is wrong; the exit status for it: 2 for wrong use, else 1."""
    first, *others = str(error).split("\n")
    print(f"relay: {visible(first)}", *map(visible, others), sep="\n", file=sys.stderr)
    return 2 if error.is_misuse else 1
