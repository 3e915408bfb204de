"""What was proved a while ago."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.auth.proven import Proven


class ProvenTests(SynchronousTestCase):
    """`Proven`, of texts."""

    def test_kept_for_a_while(self) -> None:
        """A proof is found until its time is over, which a look does not lengthen."""
        proven: Proven[str] = Proven(10.0)
        digest = proven.digest("192.0.2.1", b"Basic YTpi")
        self.assertIsNone(proven.find(digest, 0.0))
        proven.keep(digest, "a", 0.0)
        self.assertEqual([proven.find(digest, now) for now in (0.0, 9.0, 10.0)], ["a", "a", None])
        self.assertEqual(len(proven), 0)

    def test_digests(self) -> None:
        """They differ by client, by credentials and by process, and the parts cannot run into each other."""
        proven: Proven[str] = Proven(10.0)
        other: Proven[str] = Proven(10.0)
        self.assertEqual(proven.digest("a", b"b"), proven.digest("a", b"b"))
        digests = [
            proven.digest("a", b"b"),
            proven.digest("b", b"b"),
            proven.digest("a", b"c"),
            other.digest("a", b"b"),
        ]
        digests += [proven.digest("ab", b""), proven.digest("", b"ab")]
        self.assertEqual(len(set(digests)), 6)

    def test_off(self) -> None:
        """Without time nothing is kept."""
        proven: Proven[str] = Proven(0.0)
        proven.keep(b"x", "a", 0.0)
        self.assertEqual(len(proven), 0)

    def test_bounded(self) -> None:
        """Of too many the oldest go; one that is made again is young."""
        proven: Proven[str] = Proven(10.0, most=2)
        for digest in (b"a", b"b", b"a", b"c"):
            proven.keep(digest, digest.decode(), 0.0)
        self.assertEqual([proven.find(digest, 1.0) for digest in (b"a", b"b", b"c")], ["a", None, "c"])
        proven.drop(b"a")
        proven.drop(b"never")
        self.assertIsNone(proven.find(b"a", 1.0))
