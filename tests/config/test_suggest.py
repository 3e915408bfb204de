"""Did you mean …?"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.build import OPTIONS
from twisted_relay.config.suggest import ELSEWHERE, did_you_mean, nearest


class SuggestTests(SynchronousTestCase):
    """Which known word is meant."""

    def test_nearest(self) -> None:
        """Spelling, case, dashes; nothing when nothing is near."""
        known = ["connect_timeout", "servers", "check", "API"]
        for word, meant in (
            ("conect_timeout", "connect_timeout"),
            ("Connect-Timeout", "connect_timeout"),
            ("serves", "servers"),
            ("api", "API"),
            ("apq", "API"),
            ("zebra", ""),
            ("", ""),
            ("c" * 10_000, ""),
        ):
            self.assertEqual(nearest(word, known), meant)

    def test_words_of_other_proxies(self) -> None:
        """They lead to ours where that is known, and ours exist."""
        self.assertEqual(nearest("proxy_pass", OPTIONS["route"]), "backend")
        self.assertEqual(nearest("listen", OPTIONS["listener"]), "bind")
        self.assertEqual(nearest("listen", ["zone"]), "")
        ours = {*OPTIONS, *(key for options in OPTIONS.values() for key in options)}
        self.assertEqual(set(ELSEWHERE.values()) - ours, set())

    def test_did_you_mean(self) -> None:
        """A question, or nothing."""
        self.assertEqual(did_you_mean("apii", ["api"]), 'did you mean "api"?')
        self.assertEqual(did_you_mean("x", ["api"]), "")
