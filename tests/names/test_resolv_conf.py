"""The name servers of the system."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import Address
from twisted_relay.names.resolv_conf import MOST_DOMAINS, NONE_WRITTEN, ResolvConf, parse_resolv_conf


class ParseTests(SynchronousTestCase):
    """What the file may hold."""

    def test_name_servers(self) -> None:
        """The first three addresses; what is not understood is left aside."""
        for text, expected in (
            ("nameserver 10.0.0.2\n", ("10.0.0.2",)),
            ("search a b\nnameserver\t10.0.0.2 # main\n nameserver ::1\n", ("10.0.0.2", "::1")),
            ("".join(f"nameserver 10.0.0.{n}\n" for n in range(5)), ("10.0.0.0", "10.0.0.1", "10.0.0.2")),
            ("nameserver\nnameserver name.example\nnameserver 10.0.0.2\n", ("10.0.0.2",)),
            ("nameserver fe80::1%eth0\n", ("fe80::1%eth0",)),
        ):
            self.assertEqual(parse_resolv_conf(text).servers, tuple(Address(host, 53) for host in expected), text)

    def test_domains(self) -> None:
        """The last line with search domains counts; at most six are used."""
        for text, expected in (
            ("nameserver 10.0.0.2\n", ()),
            ("search A.internal b.\n", ("a.internal", "b")),
            ("search a\ndomain c.internal\n", ("c.internal",)),
            ("search " + "x.internal " * 9, ("x.internal",) * MOST_DOMAINS),
            ("search a..b -\n", ()),
        ):
            self.assertEqual(parse_resolv_conf(text).domains, expected, text)

    def test_nobody(self) -> None:
        """A file that names nobody means this machine."""
        for text in ("", "# nothing\n", "options edns0\n", "nameserver x\n"):
            self.assertEqual(parse_resolv_conf(text).servers, NONE_WRITTEN, text)


class FileTests(SynchronousTestCase):
    """The file itself."""

    def test_it_is_read_again_when_it_has_changed(self) -> None:
        """A file that appears, is replaced, or goes: the last name servers stay."""
        path = Path(self.mktemp())
        conf = ResolvConf(str(path))
        self.assertEqual(conf.servers(), NONE_WRITTEN)
        path.write_text("nameserver 10.0.0.2\n")
        self.assertEqual(conf.servers(), (Address("10.0.0.2", 53),))
        other = Path(self.mktemp())
        other.write_text("nameserver 10.0.0.3\n")
        os.replace(other, path)
        self.assertEqual(conf.servers(), (Address("10.0.0.3", 53),))
        path.unlink()
        self.assertEqual(conf.servers(), (Address("10.0.0.3", 53),))
