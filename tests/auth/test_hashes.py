"""Real hashes, of little cost."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.auth.hashes import make_argon2id, make_bcrypt, matches, stand_in
from twisted_relay.config.password_file import hash_problem

KNOWN = (
    # htpasswd -nbB -C 4 test secret; argon2 of the reference implementation
    ("$2y$04$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK", b"a"),
    ("$2a$04$I8uTsTo3XSLwyJ6kHiEvdOUp2Xn5zY0dLzBttAZDLYsYPn9NKJpCK", b"a"),
    ("$argon2id$v=19$m=65536,t=3,p=4$eHh4eHh4eHh4eHh4eHh4eA$06p5EQIO1ppdUnHSXtMGLZCdNvKzU+HZZbJtALACNls", b"secret"),
)


def cheap_argon2id(password: bytes) -> str:
    """An argon2id hash that takes no time."""
    return make_argon2id(password, 64, 1, 1)


def cheap_bcrypt(password: bytes) -> str:
    """A bcrypt hash that takes little time."""
    return make_bcrypt(password, 4)


class HashTests(SynchronousTestCase):
    """Comparing and making."""

    def test_known(self) -> None:
        """Hashes that others have made."""
        for hashed, password in KNOWN:
            self.assertEqual((hash_problem(hashed), matches(password, hashed)), ("", True), hashed)
            self.assertFalse(matches(password + b"x", hashed))

    def test_own(self) -> None:
        """What is made is accepted in a file, and fits its password only, whatever octets that has."""
        makers: tuple[Callable[[bytes], str], ...] = (cheap_argon2id, cheap_bcrypt)
        for make in makers:
            for password in (b"x", "pässwörd".encode(), b"p" * 72):
                hashed = make(password)
                self.assertEqual((hash_problem(hashed), matches(password, hashed)), ("", True))
                self.assertFalse(matches(b"y", hashed))
                self.assertNotEqual(make(password), hashed)

    def test_long_passwords(self) -> None:
        """bcrypt would read 72 octets only: longer passwords are refused when it is made, and never match."""
        self.assertRaises(ValueError, make_bcrypt, b"p" * 73, 4)
        self.assertFalse(matches(b"p" * 73, cheap_bcrypt(b"p" * 72)))
        self.assertTrue(matches(b"p" * 73, cheap_argon2id(b"p" * 73)))

    def test_stand_in(self) -> None:
        """For users who do not exist there is a valid hash that costs what most of the others do."""
        many, few = cheap_argon2id(b"x"), cheap_bcrypt(b"x")
        for hashes, beginning in (
            ([many, many, few], "$argon2id$v=19$m=64,t=1,p=1$"),
            ([many, few, few], "$2y$04$"),
        ):
            made = stand_in(hashes)
            self.assertTrue(made.startswith(beginning), made)
            self.assertEqual((hash_problem(made), len(made)), ("", len(max(hashes, key=hashes.count))))
            self.assertFalse(matches(b"x", made))
