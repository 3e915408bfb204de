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

from twisted_relay import __version__
from twisted_relay.cli import check, demo, run, version
from twisted_relay.config.suggest import did_you_mean


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
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    _, command = COMMANDS[arguments.command]
    try:
        status = command.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # `relay … | head`: who read has enough. What is left goes nowhere, or Python complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, understood; leaves with status 2 for wrong use. A misspelled sub-command gets a question."""
    parser = _parser()
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        hint = did_you_mean(argv[0], COMMANDS) or f"there are: {', '.join(COMMANDS)}"
        parser.error(f'no command "{argv[0]}"; {hint}')
    return parser.parse_args(argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="relay", description="A reverse proxy and load balancer from one INI file.")
    parser.add_argument("--version", action="version", version=f"relay {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (summary, command) in COMMANDS.items():
        command.configure(subparsers.add_parser(name, help=summary, description=summary.capitalize() + "."))
    return parser
