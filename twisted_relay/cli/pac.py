"""`relay pac`: prints the PAC file of a forward proxy, for a web server or to see what browsers are told."""

import argparse
import os
import sys

from twisted_relay.cli.check import print_text
from twisted_relay.config import load
from twisted_relay.config.browsers import parse_pac_proxy
from twisted_relay.config.render import as_text, plain
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.values import Address
from twisted_relay.config.words import BadValue
from twisted_relay.pac import PacScript, own_address


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the sub-command."""
    parser.add_argument(
        "listener", nargs="?", metavar="LISTENER", help="only needed where there are several forward proxies"
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="the configuration file, such as relay.ini")
    parser.add_argument(
        "--proxy", type=_proxy, metavar="HOST:PORT", help="how browsers reach the listener; pac_proxy goes before it"
    )


def _proxy(text: str) -> Address:
    try:
        proxy = parse_pac_proxy(text)
    except BadValue:
        proxy = None
    if proxy is None or proxy.kind:
        raise argparse.ArgumentTypeError(f'"{text}" is not HOST:PORT, such as proxy.example.org:3128')
    return proxy.address


def run(arguments: argparse.Namespace) -> int:
    """Print the file; 1 if the configuration cannot be used or does not say how the proxy is reached."""
    loaded = load(arguments.config, os.environ)
    if loaded.config is None:
        for each in loaded.diagnostics:
            print_text(as_text(each, plain), sys.stderr)
        return 1
    found = _choose(arguments.listener, [each for each in loaded.config.listeners if each.mode == "forward"])
    if isinstance(found, str):
        return _complain(found)
    own = arguments.proxy or own_address(found)
    if own is None and not found.pac_proxy:
        return _complain(f"[listener:{found.name}] does not say how it is reached; add --proxy HOST:PORT, or pac_proxy")
    print(PacScript(found).text(own or Address("", 0)), end="")
    return 0


def _choose(name: str | None, proxies: list[ListenerOptions]) -> ListenerOptions | str:
    """The listener that is meant, or why none is."""
    named = [each for each in proxies if name in (None, each.name)]
    if len(named) == 1:
        return named[0]
    if not proxies:
        return "there is no listener of mode = forward"
    there_are = ", ".join(each.name for each in proxies)
    return (
        f"say which forward proxy: there are {there_are}"
        if name is None
        else f"no forward proxy {name}: there are {there_are}"
    )


def _complain(what: str) -> int:
    print(f"relay pac: error: {what}", file=sys.stderr)
    return 1
