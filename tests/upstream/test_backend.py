"""A backend as exchanges meet it: which server, what is tried again, limits, the queue, and who leaves it."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.balancing.choosing import an_exchange
from tests.support.playbook import BACKEND, Conversation, get, head, ok, post, servers
from twisted_relay.balancing import POLICIES
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, BalanceSpec, ServerSpec, StickySpec
from twisted_relay.errors import RelayError
from twisted_relay.exchange import Exchange
from twisted_relay.upstream import dial
from twisted_relay.upstream.delivery import Delivery
from twisted_relay.upstream.server import Server

REFUSED = errno.ECONNREFUSED
TWO = replace(BACKEND, servers=servers(2))
ONE_EACH = replace(BACKEND, max_connections_per_server=1)


class ChoiceTests(SynchronousTestCase):
    """Exchanges go to the servers that the policy names."""

    def test_in_turn(self) -> None:
        """Requests go to the servers in turn, over pooled connections from the second round on."""
        talk = Conversation(self, backend=TWO)
        client = talk.client()
        parties = []
        for host in ("10.0.0.1", "10.0.0.2"):
            client.sends(get())
            parties.append(talk.accepts(host))
            parties[-1].sends(ok())
        for server in parties * 2:
            server.taken()
            client.sends(get())
            server.sees_head("GET / HTTP/1.1")
            server.sends(ok())
        self.assertEqual([exchange.server for exchange in talk.exchanges], ["s1", "s2"] * 3)
        self.assertEqual([exchange.tries for exchange in talk.exchanges], [1] * 6)
        talk.is_over()

    def test_no_server(self) -> None:
        """Without a usable server the answer is 503 at once, and says when to come back."""
        talk = Conversation(self)
        talk.server().set_down("test")
        client = talk.client()
        client.sends(get())
        client.sees_answer("HTTP/1.1 503 Service Unavailable", "Retry-After: 5")
        talk.server().set_up("test")
        client.sends(get())
        talk.accepts().sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_backups(self) -> None:
        """A backup server is used when no other is up, and no longer."""
        one, two = servers(2)
        talk = Conversation(self, backend=replace(BACKEND, servers=(one, replace(two, backup=True))))
        client = talk.client()
        for state, host in (("up", "10.0.0.1"), ("down", "10.0.0.2"), ("up", "10.0.0.1")):
            (talk.server().set_up if state == "up" else talk.server().set_down)("test")
            client.sends(get("/", "Connection: keep-alive"))
            talk.accepts(host).sends(ok(b"x", "Connection: close"))
        talk.is_over()

    def test_host(self) -> None:
        """Host is the client's, the server's, or the configured name."""
        for choice, host in (
            ("preserve", "example.org"),
            ("backend", "10.0.0.1"),
            ("shop.example.net", "shop.example.net"),
        ):
            talk = Conversation(self, backend=replace(BACKEND, host=choice))
            client = talk.client()
            client.sends(get())
            talk.accepts().sees_head("GET / HTTP/1.1", f"Host: {host}")
            client.aborts()
            talk.is_over()

    def test_a_server_that_goes_down_loses_its_idle_connections(self) -> None:
        """What is idle is closed; what is under way goes on."""
        talk = Conversation(self)
        first, second = talk.client(), talk.client()
        first.sends(get())
        busy = talk.accepts()
        second.sends(get())
        idle = talk.accepts()
        idle.sends(ok())
        talk.server().set_down("test")
        talk.settle()
        idle.sees_close()
        busy.sends(ok())
        first.sees(ok())
        talk.is_over()


class MembershipTests(SynchronousTestCase):
    """Servers that join and leave while the backend runs."""

    def test_nothing_known_yet(self) -> None:
        """While its servers are still looked for a request waits, and goes to the first that is found."""
        talk = Conversation(self, backend=replace(BACKEND, servers=()))
        talk.backend.is_discovering = True
        client = talk.client()
        client.sends(get())
        self.assertEqual(len(talk.backend.queue), 1)
        talk.backend.join(servers(1)[0])
        talk.accepts("10.0.0.1").sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_nothing_there(self) -> None:
        """A backend without servers that looks for none answers 503."""
        talk = Conversation(self, backend=replace(BACKEND, servers=()))
        client = talk.client()
        client.sends(get())
        client.sees_answer("HTTP/1.1 503 Service Unavailable", "Retry-After: 5")
        client.aborts()
        talk.is_over()

    def test_a_server_that_leaves_finishes_its_work(self) -> None:
        """What a server works on goes on when it leaves; its connection is closed after that, and it gets no more."""
        talk = Conversation(self, backend=TWO)
        first, second = talk.client(), talk.client()
        first.sends(get())
        party = talk.accepts("10.0.0.1")
        talk.backend.leave(talk.server("s1"))
        second.sends(get())
        talk.accepts("10.0.0.2").sends(ok())
        second.sees(ok())
        party.sends(ok())
        first.sees(ok())
        talk.settle()
        party.sees_close()
        talk.is_over()

    def test_a_server_that_leaves_with_its_connections(self) -> None:
        """Idle connections to a server that leaves are closed at once."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        party = talk.accepts()
        party.sends(ok())
        client.sees(ok())
        talk.backend.leave(talk.server())
        talk.settle()
        party.sees_close()
        talk.is_over()

    def test_a_server_that_leaves_and_fails(self) -> None:
        """A request whose server has left is tried on another one when it fails, while it connects and after that."""
        for connected in (False, True):
            talk = Conversation(self, backend=TWO)
            client = talk.client()
            client.sends(get())
            gone = talk.server("s1")
            if connected:
                party = talk.accepts("10.0.0.1")
                talk.backend.leave(gone)
                party.closes()
            else:
                talk.backend.leave(gone)
                talk.refuses(REFUSED)
            talk.accepts("10.0.0.2").sends(ok())
            client.sees(ok())
            self.assertEqual((talk.last().server, gone.active_requests), ("s2", 0))
            talk.is_over()

    def test_the_last_server_is_replaced_under_those_who_wait(self) -> None:
        """Requests that wait for room go to the server that joins when theirs leaves."""
        talk = Conversation(self, backend=ONE_EACH)
        first, second = talk.client(), talk.client()
        first.sends(get())
        party = talk.accepts("10.0.0.1")
        second.sends(get())
        self.assertEqual(len(talk.backend.queue), 1)
        with talk.backend.changing():
            talk.backend.leave(talk.server())
            talk.backend.join(servers(2)[1])
        party.sends(ok())
        first.sees(ok())
        talk.accepts("10.0.0.2").sends(ok())
        second.sees(ok())
        talk.is_over()

    def test_many_at_once(self) -> None:
        """What uses servers hears once of many that change together."""
        talk = Conversation(self, backend=replace(BACKEND, servers=()))
        told: list[int] = []
        selection = talk.backend.selection
        update = selection.update

        def told_of(there: Sequence[Server]) -> None:
            told.append(len(there))
            update(there)

        self.patch(selection, "update", told_of)
        with talk.backend.changing():
            made = [talk.backend.join(spec) for spec in servers(3)]
            talk.backend.leave(made[0])
        self.assertEqual(told, [2])


