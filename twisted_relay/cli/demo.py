"""`relay demo`: two small servers and a proxy in front of them, from `etc/quickstart.ini`.

The comment at the head of that file says what there is to try; it is printed before the start.
"""

import argparse
from pathlib import Path

from twisted_relay.cli.run import serve

_PACKAGE = Path(__file__).resolve().parent.parent
#: In an installed package the file lies within it; in a working copy where people look for it.
_PLACES = (_PACKAGE / "quickstart.ini", _PACKAGE.parent / "etc" / "quickstart.ini")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("--print-config", action="store_true", help="print the configuration instead of running it")


def run(arguments: argparse.Namespace) -> int:
    """Say what can be tried, then serve until a signal ends it."""
    path = quickstart_path()
    text = path.read_text()
    if arguments.print_config:
        print(text, end="")
        return 0
    print(introduction(text), flush=True)
    return serve(str(path))


def quickstart_path() -> Path:
    """Where the demonstration's configuration is."""
    return next(place for place in _PLACES if place.is_file())


def introduction(text: str) -> str:
    """The comment at the head of the file, as plain text with a line end."""
    head, _, _ = text.partition("\n\n")
    return "".join(line.removeprefix("#").removeprefix(" ") + "\n" for line in head.splitlines())
