"""`twistd relay --config FILE`: the options, and the service that twistd runs.

Twisted finds this module through `twisted/plugins/twisted_relay_plugin.py` and imports it when the sub-command is used.
It is the only place that takes the global reactor, and only when there is a service to be made: twistd may still choose
another reactor (`--reactor`) before that.

Exit status: 78 (EX_CONFIG of sysexits.h) for a configuration that cannot be used, so that an init system knows that
another try will not help; 1 when the start fails for another reason, such as an address that is taken.
"""

import os
import sys

from twisted.application.service import IService, MultiService
from twisted.logger import Logger
from twisted.python import usage

from twisted_relay import cli, service
from twisted_relay.cli.check import summary, wants_colour
from twisted_relay.config import Config, load
from twisted_relay.config.render import as_text, coloured, plain
from twisted_relay.errors import RelayError

EX_CONFIG = 78

_log = Logger()


class Options(usage.Options):
    """The command line after `twistd relay`."""

    optParameters = [
        ["config", "c", None, "The configuration, such as relay.ini."],
    ]
    optFlags = [
        ["check", None, "Only report what is wrong in the configuration; exit status 0 or 1."],
    ]

    def parseArgs(self, *files: str) -> None:
        """A file without --config is refused, as twistd does for all its services, but it is said what to write."""
        if files:
            raise usage.UsageError(f"write --config {files[0]}")

    def postOptions(self) -> None:
        """Refuse to go on without a configuration; with --check, check it and leave."""
        if self["config"] is None:
            raise usage.UsageError("--config FILE is needed; `relay demo` shows relay without one")
        if self["check"]:
            raise SystemExit(cli.main(["check", "--", self["config"]]))


class Daemon(MultiService):
    """Holds the relay; a start that fails ends the process with the reason in one line instead of a traceback."""

    def privilegedStartService(self) -> None:
        try:
            super().privilegedStartService()
        except RelayError as error:
            raise _start_failed(error) from error

    def startService(self) -> None:
        try:
            super().startService()
        except RelayError as error:
            raise _start_failed(error) from error


def makeService(options: Options) -> IService:
    """Read the configuration and build everything; leaves with status 78 when it cannot be used."""
    config = _loaded(options["config"])
    from twisted.internet import reactor

    try:
        relay = service.make_service(config, reactor)
    except RelayError as error:
        print(f"{options['config']}: {error}", file=sys.stderr)
        raise SystemExit(EX_CONFIG) from error
    daemon = Daemon()
    relay.setServiceParent(daemon)
    return daemon


def _loaded(path: str) -> Config:
    """The configuration, after all that is wrong or doubtful in it was said on standard error."""
    loaded = load(path, os.environ)
    paint = coloured if wants_colour(sys.stderr, os.environ) else plain
    for diagnostic in loaded.diagnostics:
        print(as_text(diagnostic, paint), file=sys.stderr)
    if loaded.config is None:
        print(summary(path, loaded), file=sys.stderr)
        raise SystemExit(EX_CONFIG)
    return loaded.config


def _start_failed(error: RelayError) -> SystemExit:
    _log.critical("cannot start: {reason}", reason=str(error))
    return SystemExit(1)
