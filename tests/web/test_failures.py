"""Tests of the exceptions that an agent's callers see."""

from twisted.internet import error as twisted_errors
from twisted.trial.unittest import SynchronousTestCase
from twisted.web._newclient import ResponseNeverReceived

from twisted_relay import errors
from twisted_relay.web.failures import no_response

#: (our error, what a request fails with, what is in its `reasons`)
CASES = (
    (errors.ConnectRefused("a:1: connection refused"), twisted_errors.ConnectionRefusedError, None),
    (errors.ConnectFailed("a:1: no route"), twisted_errors.ConnectError, None),
    (errors.ConnectTimeout("late"), twisted_errors.TimeoutError, None),
    (errors.NameNotResolved("a"), twisted_errors.DNSLookupError, None),
    (errors.NetworkUnreachable("no route"), twisted_errors.ConnectError, None),
    (errors.NameTimeout("silent"), twisted_errors.DNSLookupError, None),
    (errors.CertificateRefused("not trusted"), ResponseNeverReceived, twisted_errors.SSLError),
    (errors.NoServer("none"), twisted_errors.ConnectError, None),
    (errors.QueueFull("full"), twisted_errors.ConnectError, None),
    (errors.QueueTimeout("late"), twisted_errors.TimeoutError, None),
    (errors.TLSFailed("not trusted"), ResponseNeverReceived, twisted_errors.SSLError),
    (errors.ConnectionReset("closed"), ResponseNeverReceived, twisted_errors.ConnectionLost),
    (errors.IncompleteResponse("closed"), ResponseNeverReceived, twisted_errors.ConnectionLost),
    (errors.ResponseTimeout("late"), ResponseNeverReceived, twisted_errors.TimeoutError),
    (errors.BadResponse("garbage"), ResponseNeverReceived, errors.BadResponse),
    (errors.ShuttingDown("closed"), ResponseNeverReceived, errors.ShuttingDown),
)


class FailureTests(SynchronousTestCase):
    """Our errors, in Twisted's words."""

    def test_exceptions(self) -> None:
        """Callers catch what they catch from Twisted's own agent, and find our error behind it."""
        for error, expected, reason in CASES:
            exception = no_response(error)
            self.assertIs(type(exception), expected)
            self.assertIs(exception.__cause__, error)
            self.assertIn(str(error), str(exception))
            if isinstance(exception, ResponseNeverReceived):
                self.assertIs(exception.reasons[0].type, reason)
