"""upstream.unresolved: why a name has no address."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.errors import NameNotResolved, NameTimeout
from twisted_relay.names.reply import FAILURES
from twisted_relay.names.resolver import Resolver
from twisted_relay.upstream.unresolved import unresolved


class Failing(Resolver):
    """A resolver that has failed for this reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def failure(self, host: str) -> str:
        """See `Resolver`."""
        return self.reason


class UnresolvedTests(SynchronousTestCase):
    """From a word to an error."""

    def test_every_reason(self) -> None:
        """Answers of name servers are told with their code, silence is a time-out, and the rest has no code."""
        expected = {
            "nxdomain": "NXDOMAIN",
            "empty": "NOERROR",
            "servfail": "SERVFAIL",
            "refused": "REFUSED",
        }
        for reason in ("", *FAILURES):
            error = unresolved(Failing(reason), "a.example")
            self.assertIs(type(error), NameTimeout if reason == "timeout" else NameNotResolved)
            parameters = (("rcode", expected[reason]),) if reason in expected else ()
            self.assertEqual(error.parameters, parameters)
            self.assertTrue(str(error).startswith("no address is known for a.example"))
