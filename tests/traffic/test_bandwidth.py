"""Limits of bandwidth as the wiring makes them: each option holds by itself, for http and for tunnels."""

from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.known import SlowVerifier
from tests.net.test_tunnel import STEP
from tests.rules.reading import rules_of
from tests.traffic.test_outward import PROXY, RIGHT, Outside
from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.door import ProxyDoor
from twisted_relay.config.tree import AuthOptions, ListenerOptions, RouteOptions
from twisted_relay.downstream.plan import Plan
from twisted_relay.guard.ourselves import Ourselves
from twisted_relay.routing import Route, Router
from twisted_relay.traffic.outward import Named, Outward
from twisted_relay.upstream.assemble import Surroundings

RATE = 100_000
#: What limits an exchange of alice's.
LIMITS = (
    replace(PROXY, auth="staff", bandwidth=RATE),
    replace(PROXY, auth="staff", bandwidth_per_user=RATE),
    replace(PROXY, auth="staff", bandwidth_per_client=RATE),
    replace(PROXY, auth="staff", rules="limited"),
    replace(PROXY, auth="staff", rules="limited", bandwidth=RATE, bandwidth_per_user=3 * RATE),
)
CONTENT = bytes(range(250)) * 2000


class Limited(Outside):
    """A conversation with a forward proxy that has limits."""

    def __init__(self, case: SynchronousTestCase, options: ListenerOptions) -> None:
        super().__init__(case, replace(options, rules=""))
        surroundings = Surroundings(self._time, self._time, self.deadlines, self.resolver)
        self.verifier = SlowVerifier({"alice": "right"})
        authenticator = Authenticator(AuthOptions(name="staff"), self.verifier, Clock().seconds)
        rules = {"egress": rules_of("allow all"), "limited": rules_of("allow user alice limit 100kB/s", "deny all")}
        self.outward = Outward(surroundings, Ourselves(), Named(rules, {"staff": ProxyDoor(authenticator)}, {}))
        plan = Plan("", self._counted(self.outward.destination(options)), leads_out=True)
        self.listener.router = Router([Route(RouteOptions(name=""), plan)])


class BandwidthTests(SynchronousTestCase):
    """One option after the other."""

    def pours(self, options: ListenerOptions, line: str) -> int:
        """Octets that a client gets within two seconds of what its server has, which comes whole in the end."""
        talk = Limited(self, options)
        client = talk.client()
        client.sends(f"{line}\r\nHost: 10.0.0.1\r\n{RIGHT}\r\n\r\n".encode())
        talk.verifier.answer()
        server = talk.accepts("10.0.0.1")
        server.sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT)
        talk.reactor.pass_time(2.0, STEP)
        came = len(client.socket.delivered)
        talk.reactor.pass_time(6.0, STEP)
        self.assertTrue(client.taken().endswith(CONTENT))
        client.aborts()
        talk.waits(11.0)
        talk.is_over()
        return came

    def test_each_option(self) -> None:
        """Limits of the listener, the user, the client and the rule; of several the narrowest is felt."""
        for options in LIMITS:
            for line in ("GET http://10.0.0.1/ HTTP/1.1", "CONNECT 10.0.0.1:443 HTTP/1.1"):
                came = self.pours(options, line)
                self.assertTrue(1.7 * RATE <= came <= 2.8 * RATE, f"{came}: {line}")

    def test_none(self) -> None:
        """Without limits all comes at once, and nothing stands in the way."""
        self.assertGreater(self.pours(replace(PROXY, auth="staff"), "GET http://10.0.0.1/ HTTP/1.1"), len(CONTENT))
