"""`relay version`: the versions that a report of a fault needs."""

import argparse
import platform

import twisted
from cryptography.hazmat.backends.openssl import backend

from twisted_relay import __version__


def configure(parser: argparse.ArgumentParser) -> None:
    """The sub-command has no options."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Print one line for each."""
    del arguments
    print(f"relay {__version__}")
    print(f"Twisted {twisted.__version__}")
    print(f"{platform.python_implementation()} {platform.python_version()}")
    # The library of pyOpenSSL, which serves the traffic; the interpreter's `ssl` may be linked with another one.
    print(backend.openssl_version_text())
    return 0
