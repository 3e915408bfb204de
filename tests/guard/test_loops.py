"""Parents that are relay itself."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import ConnectFailed
from twisted_relay.guard.loops import NotOurselves
from twisted_relay.guard.ourselves import Ourselves


class LoopTests(SynchronousTestCase):
    """`NotOurselves`."""

    def test_ours(self) -> None:
        """A listener of this daemon, by whichever address of the machine; other ports and machines are fine."""
        ourselves = Ourselves(lambda: frozenset([b"\x0a\x00\x00\x05"]))
        ourselves.listen(["0.0.0.0:3128", "[::1]:3129"])
        judge = NotOurselves(ourselves)
        for address, port, is_ours in (
            ("127.0.0.1", 3128, True),
            ("127.0.0.9", 3128, True),
            ("10.0.0.5", 3128, True),
            ("::1", 3129, True),
            ("127.0.0.1", 3130, False),
            ("10.0.0.6", 3128, False),
            ("192.168.1.1", 8080, False),
        ):
            if is_ours:
                error = self.assertRaises(ConnectFailed, judge.check, "p.example", port, (address,))
                self.assertEqual(str(error), f"p.example port {port} is a listener of relay itself, by {address}")
            else:
                judge.check("p.example", port, (address,))

    def test_one_is_enough(self) -> None:
        """A name that leads to relay among others is refused, as the connector would come to it."""
        ourselves = Ourselves()
        ourselves.listen(["127.0.0.1:3128"])
        self.assertRaises(ConnectFailed, NotOurselves(ourselves).check, "p", 3128, ("10.0.0.1", "127.0.0.1"))