class StickyTests(SynchronousTestCase):
    """Clients that stick to a server by a cookie."""

    def setUp(self) -> None:
        """A client that sticks to the first of two servers, each of which takes one request at a time."""
        self.talk = Conversation(
            self, backend=replace(TWO, sticky=StickySpec("SRV"), max_requests_per_server=1, queue_timeout=60.0)
        )
        assert self.talk.backend.sticky is not None
        self.cookie = "Cookie: SRV=" + self.talk.backend.sticky.value_for("s1").decode()

    def test_back_to_the_same(self) -> None:
        """The answer brings the cookie; with it every request goes to the same server, which does not see it."""
        talk = self.talk
        client = talk.client()
        client.sends(get())
        one = talk.accepts("10.0.0.1")
        one.sends(ok())
        self.assertIn(f"Set-{self.cookie}; Path=/".encode(), client.taken())
        for _ in range(3):
            one.taken()
            client.sends(get("/", self.cookie, "X: y"))
            self.assertNotIn(b"Cookie", one.taken())
            one.sends(ok())
            client.sees(ok())
        talk.nobody_is_dialled()
        talk.is_over()

    def test_draining_and_weight_0(self) -> None:
        """A server that drains, or has weight 0, keeps its clients and gets no new ones."""
        talk = self.talk
        talk.server("s1").set_mode("drain", "test")
        client, newcomer = talk.client(), talk.client()
        client.sends(get("/", self.cookie))
        talk.accepts("10.0.0.1").sends(ok())
        newcomer.sends(get())
        talk.accepts("10.0.0.2").sends(ok())
        talk.server("s1").set_mode("ready", "test")
        talk.server("s1").set_weight(0, "test")
        client.sends(get("/", self.cookie))
        newcomer.sends(get())
        self.assertEqual([talk.server(name).active_requests for name in ("s1", "s2")], [1, 1])
        client.aborts()
        newcomer.aborts()
        talk.is_over()

    def test_down(self) -> None:
        """When its server is down a client goes to another one, and stays there."""
        talk = self.talk
        talk.server("s1").set_down("test")
        client = talk.client()
        client.sends(get("/", self.cookie))
        talk.accepts("10.0.0.2").sends(ok())
        self.assertIn(b"Set-Cookie: SRV=", client.taken())
        talk.is_over()

    def test_refused(self) -> None:
        """The same when its server turns out not to answer."""
        talk = self.talk
        client = talk.client()
        client.sends(get("/", self.cookie))
        talk.refuses(REFUSED)
        talk.accepts("10.0.0.2").sends(ok())
        self.assertIn(b"Set-Cookie: SRV=", client.taken())
        talk.is_over()

    def test_full(self) -> None:
        """A client waits for its own server; others take whichever has room."""
        talk = self.talk
        busy, stuck, other = talk.client("192.0.2.1"), talk.client("192.0.2.2"), talk.client("192.0.2.3")
        busy.sends(get("/busy"))
        one = talk.accepts("10.0.0.1")
        one.taken()
        stuck.sends(get("/stuck", self.cookie))
        self.assertEqual(len(talk.backend.queue), 1)
        other.sends(get("/other"))
        talk.accepts("10.0.0.2").sends(ok())
        self.assertEqual(len(talk.backend.queue), 1)
        one.sends(ok())
        one.sees_head("GET /stuck HTTP/1.1")
        one.sends(ok())
        self.assertEqual(talk.codes(), [200] * 3)
        talk.is_over()

    def test_room_at_its_server_beside_full_ones(self) -> None:
        """When all others are full a client still gets its own server; who has none waits without a look."""
        talk = self.talk
        busy, stuck, new = talk.client("192.0.2.1"), talk.client("192.0.2.2"), talk.client("192.0.2.3")
        talk.server("s1").set_mode("drain", "test")
        busy.sends(get("/busy"))
        two = talk.accepts("10.0.0.2")
        looks: list[Exchange] = []
        choose = talk.backend.choose

        def counted(exchange: Exchange) -> Iterator[Server]:
            looks.append(exchange)
            return choose(exchange)

        talk.backend.choose = counted
        new.sends(get("/new"))
        self.assertEqual((len(looks), len(talk.backend.queue)), (0, 1))
        stuck.sends(get("/stuck", self.cookie))
        talk.accepts("10.0.0.1").sends(ok())
        stuck.sees(ok())
        two.sends(ok())
        two.sends(ok())
        self.assertEqual(talk.codes(), [200] * 3)
        talk.is_over()

    def test_the_server_before_it_becomes_free(self) -> None:
        """A client waits for its server, not for one that had the name before and ends its last request."""
        talk = self.talk
        before, busy, stuck = talk.client("192.0.2.1"), talk.client("192.0.2.2"), talk.client("192.0.2.3")
        before.sends(get("/before"))
        old = talk.accepts("10.0.0.1")
        talk.backend.leave(talk.server("s1"))
        talk.backend.join(replace(servers(3)[2], name="s1"))
        busy.sends(get("/busy", self.cookie))
        new = talk.accepts("10.0.0.3")
        stuck.sends(get("/stuck", self.cookie))
        called: list[Delivery] = []
        patch = self.patch(Delivery, "called", called.append)
        old.sends(ok())
        patch.restore()
        self.assertEqual((called, len(talk.backend.queue)), ([], 1))
        new.sends(ok())
        new.sends(ok())
        self.assertEqual(talk.codes(), [200] * 3)
        talk.is_over()

    def test_its_server_falls_while_it_waits(self) -> None:
        """A client that waits for a server that goes down gets another one at once."""
        talk = self.talk
        busy, stuck = talk.client(), talk.client()
        busy.sends(get("/busy"))
        one = talk.accepts("10.0.0.1")
        stuck.sends(get("/stuck", self.cookie))
        talk.server("s1").set_down("test")
        talk.accepts("10.0.0.2").sends(ok())
        stuck.taken()
        one.sends(ok())
        talk.is_over()

    def test_leaving_while_it_waits(self) -> None:
        """A client that leaves is not served."""
        talk = self.talk
        busy, stuck = talk.client(), talk.client()
        busy.sends(get("/busy"))
        one = talk.accepts("10.0.0.1")
        stuck.sends(get("/stuck", self.cookie))
        stuck.aborts()
        one.sends(ok())
        self.assertEqual((talk.codes(), talk.backend.queue.wanted), ([499, 200], []))
        talk.is_over()


