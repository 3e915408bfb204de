"""How sticky sessions are written."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.sticky import STICKY
from twisted_relay.config.values import StickySpec


class StickyTests(SynchronousTestCase):
    """The option `sticky`."""

    def test_written(self) -> None:
        """A name, and what the cookie is like."""
        for text, spec in (
            ("off", None),
            ("cookie SRV", StickySpec("SRV")),
            ("cookie SRV secure http-only", StickySpec("SRV", secure=True)),
            ("cookie SRV same-site=Strict max-age=1h30m", StickySpec("SRV", same_site="Strict", max_age=5400)),
            ("cookie SRV secure same-site=none", StickySpec("SRV", secure=True, same_site="None")),
            ("cookie SRV path=/shop domain=Example.org", StickySpec("SRV", path="/shop", domain="example.org")),
        ):
            self.assertEqual(parse(STICKY, text), spec)
            self.assertEqual(parse(STICKY, STICKY.show(spec)), spec)

    def test_refused(self) -> None:
        """The word that is wrong is pointed at."""
        for text, column in (
            ("on", 7),
            ("SRV", 7),
            ("cookie", 7),
            ("cookie a;b", 14),
            ("cookie SRV httponly", 18),
            ("cookie SRV same-site=no", 18),
            ("cookie SRV max-age=60", 18),
            ("cookie SRV max-age=500ms", 18),
            ("cookie SRV path=shop", 18),
            ("cookie SRV path=/a;b", 18),
            ("cookie SRV domain=a_;b", 18),
            ("cookie SRV same-site=none", 7),
            ("cookie SRV max-age=1h max-age=2h", 29),
            ("cookie SRV secure path=/a path=/b", 33),
            ("cookie SRV secure secure", 25),
        ):
            (fault,) = faults_of(STICKY, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, text)
            self.assertTrue(fault.help, text)
