"""`relay run`: the same as `twistd -n --pidfile= relay --config FILE`, for people who do not know twistd."""

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    files = parser.add_mutually_exclusive_group(required=True)
    files.add_argument("file", nargs="?", metavar="FILE", help="the configuration, such as relay.ini")
    files.add_argument("-c", "--config", metavar="FILE", help="the same, as twistd takes it")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    return serve(arguments.config or arguments.file)


def serve(path: str) -> int:
    """Become `twistd relay` for this configuration; a failed start leaves with `SystemExit`, as twistd does."""
    # Not at the top: all sub-commands would pay for loading twistd.
    from twisted.scripts import twistd

    # What twistd says about its use names these words. No pid file: the daemon stays in the foreground.
    sys.argv = ["twistd", "-n", "--pidfile=", "relay", "--config", path]
    twistd.run()
    return 0
