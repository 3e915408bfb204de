"""`relay explain METHOD URL`: what relay does with a request, and why; sends nothing.

    relay explain GET https://shop.example.org/cart -H 'Cookie: a=b' --config relay.ini
    relay explain GET /cart --listener web --live          as the running daemon would, with its states and loads now

Without `--live` the configuration is put together as the daemon does it, with every server up and idle. Keys and other
files that the daemon reads and this user may not are done without. Exit status: 0 if a route takes the request, 1 if
none does or it is refused, 2 for wrong use.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from typing import cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from twisted_relay.admin.explain import Explain, is_taken
from twisted_relay.admin.json_input import JSON, Refused
from twisted_relay.auth.verifier import NobodyAsks
from twisted_relay.cli.check import print_text
from twisted_relay.cli.daemon import UNREADABLE, Unanswered, ask, complain, configure_socket, show, socket_path
from twisted_relay.cli.explained import as_text
from twisted_relay.config import Config, load
from twisted_relay.config.render import as_text as as_diagnostic
from twisted_relay.config.render import visible
from twisted_relay.config.tree import BackendOptions, ParentOptions, RouteOptions
from twisted_relay.config.values import ServerSpec
from twisted_relay.errors import ConfigurationError
from twisted_relay.feeds.assemble import load_now
from twisted_relay.names.resolver import Resolver
from twisted_relay.net.deadlines import Deadlines
from twisted_relay.traffic.traffic import Given, Traffic
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.dial import Dialler


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument("method", metavar="METHOD", help="such as GET")
    parser.add_argument(
        "url", metavar="URL", help="http://HOST/PATH, https://HOST/PATH, or only /PATH; HOST:PORT for CONNECT"
    )
    parser.add_argument(
        "-H", dest="fields", metavar="'NAME: VALUE'", action="append", default=[], type=_field, help="a header field"
    )
    parser.add_argument("--client", metavar="IP", default="", help="who asks (default: 127.0.0.1)")
    parser.add_argument("--listener", metavar="NAME", default="", help="who is asked, where the URL leaves a choice")
    parser.add_argument("--user", metavar="NAME", default="", help="who it is, for the rules of a forward proxy")
    parser.add_argument(
        "--group", dest="groups", metavar="NAME", action="append", default=[], help="a group of this user"
    )
    parser.add_argument("--address", metavar="IP", default="", help="where the destination's name leads, for the rules")
    parser.add_argument("--sni", metavar="NAME", default="", help="what the TLS hello inside a tunnel asks for")
    parser.add_argument("--live", action="store_true", help="ask the running daemon, over its control socket")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for people or programs")
    configure_socket(parser)
    parser.set_defaults(usage_error=parser.error)


_ABOUT_THE_CLIENT = ("client", "listener", "user", "groups", "address", "sni")


def _field(text: str) -> list[str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f'"{text}" is not NAME: VALUE')
    return [name, value.strip(" \t")]


def run(arguments: argparse.Namespace) -> int:
    """Print the answer."""
    if not arguments.live and arguments.config is None:
        arguments.usage_error("--config FILE is needed, or --live to ask the running daemon")
    question: JSON = {"method": arguments.method, "url": arguments.url, "fields": arguments.fields}
    question |= {key: value for key in _ABOUT_THE_CLIENT if (value := getattr(arguments, key))}
    try:
        answer = _asked(arguments, question)
    except Unanswered as error:
        return complain(error)
    if arguments.format == "json":
        print(json.dumps(answer, indent=2))
    else:
        show(as_text(answer, sys.stdout.encoding or "utf-8"))
    return 0 if is_taken(answer) else 1


def _asked(arguments: argparse.Namespace, question: JSON) -> JSON:
    """The answer of the daemon, or of its configuration; raises `Unanswered`."""
    if arguments.live:
        return {**ask(socket_path(arguments), "POST", "/api/explain", question), "live": True}
    config = _loaded(arguments.config)
    traffic = _put_together(config)
    for problem in load_now(traffic.lists, config.lists, config.relay.state_dir):
        print_text(visible(f"{problem}; explained without it"), sys.stderr)
    explain = Explain(traffic.listeners, traffic.groups, traffic.rules, traffic.outward.ways)
    try:
        return {**explain.answer(question), "live": False}
    except Refused as refused:
        help = f"\n  {refused.help}" if refused.help else ""
        raise Unanswered(f"{refused}{help}", is_misuse=True) from refused


def _loaded(path: str) -> Config:
    """The configuration, after it was said what of it could not be read."""
    loaded = load(path, os.environ, UNREADABLE)
    if loaded.config is None:
        for diagnostic in loaded.diagnostics:
            print_text(as_diagnostic(diagnostic), sys.stderr)
        raise Unanswered(f"{path} has errors")
    for diagnostic in loaded.diagnostics:
        if diagnostic.code in UNREADABLE:
            place = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}"
            print_text(visible(f"{place}: {diagnostic.message}; explained without it"), sys.stderr)
    return loaded.config


def _put_together(config: Config) -> Traffic:
    """Listeners, routes and backends as the daemon has them, on a clock that stands still."""
    clock = Clock()
    reactor = cast(IReactorTime, clock)
    deadlines = Deadlines(reactor, clock.seconds)
    surroundings = Surroundings(reactor, clock, deadlines, Resolver(reactor), make_dialler=_idle_dialler)
    readable = replace(
        config,
        backends={name: _without_secret(options) for name, options in config.backends.items()},
        parents={name: _without_password(options) for name, options in config.parents.items()},
        routes=tuple(_without_file(options) for options in config.routes),
    )
    try:
        return Traffic(readable, surroundings, lambda _: (), Given(verifiers=dict.fromkeys(config.auth, NobodyAsks())))
    except ConfigurationError as error:
        raise Unanswered(f"{config.path}: {error}") from error


def _idle_dialler(spec: ServerSpec, options: BackendOptions, surroundings: Surroundings) -> Dialler:
    """Nothing is dialled here, so no certificate is needed for it."""
    return Dialler(surroundings.poller, spec, surroundings.resolver, None, options.connect_timeout)


def _without_secret(options: BackendOptions) -> BackendOptions:
    if not options.sticky_secret_file or os.access(options.sticky_secret_file, os.R_OK):
        return options
    return replace(options, sticky_secret_file="")


def _without_password(options: ParentOptions) -> ParentOptions:
    if not options.password_file or os.access(options.password_file, os.R_OK):
        return options
    return replace(options, password_file="")


def _without_file(options: RouteOptions) -> RouteOptions:
    if not options.respond_file or os.access(options.respond_file, os.R_OK):
        return options
    return replace(options, respond_file="")
