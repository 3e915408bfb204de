"""Files that include others."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files, only, places
from twisted_relay.config import load
from twisted_relay.config.includes import DEEPEST_INCLUDE, LARGEST_FILE

LISTENER = "[listener:web]\nbind = :80\n"


class IncludeTests(SynchronousTestCase):
    """`include` in [relay]."""

    def test_sorted_and_after_the_including_file(self) -> None:
        """The routes of included files come last, in the order of their names; folders are looked into."""
        loaded = load_files(
            self.mktemp(),
            {
                "relay.ini": "[relay]\ninclude = conf.d/*.ini more.ini\n"
                + LISTENER
                + "[route:m]\nrespond = 200\nhost = m",
                "conf.d/b.ini": "[route:b]\nrespond = 200\nhost = b",
                "conf.d/a.ini": "[route:a]\nrespond = 200\nhost = a",
                "conf.d/c.txt": "not read",
                "more.ini": "[route:x]\nrespond = 200\nhost = x",
            },
        )
        self.assertEqual([route.name for route in config_of(loaded).routes], ["m", "a", "b", "x"])
        self.assertEqual(loaded.diagnostics, ())

    def test_from_the_environment(self) -> None:
        """Variables may name what to include."""
        files = {"relay.ini": "[relay]\ninclude = ${PART}.ini", "web.ini": LISTENER + "redirect = https"}
        self.assertEqual(len(config_of(load_files(self.mktemp(), files, {"PART": "web"})).listeners), 1)

    def test_nested(self) -> None:
        """An included file may include, in a [relay] section of nothing else; paths are relative to it."""
        loaded = load_files(
            self.mktemp(),
            {
                "relay.ini": "[relay]\ngrace = 1s\ninclude = a/*.ini",
                "a/a.ini": "[relay]\ninclude = b/b.ini",
                "a/b/b.ini": "[log:l]\nto = x.log\n" + LISTENER + "redirect = https\naccess_log = l",
            },
        )
        config = config_of(loaded)
        self.assertEqual(config.relay.grace, 1.0)
        self.assertTrue(config.logs["l"].to.endswith("/a/b/x.log"))

    def test_errors_name_their_file(self) -> None:
        """A mistake in an included file is reported there, with its line."""
        loaded = load_files(
            self.mktemp(), {"relay.ini": "[relay]\ninclude = a.ini\n" + LISTENER, "a.ini": "[log:l]\nzebra = 1\n"}
        )
        self.assertEqual(places(loaded), ["1:1: error[missing-option]", "2:1: error[unknown-option]"])
        self.assertEqual({Path(each.file).name for each in loaded.diagnostics}, {"a.ini"})
        self.assertEqual(loaded.diagnostics[1].source, "zebra = 1")

    def test_duplicates_across_files(self) -> None:
        """The first is named with its file."""
        diagnostic = only(
            load_files(
                self.mktemp(),
                {"relay.ini": "[relay]\ninclude = a.ini\n" + LISTENER, "a.ini": LISTENER.replace("80", "81")},
            )
        )
        self.assertEqual((diagnostic.code, diagnostic.line), ("duplicate-section", 1))
        self.assertRegex(diagnostic.help, r"it is at .*relay\.ini:3:1")

    def test_refused(self) -> None:
        """What is missing, read twice, a folder, unset; a pattern that finds nothing is right."""
        for include, code in (
            ("a.ini", "cannot-read"),
            ("*.ini", "included-twice"),
            ("folder", "cannot-read"),
            ("${NOT_SET}", "unset-variable"),
            ("nothing/*.ini", ""),
        ):
            folder = self.mktemp()
            os.makedirs(os.path.join(folder, "folder"))
            loaded = load_files(folder, {"relay.ini": f"[relay]\ninclude = {include}\n{LISTENER}redirect = https"})
            self.assertEqual([each.code for each in loaded.diagnostics], [code] if code else [], include)
            self.assertEqual([(each.line, each.column) for each in loaded.diagnostics], [(2, 11)] if code else [])

    def test_an_unset_variable_below(self) -> None:
        """It is reported in an included file too, whose [relay] section is otherwise of no account."""
        files = {
            "relay.ini": "[relay]\ninclude = a.ini\n" + LISTENER + "redirect = https",
            "a.ini": "[relay]\ninclude = ${X}\n",
        }
        diagnostic = only(load_files(self.mktemp(), files))
        self.assertEqual((Path(diagnostic.file).name, diagnostic.code), ("a.ini", "unset-variable"))

    def test_depth(self) -> None:
        """Up to eight deep."""
        depth = DEEPEST_INCLUDE + 1
        files = {f"{number}.ini": f"[relay]\ninclude = {number + 1}.ini\n" for number in range(depth)}
        files[f"{depth}.ini"] = LISTENER
        diagnostic = only(load_files(self.mktemp(), files))
        self.assertEqual((diagnostic.code, Path(diagnostic.file).name), ("include-depth", f"{DEEPEST_INCLUDE}.ini"))

    def test_large_files(self) -> None:
        """A file beyond the limit is not read."""
        self.assertEqual(only(load_files(self.mktemp(), {"relay.ini": b"#" * (LARGEST_FILE + 1)})).code, "too-large")

    def test_no_file(self) -> None:
        """When the file itself is missing, no line can be named."""
        diagnostic = only(load(os.path.join(self.mktemp(), "relay.ini"), {}))
        self.assertEqual((diagnostic.code, diagnostic.line), ("cannot-read", 0))
