"""Servers as JSON, and changes to them."""

from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.admin.controlled import WALL, make_shop
from twisted_relay.admin.json_input import JSON, Refused
from twisted_relay.admin.servers import Servers
from twisted_relay.config.values import ServerSpec, UnixAddress

#: (what was sent, part of the message, the help)
BAD_CHANGES: tuple[tuple[JSON, str, str], ...] = (
    ({}, "nothing to change", 'give "mode" or "weight"'),
    ({"reason": "x"}, "nothing to change", 'give "mode" or "weight"'),
    ({"mode": "drian"}, '"mode" is not valid', 'did you mean "drain"?'),
    ({"mode": "up"}, '"mode" is not valid', "write one of ready, drain, maint"),
    ({"mode": None}, '"mode" is not valid', "write one of ready, drain, maint"),
    ({"weight": 257}, '"weight" is not valid', "write a whole number from 0 to 256"),
    ({"weight": -1}, '"weight" is not valid', "write a whole number from 0 to 256"),
    ({"weight": 1.0}, '"weight" is not valid', "write a whole number from 0 to 256"),
    ({"weight": True}, '"weight" is not valid', "write a whole number from 0 to 256"),
    ({"weight": "1"}, '"weight" is not valid', "write a whole number from 0 to 256"),
    ({"weight": 1, "state": "up"}, 'unknown key "state"', "there are: mode, weight, reason"),
    ({"weight": 1, "reason": "a\nb"}, '"reason" is not a text on one line', ""),
    ({"weight": 1, "reason": "x" * 201}, '"reason" is longer than 200 characters', ""),
)


class ServersTests(SynchronousTestCase):
    """`Servers` over one backend."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.backend = make_shop(self.clock, ServerSpec("unix:/run/x/y.sock", "http", UnixAddress("/run/x/y.sock")))
        self.servers = Servers({"shop": self.backend}, lambda: WALL + self.clock.seconds() - 1000.0)
        self.one = self.backend.servers[0]

    def test_shown(self) -> None:
        """A server shows what it is, how it is, since when and why, and what it does."""
        self.clock.advance(2.5)
        self.one.active_requests = 3
        self.assertEqual(
            self.servers.one("shop/one"),
            {
                "backend": "shop",
                "name": "one",
                "address": "10.0.0.1:80",
                "scheme": "http",
                "state": "up",
                "mode": "ready",
                "reason": "",
                "since": "2027-01-15T08:00:00.000Z",
                "age": 2.5,
                "weight": 2,
                "configured_weight": 2,
                "share": 2.0,
                "tier": 1,
                "backup": False,
                "active_requests": 3,
                "connections": {"open": 0, "idle": 0},
                "checks": {"passed": 0, "failed": 0, "last": "", "last_seconds": 0.0},
                "history": [],
            },
        )

    def test_all(self) -> None:
        """Every backend is there, with its policy, its queue and its servers in file order."""
        [backend] = cast("list[JSON]", self.servers.all()["backends"])
        self.assertEqual(
            (backend["name"], backend["balance"], backend["queue"]),
            ("shop", "round-robin", {"length": 0, "limit": 1024}),
        )
        names = [server["name"] for server in cast("list[JSON]", backend["servers"])]
        self.assertEqual(names, ["one", "two", "spare", "unix:/run/x/y.sock"])

    def test_discovery(self) -> None:
        """A backend that looks for servers says how that stands; others do not."""
        [backend] = cast("list[JSON]", self.servers.all()["backends"])
        self.assertNotIn("discovery", backend)
        self.backend.describe_discovery = lambda: "dns+a://api.internal:80: 2 servers"
        [backend] = cast("list[JSON]", self.servers.all()["backends"])
        self.assertEqual(backend["discovery"], "dns+a://api.internal:80: 2 servers")

    def test_modes(self) -> None:
        """A server is drained, taken out and brought back; its history says when, and that an operator did it."""
        for mode, state in (("drain", "drain"), ("maint", "maint"), ("ready", "up")):
            self.clock.advance(1.0)
            changed = self.servers.change("shop/one", {"mode": mode, "reason": "deploy"})
            self.assertEqual((changed["state"], changed["mode"], self.one.is_usable), (state, mode, state == "up"))
        history = cast("list[JSON]", self.servers.one("shop/one")["history"])
        self.assertEqual(
            [(entry["at"], entry["age"], entry["state"], entry["reason"]) for entry in history],
            [
                ("2027-01-15T08:00:01.000Z", 2.0, "drain", "by operator: deploy"),
                ("2027-01-15T08:00:02.000Z", 1.0, "maint", "by operator: deploy"),
                ("2027-01-15T08:00:03.000Z", 0.0, "up", "by operator: deploy"),
            ],
        )

    def test_weight(self) -> None:
        """A weight holds at once; the one in the file is still shown, and the history says what changed."""
        changed = self.servers.change("shop/one", {"weight": 7})
        self.assertEqual((changed["weight"], changed["configured_weight"], changed["share"]), (7, 2, 7.0))
        self.assertEqual(self.one.weight, 7)
        [entry] = cast("list[JSON]", changed["history"])
        self.assertEqual(entry["reason"], "weight 7: by operator")

    def test_both(self) -> None:
        """Mode and weight may be changed in one request."""
        changed = self.servers.change("shop/two", {"mode": "drain", "weight": 0})
        self.assertEqual((changed["state"], changed["weight"]), ("drain", 0))

    def test_a_name_with_slashes(self) -> None:
        """A server that is named after its UNIX socket can be changed like any other."""
        self.assertEqual(self.servers.change("shop/unix:/run/x/y.sock", {"weight": 2})["weight"], 2)

    def test_bad_changes(self) -> None:
        """What is not understood changes nothing at all, and it is said what would be right."""
        for given, message, help in BAD_CHANGES:
            refused = self.assertRaises(Refused, self.servers.change, "shop/one", given)
            self.assertEqual((refused.message, refused.help, refused.status), (message, help, 400), given)
        self.assertEqual((self.one.weight, self.one.mode, len(self.one.history)), (2, "ready", 0))

    def test_missing(self) -> None:
        """A backend or server that is not there is a 404 that offers the nearest."""
        for path, message, help in (
            ("shop/tow", 'no server "tow" in backend shop', 'did you mean "two"?'),
            ("shop/", 'no server "" in backend shop', "there are: one, two, spare, unix:/run/x/y.sock"),
            ("shp/one", 'no backend "shp"', 'did you mean "shop"?'),
        ):
            refused = self.assertRaises(Refused, self.servers.one, path)
            self.assertEqual((refused.message, refused.help, refused.status), (message, help, 404))

    def test_servers_come_and_go(self) -> None:
        """A server that joined is there, one that left is not."""
        self.backend.join(ServerSpec("new", "http", UnixAddress("/run/new")))
        self.assertEqual(self.servers.change("shop/new", {"mode": "maint"})["state"], "maint")
        self.backend.leave(self.one)
        self.assertRaises(Refused, self.servers.one, "shop/one")