class StartTests(SynchronousTestCase):
    """Servers that are not known yet, or have just come."""

    def test_waiting_for_the_first_check(self) -> None:
        """While the only servers are being checked for the first time, requests wait; then they are served."""
        talk = Conversation(self)
        talk.server().set_checking("not checked yet")
        client = talk.client()
        client.sends(get())
        talk.nobody_is_dialled()
        talk.server().set_up("good check")
        talk.accepts().sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_nobody_came(self) -> None:
        """When nobody is left to wait for they are answered 503 at once, as new ones are."""
        talk = Conversation(self)
        talk.server().set_checking("not checked yet")
        first, second = talk.client(), talk.client()
        first.sends(get())
        talk.server().set_down("refused")
        first.sees_answer("HTTP/1.1 503 Service Unavailable")
        second.sends(get())
        second.sees_answer("HTTP/1.1 503 Service Unavailable")
        talk.is_over()

    def test_in_maint_before_the_first_check(self) -> None:
        """A server that is taken out before it was checked is not waited for."""
        talk = Conversation(self)
        talk.server().set_checking("not checked yet")
        first, second = talk.client(), talk.client()
        first.sends(get())
        talk.server().set_mode("maint", "test")
        first.sees_answer("HTTP/1.1 503 Service Unavailable")
        second.sends(get())
        second.sees_answer("HTTP/1.1 503 Service Unavailable")
        talk.is_over()

    def test_slow_start(self) -> None:
        """A server that comes back, or is new, begins with a part of its share; those of the start do not."""
        talk = Conversation(self, backend=replace(TWO, slow_start=20.0))
        one, two = talk.server("s1"), talk.server("s2")
        one.set_checking("not checked yet")
        one.set_up("good check")
        self.assertEqual((one.share, two.share), (100, 100))
        two.set_down("test")
        two.set_up("test")
        one.set_mode("maint", "test")
        one.set_mode("ready", "test")
        three = talk.backend.join(replace(servers(1)[0], name="s3"))
        self.assertEqual((one.share, two.share, three.share), (10, 10, 10))
        talk.waits(10.5)
        self.assertEqual(two.share, 50)
        talk.backend.leave(three)
        talk.waits(10.5)
        self.assertEqual((one.share, two.share), (100, 100))
        two.set_down("test")
        two.set_up("test")
        talk.is_over()

    def test_slow_start_of_a_new_server(self) -> None:
        """A server that joins gets a tenth of a share from its first request on."""
        talk = Conversation(self, backend=replace(BACKEND, slow_start=1000.0))
        talk.backend.join(servers(2)[1])
        client = talk.client()
        for _ in range(11):
            client.sends(get())
            talk.accepts().sends(ok(b"", "Connection: close"))
        self.assertEqual([exchange.server for exchange in talk.exchanges].count("s2"), 1)
        talk.is_over()

    def test_slow_start_after_a_bad_start(self) -> None:
        """A server whose first checks failed was down: it begins slowly when it comes."""
        talk = Conversation(self, backend=replace(TWO, slow_start=20.0))
        server = talk.server("s1")
        server.set_checking("not checked yet")
        server.set_down("refused")
        server.set_up("2 good checks in a row")
        self.assertEqual(server.share, 10)
        talk.is_over()


