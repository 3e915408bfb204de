"""[auth:NAME] sections, their files and who names them."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, places
from tests.config.test_password_file import ARGON2, BCRYPT

GATEWAY = """\
[listener:web]
bind = 127.0.0.1:80
[route:a]
respond = 204
auth = staff
[auth:staff]
users_file = users
"""
FORWARD = """\
[listener:proxy]
bind = 127.0.0.1:3128
mode = forward
auth = staff
[auth:staff]
users_file = users
"""


class AuthenticationTests(SynchronousTestCase):
    """What `relay check` says."""

    def load(self, text: str, users: str | None = f"alice:{ARGON2}\n", mode: int = 0o600) -> list[str]:
        """The diagnostics, with such a file of users."""
        folder = self.mktemp()
        os.mkdir(folder)
        if users is not None:
            path = Path(folder, "users")
            path.write_text(users)
            path.chmod(mode)
        loaded = load_files(folder, {"relay.ini": text})
        self.told = " ".join(each.message for each in loaded.diagnostics)
        return places(loaded)

    def test_right(self) -> None:
        """A route and a forward proxy with users."""
        self.assertEqual((self.load(GATEWAY), self.load(FORWARD)), ([], []))

    def test_names(self) -> None:
        """The section must be there, should be named, and needs its file."""
        self.assertEqual(self.load(GATEWAY.replace("auth = staff", "auth = stuff")), ["5:8: error[no-such-name]"])
        self.assertEqual(self.load(GATEWAY.replace("auth = staff\n", "")), ["5:1: warning[unused-section]"])
        self.assertEqual(self.load(GATEWAY.replace("users_file = users\n", "")), ["6:1: error[missing-option]"])

    def test_files(self) -> None:
        """They are read: what is wrong has its line, what is doubtful is said."""
        for users, mode, expected in (
            (None, 0o600, ["7:14: error[bad-file]"]),
            ("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", 0o600, ["7:14: error[bad-file]"]),
            (f"alice:{BCRYPT}\n", 0o600, ["7:14: warning[cheap-hash]"]),
            (f"alice:{ARGON2}\n", 0o644, ["7:14: warning[readable-key]"]),
        ):
            self.assertEqual(self.load(GATEWAY, users, mode), expected)
        self.load(GATEWAY, f"alice:{ARGON2}\nbob:hunter2\n")
        self.assertIn("users:2:1: user", self.told)
        self.assertNotIn("hunter2", self.told)
        self.assertEqual(self.load(GATEWAY + "groups_file = none\n"), ["8:15: error[bad-file]"])

    def test_clear_text(self) -> None:
        """Passwords that cross a network without TLS are warned of."""
        self.assertEqual(self.load(GATEWAY.replace("127.0.0.1:80", ":80")), ["5:8: warning[clear-text]"])
        self.assertEqual(self.load(FORWARD.replace("127.0.0.1", "10.0.0.1")), ["4:8: warning[clear-text]"])
        socks = FORWARD.replace("forward", "socks5")
        self.assertEqual(self.load(socks), [])
        self.assertEqual(self.load(socks.replace("127.0.0.1", "10.0.0.1")), ["4:8: warning[clear-text]"])
        for bind in ("localhost:80", "[::1]:80", "unix:/run/relay.sock"):
            self.assertEqual(self.load(GATEWAY.replace("127.0.0.1:80", bind)), [], bind)

    def test_gateways_ask_at_their_routes(self) -> None:
        """`auth` of a listener belongs to forward proxies; on a gateway it would protect nothing."""
        text = GATEWAY.replace("bind = 127.0.0.1:80\n", "bind = 127.0.0.1:80\nauth = staff\n")
        self.assertEqual(self.load(text), ["3:1: error[no-effect]"])

    def test_without_lockout(self) -> None:
        """What only counts for the lock-out does nothing without it."""
        text = GATEWAY + "lockout = off\nlockout_exempt = 10.0.0.1\n"
        self.assertEqual(self.load(text), ["9:1: warning[no-effect]"])
