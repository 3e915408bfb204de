"""Ports that clients of a forward proxy may reach with CONNECT."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import head, ok
from tests.upstream.test_forward import ESTABLISHED, PROXY, connecting
from tests.upstream.test_permitted import Ruled
from twisted_relay.config.tree import RouteOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.routing import Route, Router
from twisted_relay.upstream.ports import ConnectPorts


class Ported(Ruled):
    """A conversation in which the proxy has rules that need addresses, and ports before them."""

    def __init__(self, case: SynchronousTestCase) -> None:
        super().__init__(case, "deny destination 10.9.0.0/16", "allow all")
        options = replace(PROXY, connect_ports=((443, 443), (8443, 8443)))
        plan = Plan("", self._counted(ConnectPorts(options, self.permitted)))
        self.listener = Listener(
            options, Router([Route(RouteOptions(name=""), plan)]), self.deadlines, (self.exchanges.append,)
        )


class ConnectPortsTests(SynchronousTestCase):
    """`connect_ports`."""

    def test_refused(self) -> None:
        """Tunnels to other ports are refused before rules are asked: no name is looked up for them."""
        talk = Ported(self)
        for port in (22, 80, 444):
            client = talk.client()
            client.sends(connecting(f"a.example:{port}"))
            client.sees_answer("HTTP/1.1 403 Forbidden", "Proxy-Status: relay; error=http_request_denied")
            self.assertEqual((talk.last().rule, talk.names.asked), ("", []))
            self.assertEqual(str(talk.last().error), f"CONNECT to port {port} is not among connect_ports")
        talk.nobody_is_dialled()
        talk.is_over()

    def test_allowed(self) -> None:
        """The ports that are named, and every port of plain http."""
        talk = Ported(self)
        client = talk.client()
        client.sends(head("GET http://10.0.0.1:8080/ HTTP/1.1", "Host: a"))
        talk.accepts().sends(ok())
        client.sees(ok())
        client.sends(connecting("10.0.0.1:8443"))
        server = talk.accepts()
        client.sees(ESTABLISHED)
        client.aborts()
        server.sees_close()
        talk.is_over()