class TryAgainTests(SynchronousTestCase):
    """A failed try is made again where that is safe."""

    def test_a_backup(self) -> None:
        """When all others have failed a request, a backup gets it, also before they are found to be down."""
        one, two = servers(2)
        talk = Conversation(self, backend=replace(BACKEND, servers=(one, replace(two, backup=True))))
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        talk.accepts("10.0.0.2").sends(ok())
        client.sees(ok())
        self.assertEqual((talk.last().server, talk.last().tries), ("s2", 2))
        talk.is_over()

    def test_no_backup_that_may_be_used(self) -> None:
        """A backup with weight 0 takes nothing; the client gets the error."""
        one, two = servers(2)
        backup = replace(two, backup=True, weight=0)
        talk = Conversation(self, backend=replace(BACKEND, servers=(one, backup), retries=1))
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        talk.waits(0.1)
        self.assertEqual(talk.network.waiting[0].host, "10.0.0.1")
        talk.refuses(REFUSED)
        self.assertEqual(talk.last().code, 502)
        client.aborts()
        talk.is_over()

    def test_refused(self) -> None:
        """When a server refuses, the next one gets the request; the client notices nothing."""
        for request in (get(), post(b"hello"), head("POST / HTTP/1.1", "Host: a", "Content-Length: 5")):
            talk = Conversation(self, backend=TWO)
            client = talk.client()
            client.sends(request)
            talk.refuses(REFUSED)
            server = talk.accepts("10.0.0.2")
            if request.endswith(b"\r\n\r\n") and request.startswith(b"POST"):
                client.sends(b"hello")
            self.assertTrue(server.taken().endswith(b"hello" if request.startswith(b"POST") else b"\r\n\r\n"))
            server.sends(ok())
            client.sees(ok())
            exchange = talk.last()
            self.assertEqual((exchange.server, exchange.tries, exchange.code), ("s2", 2, 200))
            self.assertEqual(talk.backend.counters.retries["connect"], 1)
            self.assertEqual(talk.backend.counters.redispatches, 1)
            self.assertEqual(talk.server("s1").counters.errors["refused"], 1)
            talk.is_over()

    def test_all_refuse(self) -> None:
        """When all refuse, the answer is 502; each was asked once, and none twice before the others."""
        talk = Conversation(self, backend=replace(TWO, retries=1))
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        talk.refuses(REFUSED)
        client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=connection_refused")
        client.is_open()
        self.assertEqual(len(talk.network.attempts), 2)
        talk.is_over()

    def test_retries_are_bounded(self) -> None:
        """No more servers are asked than `retries` allows."""
        for retries in (0, 1):
            talk = Conversation(self, backend=replace(BACKEND, servers=servers(5), retries=retries))
            client = talk.client()
            client.sends(get())
            for _ in range(retries + 1):
                talk.refuses(REFUSED)
            client.sees_head("HTTP/1.1 502 Bad Gateway")
            talk.is_over()

    def test_connect_timeout(self) -> None:
        """A server that does not take the connection in time is left for the next; without one the answer is 504."""
        talk = Conversation(self, backend=replace(TWO, retries=1))
        client = talk.client()
        client.sends(get())
        talk.waits(5.1)
        server = talk.network.waiting[0]
        self.assertEqual(server.host, "10.0.0.2")
        talk.waits(5.1)
        client.sees_answer("HTTP/1.1 504 Gateway Timeout", "Proxy-Status: relay; error=connection_timeout")
        self.assertEqual(talk.server("s1").counters.errors["timeout"], 1)
        talk.is_over()

    def test_stale_connection(self) -> None:
        """A request that fails on a pooled connection is sent once more, to the same server, over a fresh one."""
        for how in ("closes", "aborts"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get("/1"))
            old = talk.accepts()
            old.sends(ok())
            client.sends(get("/2"))
            getattr(old, how)()
            fresh = talk.accepts("10.0.0.1")
            fresh.sees_head("GET /2 HTTP/1.1")
            fresh.sends(ok(b"two"))
            client.sees(ok(), ok(b"two"))
            exchange = talk.last()
            self.assertEqual((exchange.tries, exchange.server), (1, "s1"))
            self.assertEqual(talk.server().counters.errors["reset"], 0)
            talk.is_over()

    def test_stale_connection_once_only(self) -> None:
        """When the fresh connection fails too it is a failure like any other."""
        talk = Conversation(self, backend=replace(BACKEND, retries=0))
        client = talk.client()
        client.sends(get())
        talk.accepts().sends(ok())
        client.taken()
        client.sends(get())
        talk.pool()._connections.copy().pop().abort()
        talk.settle()
        talk.accepts().closes()
        client.sees_answer("HTTP/1.1 502 Bad Gateway")
        self.assertEqual(talk.server().counters.errors["reset"], 1)
        talk.is_over()

    def test_what_must_not_be_repeated(self) -> None:
        """A POST, or content that was not kept, is not sent a second time."""
        for request, more in ((post(b"x"), b""), (head("PUT / HTTP/1.1", "Host: a", "Content-Length: 2"), b"y")):
            talk = Conversation(self, backend=replace(TWO, retry_buffer=0))
            client = talk.client()
            for _ in range(2):
                client.sends(get())
                talk.accepts().sends(ok())
            client.taken()
            client.sends(request, more)
            server = min(talk.pool("s1")._connections, key=id)
            server.abort()
            talk.settle()
            talk.nobody_is_dialled()
            client.sees_head("HTTP/1.1 502 Bad Gateway")
            client.closes()
            talk.is_over()

    def test_a_get_that_was_lost_goes_to_the_next_server(self) -> None:
        """A server that closes without an answer is left for another, if the request can be repeated."""
        talk = Conversation(self, backend=TWO)
        client = talk.client()
        client.sends(get())
        talk.accepts("10.0.0.1").closes()
        talk.accepts("10.0.0.2").sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_no_second_try_after_the_first_octet(self) -> None:
        """Once a server has begun to answer, its failure is the answer."""
        talk = Conversation(self, backend=TWO)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(b"HTTP/1.1 200")
        server.closes()
        talk.nobody_is_dialled()
        client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=http_response_incomplete")
        talk.is_over()

    def test_garbage(self) -> None:
        """What is not HTTP is answered 502 and the connection dropped."""
        for garbage in (b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"):
            talk = Conversation(self, backend=TWO)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(garbage)
            server.sees_reset()
            client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=http_protocol_error")
            self.assertEqual(talk.server().counters.errors["protocol"], 1)
            talk.is_over()

    def test_an_observer_that_fails(self) -> None:
        """Whoever watches the servers cannot keep a request from its next try."""
        talk = Conversation(self, backend=TWO)

        def fail(server: Server, error: RelayError | None, code: int) -> None:
            raise ZeroDivisionError

        talk.backend.observers.append(fail)
        client = talk.client()
        client.sends(get())
        talk.refuses(REFUSED)
        talk.accepts("10.0.0.2").sends(ok())
        client.sees(ok())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        talk.is_over()


class LimitTests(SynchronousTestCase):
    """`max_connections_per_server`, and the queue in front of full servers."""

    def test_queue_order(self) -> None:
        """Who waited longest is next, over the connection that became free."""
        talk = Conversation(self, backend=ONE_EACH)
        clients = [talk.client() for _ in range(3)]
        for number, client in enumerate(clients):
            client.sends(get(f"/{number}"))
        server = talk.accepts()
        talk.nobody_is_dialled()
        for number, client in enumerate(clients):
            server.sees_head(f"GET /{number} HTTP/1.1")
            client.sees_nothing()
            server.sends(ok())
            client.sees(ok())
        self.assertEqual(len(talk.network.attempts), 1)
        talk.is_over()

    def test_room_elsewhere(self) -> None:
        """A server with room is taken before anybody waits."""
        talk = Conversation(self, backend=replace(ONE_EACH, servers=servers(2)))
        clients = [talk.client() for _ in range(3)]
        for client in clients:
            client.sends(get())
        first, second = talk.accepts(), talk.accepts()
        self.assertEqual(len(talk.backend.queue), 1)
        second.sends(ok())
        self.assertEqual(len(talk.backend.queue), 0)
        second.sends(ok())
        first.sends(ok())
        self.assertEqual(talk.codes(), [200] * 3)
        talk.is_over()

    def test_nearly_all_are_full(self) -> None:
        """Among many full servers one with room is found, and not all are asked."""
        talk = Conversation(self, backend=replace(ONE_EACH, servers=servers(30)))
        for server in talk.backend.servers[:-1]:
            talk.backend.took(server)
        asked: list[str] = []
        choose = talk.backend.choose

        def counted(exchange: Exchange) -> Iterator[Server]:
            for server in choose(exchange):
                asked.append(server.name)
                yield server

        self.patch(talk.backend, "choose", counted)
        client = talk.client()
        client.sends(get())
        talk.accepts("10.0.0.30").sends(ok())
        client.sees(ok())
        self.assertLess(len(asked), 30)
        for server in talk.backend.servers[:-1]:
            talk.backend.released(server)
        talk.is_over()

    def test_failure_wakes_the_queue(self) -> None:
        """Also a try that failed, or was cancelled, makes room."""
        for how in ("refuse", "reset", "client"):
            talk = Conversation(self, backend=replace(ONE_EACH, retries=0))
            first, second = talk.client(), talk.client()
            first.sends(get("/1"))
            second.sends(get("/2"))
            if how == "refuse":
                talk.refuses(REFUSED)
            elif how == "reset":
                talk.accepts().aborts()
            else:
                talk.accepts()
                first.aborts()
            server = talk.accepts()
            server.sees_head("GET /2 HTTP/1.1")
            server.sends(ok())
            second.sees(ok())
            talk.is_over()

    def test_many_wait_and_nobody_can_be_served(self) -> None:
        """However many wait, all are answered when connections fail at once, as without file descriptors."""
        talk = Conversation(self, backend=replace(ONE_EACH, retries=0))
        for number in range(300):
            talk.client(f"192.0.2.{number % 250 + 1}").sends(get())

        def no_descriptor(*arguments: object) -> None:
            raise OSError(errno.EMFILE, "too many open files")

        self.patch(dial, "dial_tcp", no_descriptor)
        talk.refuses(REFUSED)
        self.assertEqual(talk.codes(), [502] * 300)
        talk.is_over()

    def test_who_leaves_at_the_beginning_of_time(self) -> None:
        """Also a request that began to wait when the clock said 0 is not served after its client has left."""
        talk = Conversation(self, backend=ONE_EACH)
        talk.backend.now = lambda: 0.0
        first, second = talk.client(), talk.client()
        first.sends(get())
        second.sends(get())
        second.aborts()
        self.assertEqual(len(talk.backend.queue), 0)
        talk.accepts().sends(ok())
        talk.is_over()

    def test_queue_full(self) -> None:
        """When no more may wait the answer is 503 at once."""
        talk = Conversation(self, backend=replace(ONE_EACH, queue_length=1))
        clients = [talk.client() for _ in range(3)]
        for client in clients:
            client.sends(get())
        clients[2].sees_answer(
            "HTTP/1.1 503 Service Unavailable",
            "Retry-After: 5",
            "Proxy-Status: relay; error=connection_limit_reached",
        )
        self.assertEqual(talk.backend.counters.queue_rejected["full"], 1)
        server = talk.accepts()
        server.sends(ok())
        server.sends(ok())
        self.assertEqual(talk.codes(), [503, 200, 200])
        talk.is_over()

    def test_queue_timeout(self) -> None:
        """Who waits too long is answered 503 and has left the queue."""
        talk = Conversation(self, backend=replace(ONE_EACH, queue_timeout=2.0))
        first, second = talk.client(), talk.client()
        first.sends(get())
        server = talk.accepts()
        second.sends(get())
        talk.waits(1.9)
        second.sees_nothing()
        talk.waits(0.2)
        second.sees_answer("HTTP/1.1 503 Service Unavailable")
        self.assertEqual(talk.backend.counters.queue_rejected["timeout"], 1)
        server.sends(ok())
        self.assertEqual(talk.codes(), [503, 200])
        talk.is_over()

    def test_leaving_the_queue(self) -> None:
        """A client that leaves while it waits is not served; the one behind it is."""
        talk = Conversation(self, backend=ONE_EACH)
        clients = [talk.client() for _ in range(3)]
        for number, client in enumerate(clients):
            client.sends(get(f"/{number}"))
        server = talk.accepts()
        server.taken()
        clients[1].aborts()
        self.assertEqual(talk.codes(), [499])
        server.sends(ok())
        server.sees_head("GET /2 HTTP/1.1")
        server.sends(ok())
        self.assertEqual(talk.codes(), [499, 200, 200])
        talk.is_over()

    def test_content_waits_with_its_request(self) -> None:
        """Content that arrives while the request is queued is bounded, and reaches the server."""
        talk = Conversation(self, backend=replace(ONE_EACH, queue_timeout=60.0))
        first, second = talk.client(), talk.client()
        first.sends(get())
        server = talk.accepts()
        second.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 1000000"), b"x" * 1_000_000)
        self.assertLess(second.socket.read, 200_000)
        server.sends(ok())
        server.sees_head("GET / HTTP/1.1")
        server.sees_head("POST / HTTP/1.1")
        server.sees(b"x" * 1_000_000)
        server.sends(ok())
        second.sees(ok())
        talk.is_over()

    def test_a_server_comes_up_for_those_who_wait(self) -> None:
        """A server that comes back takes from the queue at once."""
        talk = Conversation(self, backend=replace(ONE_EACH, servers=servers(2)))
        talk.server("s2").set_down("test")
        first, second = talk.client(), talk.client()
        first.sends(get())
        talk.accepts("10.0.0.1")
        second.sends(get())
        talk.server("s2").set_up("test")
        talk.settle()
        talk.accepts("10.0.0.2").sends(ok())
        second.sees(ok())
        first.aborts()
        talk.is_over()

    def test_a_backup_with_room_is_no_reason_to_wake(self) -> None:
        """Requests wait for a primary server although a backup, which is not to be used, has room."""
        one, two = servers(2)
        talk = Conversation(self, backend=replace(ONE_EACH, servers=(one, replace(two, backup=True))))
        clients = [talk.client() for _ in range(3)]
        for client in clients:
            client.sends(get())
        server = talk.accepts("10.0.0.1")
        server.sends(ok())
        self.assertEqual(len(talk.backend.queue), 1)
        server.sends(ok())
        server.sends(ok())
        self.assertEqual(talk.codes(), [200] * 3)
        talk.is_over()

    def test_a_backup_that_becomes_free_beside_full_servers(self) -> None:
        """Who waits keeps its place when a backup, which is not used any more, ends what it had to do."""
        one, two = servers(2)
        talk = Conversation(self, backend=replace(ONE_EACH, servers=(one, replace(two, backup=True))))
        talk.server("s1").set_down("test")
        clients = [talk.client() for _ in range(4)]
        clients[0].sends(get("/0"))
        backup = talk.accepts("10.0.0.2")
        talk.server("s1").set_up("test")
        for number, client in enumerate(clients[1:], 1):
            client.sends(get(f"/{number}"))
        called: list[Delivery] = []
        self.patch(Delivery, "called", called.append)
        backup.sends(ok())
        self.assertEqual((called, len(talk.backend.queue)), ([], 2))

    def test_a_server_that_is_used_in_a_panic_becomes_free(self) -> None:
        """When all servers are down and used all the same, who waits for them is called as always."""
        talk = Conversation(self, backend=replace(ONE_EACH, panic_threshold=0.5))
        first, second = talk.client(), talk.client()
        talk.server().set_down("test")
        first.sends(get())
        second.sends(get())
        server = talk.accepts()
        server.sends(ok())
        server.sends(ok())
        self.assertEqual(talk.codes(), [200, 200])
        talk.is_over()

    def test_the_limit_holds_when_a_stale_connection_is_replaced(self) -> None:
        """A second try over a fresh connection does not go over the limit while others have taken the place."""
        talk = Conversation(self, backend=ONE_EACH)
        first, second = talk.client(), talk.client()
        first.sends(get("/1"))
        server = talk.accepts()
        server.sends(ok())
        first.sends(get("/2"))
        second.sends(get("/3"))
        server.aborts()
        self.assertLessEqual(talk.server().active_requests, 1)
        for _ in range(2):
            talk.accepts().sends(ok(b"", "Connection: close"))
        self.assertEqual(talk.codes(), [200] * 3)
        talk.is_over()


class TimeTests(SynchronousTestCase):
    """Servers have their time."""

    def test_response_timeout(self) -> None:
        """No head in time is answered 504, and the connection is cut."""
        talk = Conversation(self, backend=TWO)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        talk.waits(59.0)
        client.sees_nothing()
        talk.waits(2.0)
        client.sees_answer("HTTP/1.1 504 Gateway Timeout", "Proxy-Status: relay; error=http_response_timeout")
        server.sees_reset()
        talk.nobody_is_dialled()
        self.assertEqual(talk.server().counters.errors["timeout"], 1)
        talk.is_over()

    def test_informational_responses_do_not_prolong_it(self) -> None:
        """A server that says 102 again and again still has to answer in time."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        for _ in range(13):
            server.sends(head("HTTP/1.1 102 Processing"))
            talk.waits(5.0)
        self.assertIn(b"504 Gateway Timeout", client.taken())
        talk.is_over()

    def test_time_begins_with_the_end_of_the_request(self) -> None:
        """While the client still sends, the server is not waited for."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 5000"))
        server = talk.accepts()
        for _ in range(5):
            talk.waits(25.0)
            client.sends(b"x" * 1000)
        talk.waits(55.0)
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_idle_timeout_in_the_content(self) -> None:
        """Content that stalls ends the client's connection, so that it does not take a part for the whole."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 10") + b"hello")
        talk.waits(59.0)
        server.sends(b"w")
        talk.waits(59.0)
        client.is_open()
        talk.waits(2.0)
        client.sees_reset()
        server.sees_reset()
        exchange = talk.last()
        assert exchange.error is not None
        self.assertEqual((exchange.code, exchange.error.side), (200, "server"))
        self.assertEqual(talk.server().counters.errors["timeout"], 1)
        talk.is_over()

    def test_a_slow_client_does_not_use_up_the_servers_time(self) -> None:
        """While the client takes nothing it is its time that runs, not the server's."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(b"x" * 1_000_000))
        for _ in range(6):
            talk.waits(40.0)
            client.takes(30_000)
        server.is_open()
        client.unblocks()
        self.assertEqual(talk.codes(), [200])
        self.assertEqual(sum(talk.server().counters.errors.values()), 0)
        talk.is_over()


