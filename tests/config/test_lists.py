"""How block lists are written in the configuration."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files
from twisted_relay.config import Loaded
from twisted_relay.config.lists import parse_list_url
from twisted_relay.config.values import Address, ListUrl
from twisted_relay.config.words import BadValue

LISTENER = "[listener:web]\nbind = :80\nredirect = https\n"

#: URLs, and what becomes of them.
URLS = (
    ("https://lists.example/ads.txt", ListUrl("https", Address("lists.example", 443), "/ads.txt"), None),
    ("http://lists.example:8080/a?b=c", ListUrl("http", Address("lists.example", 8080), "/a?b=c"), None),
    ("https://LISTS.example.", ListUrl("https", Address("lists.example", 443), "/"), "https://lists.example/"),
    ("http://[2001:DB8::1]/a", ListUrl("http", Address("2001:db8::1", 80), "/a"), "http://[2001:db8::1]/a"),
    ("http://[::1]:81/a", ListUrl("http", Address("::1", 81), "/a"), None),
    ("http://192.0.2.1/a", ListUrl("http", Address("192.0.2.1", 80), "/a"), None),
)
BAD_URLS = (
    "lists.example/ads",
    "ftp://lists.example/",
    "https:///ads",
    "https://lists.example:99999/",
    "https://lists.example:x/",
    "https://u:p@lists.example/",
    "https://[::1/",
    "https://999.1.1.1/",
    "https://a_b!/",
    "https://lists.example/ä",
    "https://ä.example/",
)
#: Sections, the code of what is wrong, and words of it.
WRONG = (
    ("", "missing-option", 'needs the option "file" or "url"'),
    ("url = https://lists.example/", "missing-option", "url needs a place for what is fetched"),
    ("file = ads\nformat = csv", "bad-value", '"csv" is not valid'),
    ("file = ads\nexceptions = a/b", "bad-value", '"a/b" is not valid'),
    ("file = ads\nexceptions = list:", "bad-value", '"list:" is not valid'),
    ("file = ads\nexceptions = list:none", "no-such-name", "no [list:none] section"),
    ("file = ads\nexceptions = list:ads", "chained-exceptions", "[list:ads] has exceptions by a list itself"),
    (
        "file = ads\nexceptions = list:b\n[list:b]\nfile = ads\nexceptions = list:c\n[list:c]\nfile = ads",
        "chained-exceptions",
        "[list:b] has exceptions by a list itself",
    ),
    ("file = ads\nmax_size = 10", "bad-value", "max_size"),
    ("file = ads\ntimeout = 5s", "no-effect", "timeout does nothing here: [list:ads] has no url"),
    ("file = missing", "bad-file", "is not there"),
    ("file = .", "bad-file", "cannot be read"),
    ("file = ads\nurl = http://lists.example/\n[relay]\nstate_dir = .", "no-verification", "its url is not https"),
    ("file = ads\nurl = https://a.example/\n[relay]\nstate_dir = none", "bad-file", "is no directory"),
    ("file = ads\nurl = https://a.example/\ntls_ca = none\n[relay]\nstate_dir = .", "bad-file", "cannot read"),
    ("file = ads", "unused-section", "nothing uses [list:ads]"),
)


class ListTests(SynchronousTestCase):
    """`[list:NAME]`."""

    def test_urls(self) -> None:
        """Host, port and path are read, and written again in their usual form."""
        for text, url, shown in URLS:
            self.assertEqual(parse_list_url(text), url)
            self.assertEqual(str(url), shown or text)

    def test_bad_urls(self) -> None:
        """Anything else is refused."""
        for text in BAD_URLS:
            self.assertRaises(BadValue, parse_list_url, text)

    def load(self, text: str) -> Loaded:
        """A configuration with a list, beside a file of its name."""
        return load_files(self.mktemp(), {"relay.ini": f"{LISTENER}[list:ads]\n{text}\n", "ads": "a.example\n"})

    def test_wrong(self) -> None:
        """What is wrong or doubtful is said."""
        for text, code, words in WRONG:
            found = self.load(text).diagnostics
            self.assertTrue(any(each.code == code and words in each.message for each in found), f"{text}: {found}")

    def test_right(self) -> None:
        """All options are read; paths are relative to the file; lists of exceptions count as used."""
        loaded = self.load(
            "file =\n    ads\n    more ads\nreload = 0\nexceptions = a.example 10.0.0.0/8 list:b\n[list:b]\nfile = ads"
        )
        assert loaded.config is not None
        options = loaded.config.lists["ads"]
        self.assertEqual([Path(path).name for path in options.file], ["ads", "more ads"])
        self.assertTrue(all(Path(path).is_absolute() for path in options.file))
        self.assertEqual(options.exceptions, ("a.example", "10.0.0.0/8", "list:b"))
        unused = [each.message for each in loaded.diagnostics if each.code == "unused-section"]
        self.assertEqual(unused, ["nothing uses [list:ads]"])
