"""Opening a connection: several addresses, one time limit, and calling it off."""

import errno
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, Conversation
from twisted_relay.config.values import Address, BindAddress, UnixAddress
from twisted_relay.errors import (
    BadRequest,
    ConnectFailed,
    ConnectTimeout,
    DestinationForbidden,
    NameNotResolved,
    NameTimeout,
    NetworkUnreachable,
    ParentFailed,
    ParentTimeout,
    RelayError,
)
from twisted_relay.guard.guard import Guard
from twisted_relay.names.order import in_order
from twisted_relay.names.resolver import Found
from twisted_relay.upstream import dial
from twisted_relay.upstream.connection import UpstreamConnection
from twisted_relay.upstream.dial import STAGGER, Dial
from twisted_relay.upstream.opening import Opened

Result = UpstreamConnection | RelayError


class DialTests(SynchronousTestCase):
    """A connection to a server of one or more addresses."""

    def dial(self, *addresses: str) -> tuple[Conversation, Dial, list[Result]]:
        """Begin to connect to a server with these addresses; the list gets what comes of it."""
        talk = Conversation(self)

        def found(host: str, found: Found) -> None:
            found(addresses)

        self.patch(talk.resolver, "addresses", found)
        results: list[Result] = []
        dial = talk.pool().dial(results.append)
        talk.settle()
        return talk, dial, results

    def hosts(self, talk: Conversation) -> list[str]:
        """The addresses that are being tried now."""
        return [attempt.host for attempt in talk.network.waiting]

    def test_one_address(self) -> None:
        """The connection comes as soon as it stands."""
        talk, dial, results = self.dial("10.0.0.1")
        self.assertTrue(dial.is_pending)
        talk.accepts("10.0.0.1")
        self.assertIsInstance(results[0], UpstreamConnection)
        self.assertFalse(dial.is_pending)
        self.assertEqual(talk.pool().open, 1)
        self.end(talk)

    def test_the_next_address_at_once(self) -> None:
        """When an address refuses, the next is tried in the same moment."""
        talk, _, results = self.dial("10.0.0.1", "10.0.0.2", "10.0.0.3")
        talk.refuses(errno.ECONNREFUSED)
        self.assertEqual(self.hosts(talk), ["10.0.0.2"])
        talk.refuses(errno.EHOSTUNREACH)
        talk.accepts("10.0.0.3")
        self.assertIsInstance(results[0], UpstreamConnection)
        self.end(talk)

    def test_an_address_that_does_not_answer(self) -> None:
        """After a quarter of a second the next is tried beside it; the first that stands wins, the others are left."""
        for winner in (0, 1):
            talk, _, results = self.dial("2001:db8::1", "10.0.0.2", "10.0.0.3")
            talk.waits(STAGGER - 0.01)
            self.assertEqual(self.hosts(talk), ["2001:db8::1"])
            talk.waits(0.02)
            self.assertEqual(self.hosts(talk), ["2001:db8::1", "10.0.0.2"])
            attempts = talk.network.waiting
            attempts[winner].far_end.accepted = True
            talk.settle()
            self.assertEqual(len(results), 1)
            self.assertEqual(self.hosts(talk), [])
            talk.waits(10.0)
            self.assertEqual(len(talk.network.attempts), 2)
            self.end(talk)

    def test_families_take_turns(self) -> None:
        """IPv6 first, then IPv4, and so on, a quarter of a second apart; after a failure the next one at once."""
        ipv6 = [f"2001:db8::{n}" for n in range(1, 4)]
        talk, _, results = self.dial(*in_order(["10.0.0.1", "10.0.0.2"], ipv6, "both", lambda _: True))
        expected = ["2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2", "2001:db8::3"]
        for number in range(1, 4):
            self.assertEqual(self.hosts(talk), expected[:number])
            talk.waits(STAGGER)
        talk.refuses(errno.ENETUNREACH)
        self.assertEqual(self.hosts(talk), expected[1:])
        talk.accepts("10.0.0.1")
        self.assertIsInstance(results[0], UpstreamConnection)
        self.assertEqual(self.hosts(talk), [])
        self.end(talk)

    def test_one_family_that_is_dead(self) -> None:
        """Where IPv6 leads nowhere without a word, IPv4 is reached after a quarter of a second."""
        talk, _, results = self.dial("2001:db8::1", "10.0.0.1", "2001:db8::2")
        started = talk.reactor.seconds()
        talk.waits(STAGGER)
        talk.network.waiting[1].far_end.accepted = True
        talk.settle()
        self.assertIsInstance(results[0], UpstreamConnection)
        self.assertEqual(talk.reactor.seconds() - started, STAGGER)
        self.end(talk)

    def opened(self, *addresses: str) -> tuple[Conversation, Dial, list[Result], list[Opened]]:
        """The same as `dial` where something follows the connecting; the last list says how that ends."""
        talk = Conversation(self)
        self.patch(talk.resolver, "addresses", lambda host, found: found(addresses))
        openings: list[Opened] = []
        pool = talk.pool()
        pool.dialler.opening = lambda connection, opened: openings.append(opened)
        results: list[Result] = []
        dial = pool.dial(results.append)
        talk.settle()
        return talk, dial, results, openings

    def test_opening(self) -> None:
        """A connection is there when what follows the connecting has gone well; other addresses are given up before."""
        talk, dial, results, openings = self.opened("10.0.0.1", "10.0.0.2", "10.0.0.3")
        talk.waits(STAGGER)
        talk.accepts("10.0.0.1")
        self.assertEqual((len(openings), self.hosts(talk), results), (1, [], []))
        self.assertTrue(dial.is_pending)
        talk.waits(STAGGER * 2)
        self.assertEqual(self.hosts(talk), [])
        openings[0](None)
        self.assertIsInstance(results[0], UpstreamConnection)
        self.end(talk)

    def test_opening_fails(self) -> None:
        """Its failure is that of the dial, and the connection is cut."""
        talk, _, results, openings = self.opened("10.0.0.1", "10.0.0.2")
        server = talk.accepts("10.0.0.1")
        openings[0](ParentFailed("no"))
        talk.settle()
        self.assertEqual([type(result) for result in results], [ParentFailed])
        server.sees_reset()
        self.assertEqual(self.hosts(talk), [])
        self.end(talk)

    def test_opening_takes_too_long(self) -> None:
        """The one time limit holds over it too; what comes later is nobody's."""
        talk, _, results, openings = self.opened("10.0.0.1")
        server = talk.accepts()
        talk.waits(BACKEND.connect_timeout + 0.5)
        self.assertEqual([type(result) for result in results], [ParentTimeout])
        server.sees_reset()
        openings[0](None)
        self.assertEqual(len(results), 1)
        self.end(talk)

    def test_opening_is_called_off(self) -> None:
        """Nobody hears of it."""
        talk, dial, results, openings = self.opened("10.0.0.1")
        server = talk.accepts()
        dial.cancel()
        talk.settle()
        server.sees_reset()
        openings[0](ParentFailed("too late"))
        self.assertEqual(results, [])
        self.end(talk)

    def test_two_stand_in_the_same_moment(self) -> None:
        """One is used, the other closed; only one counts."""
        talk, _, results = self.dial("10.0.0.1", "10.0.0.2")
        talk.waits(STAGGER + 0.01)
        attempts = talk.network.waiting
        sockets = [attempt.far_end for attempt in attempts]
        for socket in sockets:
            socket.accepted = True
        talk.settle()
        self.assertEqual([socket.closed for socket in sockets], [False, True])
        self.assertEqual((len(results), talk.pool().open), (1, 1))
        self.end(talk)

    def test_all_fail(self) -> None:
        """The error is the last address's, once, and no timer is left."""
        talk, _, results = self.dial("10.0.0.1", "10.0.0.2")
        talk.refuses(errno.ECONNREFUSED)
        talk.refuses(errno.ENETUNREACH)
        self.assertEqual([type(result) for result in results], [NetworkUnreachable])
        self.end(talk)

    def test_no_address(self) -> None:
        """A name without addresses fails at once."""
        talk, dial, results = self.dial()
        self.assertFalse(dial.is_pending)
        self.assertEqual([type(result) for result in results], [NameNotResolved])
        self.end(talk)

    def test_time_limit_of_a_look_up(self) -> None:
        """A name that is not found within the limit is told apart from an address that does not answer."""
        talk, results, asked = self.guarded("a.example")
        talk.waits(60.0)
        self.assertEqual([type(result) for result in results], [NameTimeout])
        asked[0](("93.184.216.34",))
        talk.nobody_is_dialled()
        self.end(talk)

    def test_time_limit(self) -> None:
        """One limit holds over all addresses."""
        talk, _, results = self.dial("10.0.0.1", "10.0.0.2")
        talk.waits(BACKEND.connect_timeout - 0.5)
        self.assertEqual(results, [])
        talk.waits(1.0)
        self.assertEqual([type(result) for result in results], [ConnectTimeout])
        self.assertEqual(self.hosts(talk), [])
        self.end(talk)

    def test_cancel(self) -> None:
        """Nobody hears of it, and every attempt is given up, at any moment."""
        for wait in (0.0, STAGGER + 0.01):
            talk, dial, results = self.dial("10.0.0.1", "10.0.0.2")
            talk.waits(wait)
            dial.cancel()
            talk.settle()
            self.assertEqual(self.hosts(talk), [])
            talk.waits(10.0)
            self.assertEqual(results, [])
            self.end(talk)

    def test_cancel_before_the_name_is_known(self) -> None:
        """An answer that comes too late begins nothing."""
        talk = Conversation(self)
        waiting: list[Found] = []
        self.patch(talk.resolver, "addresses", lambda host, found: waiting.append(found))
        results: list[Result] = []
        dial = talk.pool().dial(results.append)
        dial.cancel()
        waiting[0](("10.0.0.1",))
        talk.settle()
        talk.nobody_is_dialled()
        self.assertEqual(results, [])
        self.end(talk)

    def test_no_descriptors(self) -> None:
        """When no socket can be had the next address is tried, and at last it is an error like any other."""
        talk = Conversation(self)

        def none_left(*arguments: object) -> None:
            raise OSError(errno.EMFILE, "too many open files")

        self.patch(talk.resolver, "addresses", lambda host, found: found(("10.0.0.1", "10.0.0.2")))
        self.patch(dial, "dial_tcp", none_left)
        results: list[Result] = []
        talk.pool().dial(results.append)
        self.assertEqual([type(result) for result in results], [ConnectFailed])
        self.end(talk)

    def test_guarded(self) -> None:
        """A guard judges all that a name resolves to; what it lets through is dialled without another look-up."""
        for addresses, expected in (
            (("93.184.216.34", "93.184.216.35"), None),
            (("93.184.216.34", "10.0.0.1"), DestinationForbidden),
            ((), NameNotResolved),
        ):
            talk, results, asked = self.guarded("a.example")
            asked[0](addresses)
            talk.settle()
            self.assertEqual(self.hosts(talk), [] if expected else ["93.184.216.34"])
            if expected is None:
                talk.accepts("93.184.216.34")
            self.assertEqual([type(result) for result in results], [expected or UpstreamConnection])
            self.assertEqual(len(asked), 1)
            self.end(talk)

    def test_guarded_addresses(self) -> None:
        """Addresses are judged without a look-up; what is no host fails at once."""
        for host, expected in (
            ("10.0.0.1", DestinationForbidden),
            ("::1", DestinationForbidden),
            ("0x7f.1", BadRequest),
        ):
            talk, results, asked = self.guarded(host)
            self.assertEqual(([type(result) for result in results], asked), ([expected], []))
            talk.nobody_is_dialled()
            self.end(talk)

    def test_guarded_sockets(self) -> None:
        """A UNIX socket is of this machine."""
        talk, results, _ = self.guarded("", UnixAddress("/run/a.sock"))
        self.assertEqual([type(result) for result in results], [DestinationForbidden])
        self.end(talk)

    def guarded(self, host: str, address: BindAddress | None = None) -> tuple[Conversation, list[Result], list[Found]]:
        """Begin to connect, with a guard; the last list gets whoever waits for addresses."""
        talk = Conversation(self)
        asked: list[Found] = []
        self.patch(talk.resolver, "addresses", lambda host, found: asked.append(found))
        results: list[Result] = []
        pool = talk.pool()
        pool.dialler.guard = Guard()
        pool.dialler.spec = replace(pool.dialler.spec, address=address or Address(host, 80))
        dial = pool.dial(results.append)
        talk.settle()
        self.assertIs(dial.is_pending, not results)
        return talk, results, asked

    def end(self, talk: Conversation) -> None:
        """Nothing is left."""
        talk.backend.close()
        talk.settle()
        self.assertEqual(talk.pool().open, 0)
        talk.is_over()
