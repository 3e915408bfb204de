"""`relay tunnels`: the tunnels that are open in the running daemon: whose, where to, how old, how much."""

import argparse
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlencode

from twisted_relay.cli.daemon import JSON, answer_with, configure_socket
from twisted_relay.cli.servers import duration
from twisted_relay.cli.tables import octets, table

ORDERS = ("age", "bytes")
LIMIT = 100
HEAD = ("LISTENER", "CLIENT", "USER", "DESTINATION", "AGE", "FROM CLIENT", "TO CLIENT")
_NUMBERS = HEAD[4:]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("--by", choices=ORDERS, default=ORDERS[0], help="the oldest first (default), or the busiest")
    parser.add_argument("--user", metavar="NAME", help="only those of this user")
    parser.add_argument("--client", metavar="IP", help="only those of this address")
    parser.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"how many (default: {LIMIT})")
    parser.add_argument("--json", action="store_true", help="print what the daemon says, as JSON")
    configure_socket(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a table; 1 if the daemon cannot be asked, 2 for wrong use."""
    given = {key: getattr(arguments, key) for key in ("by", "user", "client", "limit")}
    query = urlencode({key: value for key, value in given.items() if value is not None})
    return answer_with(as_text, arguments, "/api/tunnels", query)


def as_text(answer: Mapping[str, object]) -> str:
    """A heading, and a line for each tunnel."""
    tunnels, count = cast("list[JSON]", answer["tunnels"]), cast(int, answer["open"])
    if not tunnels:
        return "no tunnel is open"
    shown = f", {len(tunnels)} of them shown" if len(tunnels) < count else ""
    heading = f"{count} tunnel{'s' * (count != 1)} open{shown}"
    return "\n".join([heading, *table(HEAD, [_row(each) for each in tunnels], _NUMBERS)])


def _row(tunnel: Mapping[str, object]) -> tuple[str, ...]:
    return (
        str(tunnel["listener"]),
        str(tunnel["client"]) or "-",
        str(tunnel["user"]) or "-",
        f"{tunnel['destination']} through {tunnel['parent']}" if tunnel["parent"] else str(tunnel["server"]),
        duration(cast(float, tunnel["age"])),
        octets(cast(int, tunnel["bytes_received"])),
        octets(cast(int, tunnel["bytes_sent"])),
    )
