"""The `relay` command: one module for each sub-command, and the table that names them.

Each module offers `configure(parser)`, which declares its options, and `run(arguments)`, which returns the exit status:
0 success, 1 failure, 2 wrong use of the command. Only the module of the sub-command that was asked for is loaded, and
none of them imports the reactor when it is, so that `relay check` and `relay version` stay quick and can run beside
any daemon.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from twisted_relay import __version__
from twisted_relay.config.suggest import did_you_mean


class Command(Protocol):
    """What a module must offer to be a sub-command."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


#: name → what `relay --help` says of it, in the order of `relay --help`. Each is the module of that name here, with `_`
#: for `-`.
COMMANDS: dict[str, str] = {
    "run": "serve a configuration, in the foreground",
    "check": "report every mistake in configuration files",
    "simulate": "try an outage before it happens, in virtual time",
    "demo": "try it: a proxy and two small servers on this machine",
    "explain": "say what relay does with a request, and why",
    "pac": "print the file that tells browsers of a forward proxy",
    "servers": "show the servers of the running daemon",
    "server": "show or change one server: drain, maint, ready, weight",
    "top": "show who uses the forward proxies most, and where they go",
    "tunnels": "show the tunnels that are open in the running daemon",
    "hash-password": "print a user and a hashed password, for users_file",
    "version": "print the versions of relay and of what it stands on",
}


def command_named(name: str) -> Command:
    """The module of a sub-command, loaded now: some stand on much that the others need not wait for."""
    return cast(Command, import_module(f"{__name__}.{name.replace('-', '_')}"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that the arguments name; `argv` is without the program's name, default `sys.argv`."""
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    try:
        status = command_named(arguments.command).run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # `relay … | head`: who read has enough. What is left goes nowhere, or Python complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, understood; leaves with status 2 for wrong use. A misspelled sub-command gets a question."""
    parser = _parser(argv)
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        hint = did_you_mean(argv[0], COMMANDS) or f"there are: {', '.join(COMMANDS)}"
        parser.error(f'no command "{argv[0]}"; {hint}')
    return parser.parse_args(argv)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; of the sub-commands only one that the arguments name is loaded and has its options."""
    parser = argparse.ArgumentParser(prog="relay", description="A reverse proxy and load balancer from one INI file.")
    parser.add_argument("--version", action="version", version=f"relay {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name in argv:
            command_named(name).configure(subparser)
    return parser
