"""A listener's state: who is let in, who is connected, what is counted, and draining."""

from dataclasses import replace
from ipaddress import ip_network

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import LISTENER
from twisted_relay.config.tree import ListenerOptions
from twisted_relay.downstream.listener import Listener, address_text
from twisted_relay.net.deadlines import NEVER, Deadlines
from twisted_relay.routing import Router


class Connected:
    """A connection, as the listener knows it."""

    deadline = NEVER

    def __init__(self, listener: Listener, client: str = "192.0.2.1") -> None:
        self.told: list[str] = []
        self._listener = listener
        self._client = client
        listener.connected(self, client)

    def expired(self, now: float) -> None:
        self.told.append("expired")

    def drain(self) -> None:
        self.told.append("drain")
        self.leave()

    def abort(self) -> None:
        self.told.append("abort")
        self.leave()

    def leave(self) -> None:
        """It is gone."""
        self._listener.disconnected(self, self._client)


def a_listener(options: ListenerOptions = LISTENER) -> Listener:
    """A listener without routes."""
    clock = Clock()
    return Listener(options, Router([]), Deadlines(clock, clock.seconds))


class ListenerTests(SynchronousTestCase):
    """What a listener remembers."""

    def test_who_is_connected(self) -> None:
        """Connections are counted once, and watched for their limits as long as they are there."""
        listener = a_listener()
        first, second = Connected(listener), Connected(listener)
        self.assertEqual((len(listener.connections), listener.counters.connections), (2, 2))
        self.assertEqual(listener.deadlines.members, {first, second})
        first.leave()
        first.leave()
        self.assertEqual((len(listener.connections), listener.counters.connections), (1, 2))
        self.assertEqual(listener.deadlines.members, {second})

    def test_max_connections(self) -> None:
        """The ports are told when it is full, and when there is room again; each time once."""
        listener = a_listener(replace(LISTENER, max_connections=2))
        told: list[str] = []
        listener.on_full, listener.on_room = lambda: told.append("full"), lambda: told.append("room")
        self.assertEqual(listener.room(), 2)
        first, second = Connected(listener), Connected(listener)
        self.assertEqual((told, listener.room()), (["full"], 0))
        first.leave()
        first.leave()
        self.assertEqual((told, listener.room()), (["full", "room"], 1))
        second.leave()
        self.assertEqual(told, ["full", "room"])
        self.assertGreater(a_listener(replace(LISTENER, max_connections=0)).room(), 1_000_000)

    def test_max_connections_per_client(self) -> None:
        """Each address has its own count, which goes down again."""
        listener = a_listener(replace(LISTENER, max_connections_per_client=2))
        connections = [Connected(listener), Connected(listener)]
        self.assertFalse(listener.admit("192.0.2.1"))
        self.assertTrue(listener.admit("192.0.2.2"))
        connections[0].leave()
        self.assertTrue(listener.admit("192.0.2.1"))
        self.assertEqual(listener.counters.rejected, {"draining": 0, "client_limit": 1})

    def test_drain(self) -> None:
        """Nobody is let in any more, everybody is told, and the last one out says so."""
        listener = a_listener()
        idle: list[bool] = []
        listener.on_idle = lambda: idle.append(True)
        connections = [Connected(listener), Connected(listener)]
        listener.drain()
        self.assertFalse(listener.admit("192.0.2.1"))
        self.assertEqual(listener.counters.rejected["draining"], 1)
        self.assertEqual([connection.told for connection in connections], [["drain"], ["drain"]])
        self.assertEqual(idle, [True])

    def test_abort(self) -> None:
        """Everybody is cut off."""
        listener = a_listener()
        connections = [Connected(listener), Connected(listener)]
        listener.abort()
        self.assertEqual([connection.told for connection in connections], [["abort"], ["abort"]])
        self.assertEqual(listener.connections, set())

    def test_origin(self) -> None:
        """What is said of a client, and whether what it says of itself is kept."""
        options = replace(LISTENER, trusted_proxies=(ip_network("10.0.0.0/8"),), via=True)
        listener = a_listener(options)
        for client, trusted in (("10.1.2.3", True), ("192.0.2.1", False), ("", False)):
            origin = listener.origin(client, 8080)
            self.assertEqual((origin.client, origin.proto, origin.trusted), (client, b"http", trusted))
        self.assertEqual(a_listener(replace(LISTENER, tls="x")).origin("192.0.2.1", 443).proto, b"https")

    def test_protocol(self) -> None:
        """Who speaks something else than HTTP, for the log."""
        for mode, protocol in (("gateway", ""), ("forward", ""), ("socks5", "SOCKS5")):
            listener = Listener(replace(LISTENER, mode=mode), Router([]), Deadlines(Clock(), Clock().seconds))
            self.assertEqual(listener.origin("192.0.2.1", 80).protocol, protocol)

    def test_pseudonym(self) -> None:
        """Each listener of each process has its own name in Via, so that only a real loop is one."""
        options = replace(LISTENER, via=True)
        names = {a_listener(options).origin("192.0.2.1", 80).via for _ in range(10)}
        self.assertEqual(len(names), 10)
        self.assertEqual({name.partition(b"-")[0] for name in names}, {b"web"})
        self.assertEqual(a_listener().origin("192.0.2.1", 80).via, b"")

    def test_addresses(self) -> None:
        """Peers have one spelling: IPv4 is IPv4 also on a socket of both families, and zones are left out."""
        for given, text in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("", ""),
        ):
            self.assertEqual(address_text(given), text)
