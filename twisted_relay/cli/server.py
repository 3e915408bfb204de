"""`relay server BACKEND/SERVER`: one server of the running daemon in detail, or a change of its mode or weight.

relay server app/one                  its state, and the history of its states with times and reasons
relay server app/one drain            no new clients; what runs, and clients that stick to it, go on
relay server app/one maint            nothing at all; what runs goes on
relay server app/one ready            back
relay server app/one weight 50        another part of the traffic, 0 to 256
"""

import argparse
import json
import re
from collections.abc import Mapping
from typing import cast

from twisted_relay.cli.daemon import JSON, Unanswered, ask, complain, configure_socket, show, socket_path
from twisted_relay.cli.servers import duration, weight

ACTIONS = ("drain", "maint", "ready", "weight")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("server", type=_name, metavar="BACKEND/SERVER", help="as `relay servers` names them")
    parser.add_argument(
        "action",
        nargs="?",
        choices=ACTIONS,
        help="drain: no new clients; maint: nothing at all; ready: back again; weight N: another part of the traffic; "
        "without it, the server is shown",
    )
    parser.add_argument("number", nargs="?", type=_weight, metavar="N", help="the weight, 0 to 256")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for the history and the log")
    parser.add_argument("--json", action="store_true", help="print what the daemon says, as JSON")
    configure_socket(parser)
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Show or change the server; 1 if the daemon cannot be asked or refuses."""
    given = _wanted(arguments)
    try:
        method = "GET" if given is None else "POST"
        server = ask(socket_path(arguments), method, f"/api/servers/{arguments.server}", given)
    except Unanswered as error:
        return complain(error)
    if arguments.json:
        print(json.dumps(server, indent=2))
    else:
        show(details(server) if given is None else changed(server))
    return 0


def _name(text: str) -> str:
    backend, mark, server = text.partition("/")
    if not (backend and mark and server):
        raise argparse.ArgumentTypeError(f'"{text}" is not BACKEND/SERVER, such as app/one')
    return text


def _weight(text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text) or int(text) > 256:
        raise argparse.ArgumentTypeError(f'"{text}" is not a weight from 0 to 256')
    return int(text)


def _wanted(arguments: argparse.Namespace) -> JSON | None:
    """What is to be changed; leaves with status 2 for options that do not belong together."""
    action, number, reason = arguments.action, arguments.number, arguments.reason
    if (action == "weight") != (number is not None):
        arguments.usage_error("weight needs a number" if number is None else f"{action} takes no number")
    if action is None and reason:
        arguments.usage_error("--reason is for a change")
    if action is None:
        return None
    change: JSON = {"weight": number} if action == "weight" else {"mode": action}
    return {**change, "reason": reason} if reason else change


def changed(server: Mapping[str, object]) -> str:
    """One line about a server that has been changed."""
    active = cast(int, server["active_requests"])
    left = f", {active} request{'s' * (active != 1)} still running" if active else ""
    why = f": {server['reason']}" if server["reason"] else ""
    return f"{server['backend']}/{server['name']} is {server['state']}, weight {weight(server)}{left}{why}"


def _priority(server: Mapping[str, object]) -> str:
    return "backup" if server["backup"] else f"tier {server['tier']}"


def details(server: Mapping[str, object]) -> str:
    """Everything about a server, and its history, the newest first."""
    connections = cast("dict[str, int]", server["connections"])
    checks = cast(JSON, server["checks"])
    why = f", {server['reason']}" if server["reason"] else ""
    lines = [
        f"{server['backend']}/{server['name']}: {server['scheme']}://{server['address']}",
        f"  state        {server['state']} for {duration(cast(float, server['age']))}{why}",
        f"  mode         {server['mode']}",
        f"  weight       {weight(server)}, in the file {server['configured_weight']}",
        f"  priority     {_priority(server)}",
        f"  requests     {server['active_requests']} running",
        f"  connections  {connections['open']} open, {connections['idle']} of them idle",
    ]
    if checks["passed"] or checks["failed"]:
        last = f"the last took {cast(float, checks['last_seconds']) * 1000:.1f} ms: {checks['last']}"
        lines.append(f"  checks       {checks['passed']} passed, {checks['failed']} failed, {last}")
    history = cast("list[JSON]", server["history"])
    lines.append("  history" + ("" if history else "      nothing has changed since the start"))
    lines += [f"    {each['at']}  {each['state']:<8}  {each['reason']}" for each in reversed(history)]
    return "\n".join(lines)
