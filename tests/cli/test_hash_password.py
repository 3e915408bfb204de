"""`relay hash-password`."""

import contextlib
import io
import os
import pty
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.auth.hashes import matches
from twisted_relay.cli import main
from twisted_relay.config.password_file import hash_problem


class HashPasswordTests(SynchronousTestCase):
    """What it prints for what it reads."""

    def call(self, password: str, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        output, errors = io.StringIO(), io.StringIO()
        self.patch(sys, "stdin", io.StringIO(password))
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                status = main(["hash-password", *arguments])
            except SystemExit as leaving:
                status = int(leaving.code or 0)
        return status, output.getvalue(), errors.getvalue()

    def test_lines(self) -> None:
        """A line for the file, of the type and cost that was asked for; without a user the hash alone."""
        argon2id = ("--type", "argon2id", "--memory", "1M", "--passes", "1")
        for arguments, beginning in (
            (("alice", "--cost", "10"), "alice:$2y$10$"),
            (("bo\u0308b", *argon2id), "b\u00f6b:$argon2id$v=19$m=1024,t=1,p=1$"),
            (argon2id, "$argon2id$v=19$m=1024,t=1,p=1$"),
            (("alice", "--type", "argon2id"), "alice:$argon2id$v=19$m=19456,t=2,p=1$"),
        ):
            status, line, errors = self.call("o\u0308 pen sesame\r\n", *arguments)
            self.assertEqual((status, errors), (0, ""))
            self.assertTrue(line.startswith(beginning) and line.endswith("\n"), line)
            hashed = line.strip().rpartition(":")[2]
            self.assertEqual(hash_problem(hashed), "")
            self.assertTrue(matches("\u00f6 pen sesame".encode(), hashed))

    def test_wrong_use(self) -> None:
        """Names that no file can have, and costs that are too low, too high or of the other type."""
        for arguments in (
            ("a:b",),
            ("#a",),
            (" a",),
            ("",),
            ("a", "--cost", "9"),
            ("a", "--cost", "17"),
            ("a", "--memory", "64M"),
            ("a", "--type", "argon2id", "--cost", "12"),
            ("a", "--type", "argon2id", "--memory", "1G"),
            ("a", "--type", "argon2id", "--memory", "64MB"),
            ("a", "--type", "argon2id", "--passes", "0"),
            ("a", "--type", "md5"),
        ):
            status, output, errors = self.call("x\n", *arguments)
            self.assertEqual((status, output), (2, ""), arguments)
            self.assertIn("error:", errors)

    def test_passwords_that_cannot_be(self) -> None:
        """None, control characters, and one that bcrypt would cut off."""
        for password in ("", "\n", "a\0b\n", "p" * 73, "p" * 2000):
            status, output, errors = self.call(password, "alice")
            self.assertEqual((status, output), (1, ""), password)
            self.assertNotIn("ppp", errors)

    def test_on_a_terminal(self) -> None:
        """It asks twice, shows nothing of what is typed, and refuses two that differ."""
        for typed, status in ((b"hush\nhush\n", 0), (b"hush\nhash\n", 1)):
            ours, theirs = pty.openpty()
            program = "from twisted_relay.cli import main; raise SystemExit(main())"
            child = subprocess.Popen(
                [sys.executable, "-c", program, "hash-password", "alice", "--cost", "10"],
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=theirs,
                start_new_session=True,
            )
            os.close(theirs)
            shown = b""
            for line in typed.splitlines(keepends=True):
                while not shown.endswith(b": "):
                    shown += os.read(ours, 1000)
                os.write(ours, line)
                shown += os.read(ours, 1)
            output, _ = child.communicate(timeout=60)
            os.close(ours)
            self.assertEqual((child.returncode, output.startswith(b"alice:$2y$10$")), (status, not status))
            self.assertNotIn(b"hush", shown)
