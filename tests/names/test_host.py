"""What a host is."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.names.host import is_address, is_localhost, normal


class HostTests(SynchronousTestCase):
    """Names and addresses."""

    def test_normal(self) -> None:
        """Names in lower case without the last dot; nothing for what is no name."""
        for host, expected in (
            ("App.Internal.", "app.internal"),
            ("xn--bcher-kva.de", "xn--bcher-kva.de"),
            ("my_service", "my_service"),
            ("_http._tcp.app", "_http._tcp.app"),
            ("1.example", "1.example"),
            ("a" * 63, "a" * 63),
            ("a" * 64, ""),
            (".".join(["a" * 63] * 4), ""),
            ("", ""),
            (".", ""),
            ("a..b", ""),
            ("a.b..", ""),
            (".a", ""),
            ("-a", ""),
            ("a-.b", ""),
            ("a b", ""),
            ("a\n", ""),
            ("a/b", ""),
            ("b\u00fccher.de", ""),
            ("\u212a.example", ""),
            ("a\u3002b", ""),
            ("127.1", ""),
            ("2130706433", ""),
            ("0x7f000001", ""),
            ("1.2.3.0x", ""),
            ("10.0.0.1", ""),
        ):
            self.assertEqual(normal(host), expected, host)

    def test_addresses(self) -> None:
        """Only whole literals are addresses."""
        for host in ("10.0.0.1", "::1", "fe80::1%eth0"):
            self.assertTrue(is_address(host), host)
        for host in ("127.1", "a", "", "[::1]"):
            self.assertFalse(is_address(host), host)

    def test_localhost(self) -> None:
        """`localhost` and what is below it."""
        for name, expected in (("localhost", True), ("a.localhost", True), ("alocalhost", False), ("a", False)):
            self.assertEqual(is_localhost(name), expected, name)
