"""`relay pac`."""

import contextlib
import io
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.pac import way_to_hosts
from twisted_relay.cli import main

ONE = "[listener:proxy]\nbind = 192.0.2.1:3128\nmode = forward\nopen = yes\npac = yes\npac_direct = .corp.example\n"
ANYWHERE = "[listener:any]\nbind = :3129\nmode = forward\nopen = yes\n"
GATEWAY = "[listener:web]\nbind = :80\nredirect = https\n"


class PacTests(SynchronousTestCase):
    """What it prints."""

    def call(self, configuration: str, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        path = Path(self.mktemp())
        path.write_text(configuration)
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                status = main(["pac", "--config", str(path), *arguments])
            except SystemExit as leaving:
                status = int(leaving.code or 0)
        return status, output.getvalue(), errors.getvalue()

    def way(self, configuration: str, *arguments: str) -> str:
        """How the printed file lets a browser reach some host."""
        status, script, errors = self.call(configuration, *arguments)
        self.assertEqual((status, errors), (0, ""))
        ways = way_to_hosts(script, ["www.example", "www.corp.example"])
        if ".corp" in configuration:
            self.assertEqual(ways["www.corp.example"], "DIRECT")
        return ways["www.example"]

    def test_the_file(self) -> None:
        """The file of the only forward proxy, or of the one that is named; gateways have none."""
        self.assertEqual(self.way(ONE), "PROXY 192.0.2.1:3128")
        self.assertEqual(self.way(GATEWAY + ONE), "PROXY 192.0.2.1:3128")
        self.assertEqual(self.way(ONE + ANYWHERE, "proxy"), "PROXY 192.0.2.1:3128")

    def test_how_it_is_reached(self) -> None:
        """What is asked for goes before where it is bound, and what the configuration says before both."""
        self.assertEqual(self.way(ONE, "--proxy", "proxy.example:80"), "PROXY proxy.example:80")
        self.assertEqual(self.way(ANYWHERE, "--proxy", "[::1]:80"), "PROXY [::1]:80")
        told = "pac_proxy = https://a.example:443\npac = yes\n"
        self.assertEqual(self.way(ANYWHERE + told), "HTTPS a.example:443")
        self.assertEqual(self.way(ANYWHERE + told, "--proxy", "b.example:1"), "HTTPS a.example:443")

    def test_not_known(self) -> None:
        """It says what is missing: which listener, how it is reached, or a configuration that can be used."""
        for configuration, arguments, expected in (
            (ONE + ANYWHERE, (), "say which forward proxy: there are proxy, any"),
            (ONE + ANYWHERE, ("x",), "no forward proxy x: there are proxy, any"),
            (GATEWAY, (), "there is no listener of mode = forward"),
            (GATEWAY + ONE, ("web",), "no forward proxy web: there are proxy"),
            (ANYWHERE, (), "[listener:any] does not say how it is reached; add --proxy HOST:PORT, or pac_proxy"),
            (ONE + "pac_direct = local\n", (), "pac_direct"),
        ):
            status, output, errors = self.call(configuration, *arguments)
            self.assertEqual((status, output), (1, ""))
            self.assertIn(expected, errors)

    def test_wrong_use(self) -> None:
        """Ways that are none."""
        for proxy in ("proxy.example", "https://a:1", "direct", "a;DIRECT:1"):
            self.assertEqual(self.call(ONE, "--proxy", proxy)[0], 2, proxy)