class FailureInContentTests(SynchronousTestCase):
    """A server that fails in the middle of its response."""

    def test_the_client_is_cut_off(self) -> None:
        """Whatever the framing, the client's connection is reset, never ended in good order."""
        chunked = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
        for response, leave in (
            (head("HTTP/1.1 200 OK", "Content-Length: 10") + b"hello", "closes"),
            (head("HTTP/1.1 200 OK", "Content-Length: 10") + b"hello", "aborts"),
            (chunked + b"5\r\nhello\r\n", "closes"),
            (chunked + b"5\r\nhe", "aborts"),
            (chunked + b"5\r\nhello\r\n0\r\n", "closes"),
            (head("HTTP/1.1 200 OK") + b"hello", "aborts"),
        ):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(response)
            getattr(server, leave)()
            client.sees_reset()
            self.assertNotIn(b"\r\n0\r\n\r\n", client.taken())
            exchange = talk.last()
            assert exchange.error is not None
            self.assertEqual((exchange.code, exchange.error.side), (200, "server"))
            self.assertEqual(talk.server().counters.errors["reset"], 1)
            talk.is_over()

    def test_broken_chunks(self) -> None:
        """Chunks that are not chunks end both connections."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n", b"zz\r\n")
        client.sees_reset()
        server.sees_reset()
        self.assertEqual(talk.server().counters.errors["protocol"], 1)
        talk.is_over()

    def test_while_the_client_is_slow(self) -> None:
        """A failure that comes while the client takes nothing is told to it just the same."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 1000000") + b"x" * 500_000)
        server.aborts()
        client.unblocks()
        client.sees_reset()
        talk.is_over()

    def test_while_the_request_still_comes(self) -> None:
        """A server that closes in the middle of the request is answered for with 502, and no content is read as a
        request."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 1000"))
        server = talk.accepts()
        client.sends(b"x")
        server.aborts()
        client.sees_head("HTTP/1.1 502 Bad Gateway")
        client.sends(get("/smuggled"))
        self.assertEqual(talk.begun, 1)
        client.closes()
        talk.is_over()


class DialTests(SynchronousTestCase):
    """Whatever happens while a connection is being opened, nothing is left over."""

    def test_the_client_leaves_as_the_connection_stands(self) -> None:
        """A connection that nobody wants any more is closed, and was never counted as open."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        socket = talk.network.waiting[0].far_end
        socket.accepted = True
        client.socket.far_resets()
        talk.settle()
        self.assertTrue(socket.closed)
        talk.is_over()

    def test_names_without_addresses(self) -> None:
        """A server whose name is not known fails the request with 502 and the cause."""
        spec = ServerSpec("s1", "http", Address("app.invalid", 80))
        talk = Conversation(self, backend=BackendOptions(name="app", servers=(spec,), retries=0))
        self.patch(talk.resolver, "addresses", lambda host, found: found(()))
        client = talk.client()
        client.sends(get())
        client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=dns_error")
        self.assertEqual(talk.server().counters.errors["dns"], 1)
        talk.is_over()


