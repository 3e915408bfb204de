"""`relay servers`: the backends of the running daemon, with the state of every server."""

import argparse
import json
from collections.abc import Mapping
from typing import cast

from twisted_relay.cli import tables
from twisted_relay.cli.daemon import JSON, Unanswered, ask, complain, configure_socket, show, socket_path
from twisted_relay.cli.explained import titled

HEAD = ("SERVER", "STATE", "FOR", "WEIGHT", "ACTIVE", "CONNECTIONS", "WHY")
_NUMBERS = ("WEIGHT", "ACTIVE")
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("backend", nargs="?", metavar="BACKEND", help="only this one (default: all)")
    parser.add_argument("--json", action="store_true", help="print what the daemon says, as JSON")
    configure_socket(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a table for each backend; 1 if the daemon cannot be asked or has no such backend."""
    try:
        answer = ask(socket_path(arguments), "GET", "/api/servers")
        backends = _chosen(cast("list[JSON]", answer["backends"]), arguments.backend)
    except Unanswered as error:
        return complain(error)
    if arguments.json:
        print(json.dumps({"backends": backends}, indent=2))
    else:
        show("\n\n".join(table(each) for each in backends) or "there are no backends")
    return 0


def _chosen(backends: list[JSON], name: str | None) -> list[JSON]:
    if name is None:
        return backends
    found = [each for each in backends if each["name"] == name]
    if not found:
        raise Unanswered(f'no backend "{name}"\n  there are: {", ".join(str(each["name"]) for each in backends)}')
    return found


def table(backend: Mapping[str, object]) -> str:
    """One backend: a heading, then a line for each server."""
    queue = cast("dict[str, int]", backend["queue"])
    waiting = f", {queue['length']} of at most {queue['limit']} requests waiting" if queue["length"] else ""
    rows = [row(each) for each in cast("list[JSON]", backend["servers"])]
    found = [f"  discovery: {backend['discovery']}"] if "discovery" in backend else []
    return "\n".join(
        [f"{titled(backend['name'])}: {backend['balance']}{waiting}", *found, *tables.table(HEAD, rows, _NUMBERS)]
    )


def row(server: Mapping[str, object]) -> tuple[str, ...]:
    """The cells of one server."""
    connections = cast("dict[str, int]", server["connections"])
    reason = str(server["reason"])
    if server["mode"] not in ("ready", server["state"]):
        reason = f"{reason} (mode {server['mode']})".strip()
    if server["backup"]:
        reason = f"backup; {reason}" if reason else "backup"
    return (
        str(server["name"]),
        str(server["state"]),
        duration(cast(float, server["age"])),
        weight(server),
        str(server["active_requests"]),
        f"{connections['open']} ({connections['idle']} idle)",
        reason,
    )


def weight(server: Mapping[str, object]) -> str:
    """The weight, and what of it counts now if the server is being started slowly."""
    share = cast(float, server["share"])
    return f"{server['weight']}" if share == server["weight"] else f"{server['weight']} (now {share:g})"


def duration(seconds: float) -> str:
    """A time in its two largest units: `3m 20s`."""
    left = int(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
