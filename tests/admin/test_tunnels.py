"""The tunnels that are open, as JSON; and that what they move is counted while they last."""

from dataclasses import replace
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import Party
from tests.upstream.test_forward import ESTABLISHED, PROXY, Proxied, connecting
from twisted_relay.accounting.accounting import Accounting
from twisted_relay.admin.json_input import JSON, Refused
from twisted_relay.admin.top import running_in
from twisted_relay.admin.tunnels import Tunnels


class TunnelsTests(SynchronousTestCase):
    """`Tunnels`."""

    def setUp(self) -> None:
        self.talk = Proxied(self, replace(PROXY, tunnel_idle_timeout=1000.0))
        self.tunnels = Tunnels([self.talk.listener], self.talk.deadlines.now)

    def open(self, place: str) -> Party:
        """A tunnel."""
        client = self.talk.client()
        client.sends(connecting(place))
        self.server = self.talk.accepts(place.partition(":")[0])
        client.sees(ESTABLISHED)
        return client

    def asked(self, **asked: str) -> list[JSON]:
        """The tunnels that are told."""
        return cast("list[JSON]", self.tunnels.answer(asked)["tunnels"])

    def test_all(self) -> None:
        """Whose it is, where it goes, how old it is and what it has moved; gone when it has ended."""
        client = self.open("10.0.0.1:443")
        client.sends(b"12345")
        self.server.sends(b"123")
        self.talk.waits(30.0)
        [told] = self.asked()
        told["age"] = round(cast(float, told["age"]))
        self.assertEqual(
            told,
            {
                "listener": "web",
                "client": "192.0.2.1",
                "user": "",
                "destination": "10.0.0.1",
                "sni": "",
                "server": "10.0.0.1:443",
                "parent": "",
                "rule": "",
                "age": 30,
                "bytes_received": 5,
                "bytes_sent": len(ESTABLISHED) + 3,
            },
        )
        client.aborts()
        self.server.sees_close()
        self.assertEqual(self.tunnels.answer({}), {"open": 0, "tunnels": []})
        self.talk.is_over()

    def test_pages(self) -> None:
        """The oldest come first, or those that have moved most; of more than the limit the number is told."""
        for number in range(4):
            self.open(f"10.0.0.{number}:443")
            self.server.sends(bytes(1 + number))
            self.talk.waits(1.0)
        self.assertEqual([each["destination"] for each in self.asked(limit="2")], ["10.0.0.0", "10.0.0.1"])
        self.assertEqual([each["destination"] for each in self.asked(limit="1", by="bytes")], ["10.0.0.3"])
        self.assertEqual(self.tunnels.answer({"limit": "1"})["open"], 4)

    def test_whose(self) -> None:
        """Only those of one user or address, if that is asked; nothing else is understood."""
        self.open("10.0.0.1:443")
        for asked, count in (
            ({"client": "192.0.2.1"}, 1),
            ({"client": "192.0.2.2"}, 0),
            ({"user": ""}, 1),
            ({"user": "ann"}, 0),
        ):
            self.assertEqual(len(self.asked(**asked)), count)
        self.assertRaises(Refused, self.asked, users="ann")
        self.assertRaises(Refused, self.asked, limit="many")

    def test_counted_while_it_lasts(self) -> None:
        """Accounting counts the octets of a tunnel before it ends, and the same in all."""
        accounting = Accounting(10, ("destinations",), 0.0)
        accounting.running = lambda: running_in([self.talk.listener])
        self.talk.listener.observers = (*self.talk.listener.observers, accounting)
        client = self.open("10.0.0.1:443")
        self.server.sends(bytes(1000))
        accounting.look(1.0)
        top = accounting.tallies["destinations"].ever("bytes", 1)
        self.assertEqual((top.requests, top.bytes), (0, len(ESTABLISHED) + 1000))
        self.server.sends(bytes(500))
        client.aborts()
        self.server.sees_close()
        top = accounting.tallies["destinations"].ever("bytes", 1)
        self.assertEqual((top.requests, top.bytes), (1, len(ESTABLISHED) + 1500))
