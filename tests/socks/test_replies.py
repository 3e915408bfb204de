"""What a client learns of an error."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay import errors
from twisted_relay.socks.codes import Reply
from twisted_relay.socks.replies import reply_to


class ReplyTests(SynchronousTestCase):
    """One of eight words for each error."""

    def test_replies(self) -> None:
        """What was refused, what could not be reached and why; everything else is a general failure."""
        for error, reply in (
            (errors.DestinationRefused(""), Reply.NOT_ALLOWED),
            (errors.NetworkUnreachable(""), Reply.NETWORK_UNREACHABLE),
            (errors.ConnectFailed(""), Reply.HOST_UNREACHABLE),
            (errors.NameNotResolved(""), Reply.HOST_UNREACHABLE),
            (errors.NameTimeout(""), Reply.TTL_EXPIRED),
            (errors.ConnectRefused(""), Reply.REFUSED),
            (errors.ConnectTimeout(""), Reply.TTL_EXPIRED),
            (errors.BadRequest(""), Reply.FAILED),
            (errors.ShuttingDown(""), Reply.FAILED),
            (errors.RelayError(""), Reply.FAILED),
        ):
            self.assertIs(reply_to(error), reply, type(error))

    def test_refusals_look_the_same(self) -> None:
        """Nobody can tell the guard from a rule, and so find out what a name inside means."""
        for error in (errors.DestinationForbidden("10.0.0.1 is private"), errors.DeniedByRule("a rule", "relay.ini:5")):
            self.assertIs(reply_to(error), Reply.NOT_ALLOWED)
