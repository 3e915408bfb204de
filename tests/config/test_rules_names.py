"""Users and groups that rules name must be there."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, only
from twisted_relay.config import Loaded

TEXT = """\
[listener:proxy]
bind = 127.0.0.1:3128
mode = forward
auth = staff
rules = egress

[rules:egress]
rule =
    {rule}
    deny all

[auth:staff]
users_file = users
"""
HASH = "$2b$12$" + "a" * 53


class NameTests(SynchronousTestCase):
    """`user` and `group` of rules."""

    def load(self, rule: str, more: str = "", users: str = f"anna:{HASH}\nben:{HASH}\n") -> Loaded:
        """The rule stands in line 9."""
        folder = self.mktemp()
        files = {"relay.ini": TEXT.format(rule=rule) + more, "users": users, "groups": "guests: ben\n"}
        Path(folder).mkdir()
        Path(folder, "users").touch(0o600)
        return load_files(folder, files)

    def test_known(self) -> None:
        """Names that there are, in whatever normal form."""
        for rule, more in (
            ("allow user anna ben", ""),
            ("allow group ops", "groups = ops: anna\n"),
            ("allow group ops guests not user anna", "groups = ops: anna\ngroups_file = groups\n"),
        ):
            self.assertEqual(self.load(rule, more).diagnostics, (), rule)
        accented = self.load("allow user a\u0308nna", users=f"\u00e4nna:{HASH}\n")
        self.assertEqual(accented.diagnostics, ())

    def test_unknown_users(self) -> None:
        """They may come into the file later, so it is a warning."""
        found = only(self.load("allow user ana"))
        self.assertEqual((found.severity, found.code, found.line, found.column), ("warning", "no-such-name", 9, 16))
        self.assertEqual((found.message, found.help), ('[auth:staff] has no user "ana"', 'did you mean "anna"?'))

    def test_unknown_groups(self) -> None:
        """They are an error; where a file may still get them, a warning."""
        for more, severity, help in (
            ("groups = ops: anna\n", "error", 'did you mean "ops"?'),
            ("", "error", "write it in groups of [auth:staff]"),
            ("groups_file = groups\n", "warning", "write it in groups of [auth:staff]"),
        ):
            found = only(self.load("allow not group opss", more))
            self.assertEqual((found.severity, found.code, found.line), (severity, "no-such-name", 9), more)
            self.assertEqual(found.help, help)

    def test_files_that_cannot_be_read(self) -> None:
        """Only that is reported: it is not known who is in them."""
        self.assertEqual(only(self.load("allow user zoe", users="anna:plain\n")).code, "bad-file")
        missing = self.load("allow group zoo", "groups_file = nowhere\n")
        self.assertEqual([each.code for each in missing.diagnostics], ["bad-file"])

    def test_sections_that_are_not_there(self) -> None:
        """A section that is missing is one error."""
        folder = self.mktemp()
        text = TEXT.format(rule="allow user zoe").replace("auth = staff", "auth = staf")
        Path(folder).mkdir()
        Path(folder, "users").touch(0o600)
        found = only(load_files(folder, {"relay.ini": text, "users": f"anna:{HASH}\n"}))
        self.assertEqual((found.code, found.line), ("no-such-name", 4))
