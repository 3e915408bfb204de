"""Files with secrets."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, places
from twisted_relay.config.secrets import read_password, read_secret
from twisted_relay.config.words import BadValue

TEXT = """\
[listener:web]
bind = :80
backend = app
[backend:app]
servers = http://10.0.0.1
{}
"""


class SecretTests(SynchronousTestCase):
    """`sticky_secret_file`."""

    def load(self, lines: str, content: bytes | None, mode: int = 0o600) -> list[str]:
        """The diagnostics of a backend with these lines and a secret of this content."""
        folder = self.mktemp()
        os.mkdir(folder)
        if content is not None:
            path = Path(folder, "secret")
            path.write_bytes(content)
            path.chmod(mode)
        return places(load_files(folder, {"relay.ini": TEXT.format(lines)}))

    def test_checked(self) -> None:
        """It must be there, long enough and private."""
        lines = "sticky = cookie SRV\nsticky_secret_file = secret"
        for content, mode, expected in (
            (b"0123456789abcdef\n", 0o600, []),
            (b"0123456789abcdef\n", 0o644, ["7:22: warning[readable-key]"]),
            (b"0123456789abcde\n", 0o600, ["7:22: error[bad-file]"]),
            (b"x" * 5000, 0o600, ["7:22: error[bad-file]"]),
            (None, 0, ["7:22: error[bad-file]"]),
        ):
            self.assertEqual(self.load(lines, content, mode), expected)

    def test_without_sticky(self) -> None:
        """Without a cookie there is nothing to sign."""
        self.assertEqual(self.load("sticky_secret_file = secret", None), ["6:1: warning[no-effect]"])

    def test_content(self) -> None:
        """White space around it does not belong to it."""
        path = Path(self.mktemp())
        path.write_bytes(b" 0123456789abcdef\r\n")
        self.assertEqual(read_secret(str(path)), b"0123456789abcdef")
        path.write_bytes(b"short")
        with self.assertRaises(BadValue) as raised:
            read_secret(str(path))
        self.assertIn("holds 5 bytes", str(raised.exception))


class PasswordTests(SynchronousTestCase):
    """A password in a file of its own."""

    def test_content(self) -> None:
        """The first line, which is all there is, white space and all; what is wrong shows nothing of it."""
        path = Path(self.mktemp())
        for content, password in (
            (b"s3cret\n", "s3cret"),
            (b"s3cret", "s3cret"),
            (b" two words \r\n\n", " two words "),
            ("g\u00fcnther\n".encode(), "g\u00fcnther"),
            (b"x" * 255, "x" * 255),
        ):
            path.write_bytes(content)
            self.assertEqual(read_password(str(path)), password)
        for content in (b"", b"\nsecond", b"s3cret\nsecond", b"s3c\x07ret", b"x" * 256, b"s3cret\xff"):
            path.write_bytes(content)
            error = self.assertRaises(BadValue, read_password, str(path))
            self.assertNotIn("s3c", str(error))
