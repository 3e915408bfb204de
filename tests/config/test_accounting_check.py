"""`[accounting]`."""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import config_of, load_files, places
from twisted_relay.config import Loaded

PROXY = "[listener:proxy]\nbind = 127.0.0.1:3128\nmode = forward\n[admin]\nbind = unix:/run/relay/admin.sock\n"
GATEWAY = "[listener:web]\nbind = :80\nredirect = https\n[admin]\nbind = unix:/run/relay/admin.sock\n"


class AccountingTests(SynchronousTestCase):
    """What is counted, and for whom."""

    def load(self, text: str, base: str = PROXY) -> Loaded:
        """A file whose further lines begin in line 6."""
        folder = self.mktemp()
        os.mkdir(folder)
        return load_files(folder, {"relay.ini": f"{base}{text}"})

    def test_options(self) -> None:
        """How many names, and of what; without `top` nothing is counted."""
        options = config_of(self.load("[accounting]\ntop = 50\nof = users users clients\n")).accounting
        self.assertEqual((options.top, options.of), (50, ("users", "clients")))
        for text in ("", "[accounting]\ntop = off\n"):
            self.assertEqual(config_of(self.load(text)).accounting.top, 0)

    def test_refused(self) -> None:
        """Numbers that are none, and kinds that there are not."""
        for line, column in (("top = 0", 7), ("top = 10001", 7), ("top = on", 7), ("top = 50\nof = hosts", 6)):
            [place] = places(self.load(f"[accounting]\n{line}\n"))
            self.assertRegex(place, rf"^[78]:{column}: error")

    def test_no_effect(self) -> None:
        """Nobody to be counted, nobody who could ask, nothing that is counted."""
        self.assertEqual(places(self.load("[accounting]\ntop = 50\n")), [])
        self.assertEqual(places(self.load("[accounting]\ntop = 50\n", GATEWAY)), ["7:1: warning[no-effect]"])
        socketless = PROXY.partition("[admin]")[0] + "\n\n"
        self.assertEqual(places(self.load("[accounting]\ntop = 50\n", socketless)), ["7:1: warning[no-effect]"])
        self.assertEqual(places(self.load("[accounting]\nof = users\n")), ["7:1: warning[no-effect]"])
