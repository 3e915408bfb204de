"""`relay top`: who uses the forward proxies of the running daemon most, and where they go.

relay top                              the 20 destinations with the most requests since the start
relay top users --by bytes             the users with the most traffic
relay top clients --window recent      of late: the last half hour to hour

A plus behind a number: it may be more, for the name was not always among the largest.
"""

import argparse
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlencode

from twisted_relay.cli.daemon import JSON, answer_with, configure_socket
from twisted_relay.cli.servers import duration
from twisted_relay.cli.tables import octets, table
from twisted_relay.config.sections.process import KINDS

MEASURES = ("requests", "bytes")
WINDOWS = ("start", "recent")
LIMIT = 20
HEAD = ("NAME", "REQUESTS", "", "BYTES", "")
_NUMBERS = HEAD[1:]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("of", nargs="?", choices=KINDS, default=KINDS[0], help=f"of what (default: {KINDS[0]})")
    parser.add_argument("--by", choices=MEASURES, default=MEASURES[0], help="what orders them (default: requests)")
    parser.add_argument(
        "--window",
        choices=WINDOWS,
        default=WINDOWS[0],
        help="since the start (default), or only of late",
    )
    parser.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"how many (default: {LIMIT})")
    parser.add_argument("--json", action="store_true", help="print what the daemon says, as JSON")
    configure_socket(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a table; 1 if the daemon cannot be asked or counts nothing, 2 for wrong use."""
    query = {key: getattr(arguments, key) for key in ("of", "by", "window", "limit")}
    return answer_with(as_text, arguments, "/api/top", urlencode(query))


def as_text(answer: Mapping[str, object]) -> str:
    """A heading, a line for each name, one for all others and one for all."""
    other, total = cast("dict[str, int]", answer["other"]), cast("dict[str, int]", answer["total"])
    heading = f"{answer['of']} by {answer['by']}, in {duration(cast(float, answer['seconds']))}"
    if not total["requests"] and not total["bytes"]:
        return f"{heading}: nothing yet"
    named = [(str(row["name"]), cast("dict[str, int]", row)) for row in cast("list[JSON]", answer["top"])]
    rows = [_row(name, sums, total) for name, sums in (*named, ("(others)", other), ("(all)", total))]
    return "\n".join([heading, *table(HEAD, rows, _NUMBERS)])


def _row(name: str, sums: Mapping[str, int], total: Mapping[str, int]) -> tuple[str, ...]:
    """The cells of one line; a number that may be larger has a plus."""
    more = {key: "+" if sums.get(f"{key}_at_most", 0) > sums[key] else "" for key in MEASURES}
    shares = {key: f"{100 * sums[key] / total[key]:.1f}%" if total[key] else "" for key in MEASURES}
    return (
        name,
        f"{sums['requests']}{more['requests']}",
        shares["requests"],
        f"{octets(sums['bytes'])}{more['bytes']}",
        shares["bytes"],
    )
