"""The `relay` command: one module for each sub-command, and the table that names them.

Each module offers `configure(parser)`, which declares its options, and `run(arguments)`, which returns the exit status:
0 success, 1 failure, 2 wrong use of the command. None of them imports the reactor when it is loaded, so that
`relay check` and `relay version` stay quick and can run beside any daemon.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from twisted_relay.cli import check, demo, run, version


class Command(Protocol):
    """What a module must offer to be a sub-command."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


#: name → (what `relay --help` says of it, its module), in the order of `relay --help`.
COMMANDS: dict[str, tuple[str, Command]] = {
    "run": ("serve a configuration, in the foreground", run),
    "check": ("report every mistake in configuration files", check),
    "demo": ("try it: a proxy and two small servers on this machine", demo),
    "version": ("print the versions of relay and of what it stands on", version),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that the arguments name; `argv` is without the program's name, default `sys.argv`."""
    arguments = _parser().parse_args(argv)
    _, command = COMMANDS[arguments.command]
    try:
        status = command.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # `relay … | head`: who read has enough. What is left goes nowhere, or Python complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="relay", description="A reverse proxy and load balancer from one INI file.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (summary, command) in COMMANDS.items():
        command.configure(subparsers.add_parser(name, help=summary, description=summary.capitalize() + "."))
    return parser
