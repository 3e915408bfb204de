"""`relay version`."""

import contextlib
import io

import twisted
from twisted.trial.unittest import SynchronousTestCase

from twisted_relay import __version__
from twisted_relay.cli import main


class VersionTests(SynchronousTestCase):
    """What it prints."""

    def test_one_line_for_each(self) -> None:
        """relay, Twisted, the interpreter and the OpenSSL in use, one on a line."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertEqual(main(["version"]), 0)
        relay, framework, interpreter, openssl = output.getvalue().splitlines()
        self.assertEqual(relay, f"relay {__version__}")
        self.assertEqual(framework, f"Twisted {twisted.__version__}")
        self.assertRegex(interpreter, r"^\w+ 3\.\d+\.\d+")
        self.assertRegex(openssl, r"^OpenSSL \d")