class PolicyTests(SynchronousTestCase):
    """What policies are told."""

    def told(self, answer: bytes) -> list[tuple[str, float]]:
        """What a policy hears of a server that gives this answer after a quarter of a second."""
        talk = Conversation(self, backend=replace(BACKEND, servers=servers(1), balance=BalanceSpec("least-time")))
        heard: list[tuple[str, float]] = []
        server = talk.server()
        server.on_answer = lambda server, seconds: heard.append((server.name, seconds))
        client = talk.client()
        client.sends(get())
        party = talk.accepts()
        talk.reactor.advance(0.25)
        party.sends(answer)
        client.aborts()
        talk.is_over()
        return heard

    def test_answers(self) -> None:
        """The time to the head of the response, whatever an application says in it."""
        for status in ("200 OK", "404 Not Found", "500 Internal Server Error"):
            [(name, seconds)] = self.told(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
            self.assertEqual(name, "s1")
            self.assertAlmostEqual(seconds, 0.25)

    def test_failures(self) -> None:
        """A server that says at once that it cannot, or says nothing right, counts as one that never answers."""
        for answer in ("502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"):
            octets = f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode()
            self.assertEqual(self.told(octets), [("s1", BACKEND.response_timeout)], answer)
        self.assertEqual(self.told(b"nonsense\r\n\r\n"), [("s1", BACKEND.response_timeout)])


class PeekTests(SynchronousTestCase):
    """Asking who would get an exchange."""

    def test_peeking_changes_nothing(self) -> None:
        """The same servers get the same requests, however often somebody asks; and what is said comes true."""
        talk = Conversation(self, backend=replace(BACKEND, servers=servers(3)))
        client = talk.client()
        for _ in range(5):
            expected = [[server.name for server in talk.backend.peek(an_exchange())] for _ in range(3)]
            self.assertEqual(expected, [expected[0]] * 3)
            client.sends(get("/", "Connection: keep-alive"))
            talk.accepts().sends(ok(b"x", "Connection: close"))
            self.assertEqual(talk.last().server, expected[0][0])
        self.assertEqual([exchange.server for exchange in talk.exchanges], ["s1", "s2", "s3", "s1", "s2"])
        talk.is_over()

    def test_with_weights(self) -> None:
        """The credit of smooth round robin is copied too."""
        one, two = servers(2)
        talk = Conversation(self, backend=replace(BACKEND, servers=(replace(one, weight=3), two)))
        for _ in range(8):
            [first, *_] = talk.backend.peek(an_exchange())
            self.assertIs(next(talk.backend.choose(an_exchange())), first)

    def test_a_server_that_has_left(self) -> None:
        """A policy may still know a server that has left and has work to do; that hinders nobody."""
        for name in POLICIES:
            talk = Conversation(self, backend=replace(BACKEND, servers=servers(3), balance=BalanceSpec(name)))
            talk.client().sends(get())
            talk.accepts()
            busy = next(server for server in talk.backend.servers if server.active_requests)
            talk.backend.leave(busy)
            found = talk.backend.peek(an_exchange())
            self.assertEqual({server.name for server in found}, {"s1", "s2", "s3"} - {busy.name}, name)
            self.assertTrue(all(server in talk.backend.servers for server in found))

    def test_many_peeks_at_policies(self) -> None:
        """Every policy can be copied, with what it has learned."""
        for name in POLICIES:
            talk = Conversation(self, backend=replace(BACKEND, servers=servers(3), balance=BalanceSpec(name)))
            for _ in range(3):
                self.assertEqual(len(talk.backend.peek(an_exchange())), 3, name)
            self.assertEqual(len(list(talk.backend.choose(an_exchange()))), 3, name)
