"""Files of users, and of groups."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.password_file import (
    PasswordFile,
    cheap_hashes,
    file_problem,
    hash_problem,
    read_group_file,
    read_password_file,
)
from twisted_relay.config.values import GroupSpec
from twisted_relay.config.words import BadValue

BCRYPT = "$2y$05$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK"
ARGON2 = "$argon2id$v=19$m=65536,t=3,p=4$eHh4eHh4eHh4eHh4eHh4eA$06p5EQIO1ppdUnHSXtMGLZCdNvKzU+HZZbJtALACNls"
SALTED = "eHh4eHh4eHh4eHh4eHh4eA$06p5EQIO1ppdUnHSXtMGLZCdNvKzU+HZZbJtALACNls"

#: What stands behind the name, and a part of what is said of it.
REFUSED = (
    ("$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", "an MD5 hash"),
    ("$1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", "an MD5 hash"),
    ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "a SHA or other LDAP hash"),
    ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "a SHA or other LDAP hash"),
    ("rqXexS6ZhobKA", "a crypt hash"),
    ("$5$salt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1", "neither bcrypt nor argon2id"),
    ("$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.", "neither"),
    ("$y$j9T$salt$hash", "neither bcrypt nor argon2id"),
    ("5f4dcc3b5aa765d61d8327deb882cf99", "a plain MD5 or SHA hash"),
    ("$argon2i$v=19$m=65536,t=3,p=4$" + SALTED, "another argon2"),
    ("$argon2id$v=16$m=65536,t=3,p=4$" + SALTED, "not of version 19"),
    ("$argon2id$m=65536,t=3,p=4$" + SALTED, "not of version 19"),
    ("$argon2id$v=19$m=4194304,t=3,p=4$" + SALTED, "out of bounds"),
    ("$argon2id$v=19$m=65536,t=65,p=4$" + SALTED, "out of bounds"),
    ("$argon2id$v=19$m=8,t=1,p=4$" + SALTED, "out of bounds"),
    ("$2y$05$WYZ89ebzVMj63Y", "cut off"),
    ("$2x$05$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK", "unknown version"),
    ("$2y$31$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK", "not from 4 to 16"),
    ("$2y$03$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK", "not from 4 to 16"),
    ("hunter2", "a password in clear text"),
    ("", "a password in clear text"),
)


class PasswordFileTests(SynchronousTestCase):
    """`read_password_file` and `read_group_file`."""

    def write(self, content: str | bytes) -> str:
        """A file."""
        path = Path(self.mktemp())
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def problem(self, content: str | bytes) -> str:
        """What is said against a file, without its folder."""
        path = self.write(content)
        with self.assertRaises(BadValue) as caught:
            read_password_file(path)
        return file_problem(caught.exception).replace(path, "FILE")

    def test_right(self) -> None:
        """Lines, blank ones, remarks, other line ends, a third part; names in form C."""
        file = read_password_file(
            self.write(f"\ufeff# staff\r\nalice:{BCRYPT}\r\n\r\nbo\u0308b:{ARGON2}:since 2026\na b:{BCRYPT}  \n")
        )
        self.assertEqual(dict(file.hashes), {"alice": BCRYPT, "b\u00f6b": ARGON2, "a b": BCRYPT})
        self.assertNotIn("$2y$", repr(file))

    def test_refused_hashes(self) -> None:
        """Each is named for what it is, with the line, the user and what would be right, and never repeated."""
        for hashed, expected in REFUSED:
            told = self.problem(f"alice:{BCRYPT}\nbob:{hashed}\n")
            self.assertTrue(told.startswith('FILE:2:1: user "bob": '), told)
            self.assertIn(expected, told)
            self.assertIn("relay hash-password", told)
            if hashed:
                self.assertNotIn(hashed, told)
        self.assertEqual([hash_problem(each) for each in (BCRYPT, ARGON2)], ["", ""])

    def test_wrong_lines(self) -> None:
        """All faults at once, and of a line that is no user nothing is shown: it may be a password."""
        told = self.problem(f"s3cret\nalice:{BCRYPT}\n:{BCRYPT}\nb\x01b:{BCRYPT}\n{'n' * 256}:{BCRYPT}\n")
        lines = [int(part.split(":")[1]) for part in told.split("; ")]
        self.assertEqual(lines, [1, 3, 4, 5])
        self.assertNotIn("s3cret", told)

    def test_twice(self) -> None:
        """A user has one password."""
        told = self.problem(f"alice:{BCRYPT}\n" * 3)
        self.assertIn('FILE:3:1: user "alice" stands a second time, first in line 1', told)

    def test_nobody(self) -> None:
        """A file without users, one that is not text, and none at all are errors."""
        self.assertIn("has no user in it", self.problem("# nobody\n"))
        self.assertIn("FILE:2:1: is not UTF-8 text", self.problem(f"alice:{BCRYPT}\n".encode() + b"\xff:x\n"))
        self.assertRaises(BadValue, read_password_file, "/nowhere/users")
        self.assertRaises(BadValue, read_password_file, "/")

    def test_cheap(self) -> None:
        """bcrypt of a low cost is counted, to be warned of."""
        costly = BCRYPT.replace("$05$", "$10$")
        self.assertEqual(cheap_hashes(PasswordFile({"a": BCRYPT, "b": ARGON2, "c": costly})), 1)

    def test_groups(self) -> None:
        """One group on each line, with any number of users."""
        groups = read_group_file(self.write("# who\nops: alice bo\u0308b\n\nnobody:\n"))
        self.assertEqual(groups, (GroupSpec("ops", ("alice", "b\u00f6b")), GroupSpec("nobody", ())))
        with self.assertRaises(BadValue) as caught:
            read_group_file(self.write("ops alice\no/s: bob\n"))
        self.assertEqual([fault.span.line for fault in caught.exception.faults if fault.span], [1, 2])
