"""The connections to one server: which are kept, for how long, and which is lent."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, Conversation, Party, get, ok
from twisted_relay.config.tree import BackendOptions


class PoolTests(SynchronousTestCase):
    """Idle connections are lent again, newest first, within limits."""

    def with_idle(self, number: int, backend: BackendOptions = BACKEND) -> tuple[Conversation, Party, list[Party]]:
        """A conversation with so many idle connections to the server, oldest first, and a client that asks nothing."""
        talk = Conversation(self, backend=backend)
        clients = [talk.client() for _ in range(number)]
        parties = []
        for client in clients:
            client.sends(get())
            parties.append(talk.accepts())
        for party in parties:
            party.sends(ok())
            party.taken()
        return talk, clients[0], parties

    def test_newest_first(self) -> None:
        """The connection that was used last is the least likely to be closed by the server."""
        talk, client, (first, second, third) = self.with_idle(3)
        self.assertEqual((talk.pool().open, len(talk.pool().idle)), (3, 3))
        client.sends(get())
        third.sees_head("GET / HTTP/1.1")
        first.sees_nothing()
        second.sees_nothing()
        third.sends(ok())
        self.assertEqual(talk.server().counters.reuses, 1)
        talk.is_over()

    def test_connections_that_a_client_has_authenticated(self) -> None:
        """NTLM and Negotiate authenticate the connection: nobody else may speak on it, not even the same client."""
        for scheme, kept in (
            ("NTLM TlRM", 0),
            ("negotiate  YII", 0),
            ("Negotiate", 0),
            ("Basic YTpi", 1),
            ("NTLMv3 x", 1),
        ):
            talk, client, (party,) = self.with_idle(1)
            client.sends(get("/", f"aUTHORIZATION: {scheme}"))
            party.sends(ok())
            self.assertEqual((talk.pool().open, len(talk.pool().idle)), (kept, kept), scheme)
            talk.is_over()

    def test_pool_idle(self) -> None:
        """No more idle connections are kept than `pool_idle`; 0 keeps none."""
        for limit in (0, 2):
            talk, _, parties = self.with_idle(4, replace(BACKEND, pool_idle=limit))
            self.assertEqual((talk.pool().open, len(talk.pool().idle)), (limit, limit))
            for number, party in enumerate(parties):
                self.assertEqual(party.socket.closed, number >= limit)
            talk.is_over()

    def test_pool_idle_timeout(self) -> None:
        """What nobody has used for so long is closed in good order."""
        talk, client, (party,) = self.with_idle(1)
        talk.waits(29.0)
        party.is_open()
        talk.waits(2.0)
        party.sees_close()
        self.assertEqual((talk.pool().open, talk.pool().idle), (0, []))
        client.sends(get())
        talk.accepts().sends(ok())
        talk.is_over()

    def test_use_prolongs_the_idle_time(self) -> None:
        """Only time without use counts."""
        talk, client, (party,) = self.with_idle(1)
        for _ in range(5):
            talk.waits(25.0)
            client.sends(get())
            party.sees_head("GET / HTTP/1.1")
            party.sends(ok())
        party.is_open()
        talk.is_over()

    def test_pool_max_requests(self) -> None:
        """A connection serves no more requests than that."""
        talk, client, (party,) = self.with_idle(1, replace(BACKEND, pool_max_requests=2))
        party.is_open()
        client.sends(get())
        party.sends(ok())
        party.sees_close()
        self.assertEqual(talk.pool().open, 0)
        talk.is_over()

    def test_pool_max_age(self) -> None:
        """A connection that is too old is not used for another request."""
        talk, client, (party,) = self.with_idle(1, replace(BACKEND, pool_max_age=50.0))
        for _ in range(2):
            talk.waits(20.0)
            client.sends(get())
            party.sees_head("GET / HTTP/1.1")
            party.sends(ok())
        talk.waits(20.0)
        client.sends(get())
        party.sees_close()
        talk.accepts().sends(ok())
        talk.is_over()

    def test_close(self) -> None:
        """When a pool is closed all its connections end, also those that are lent."""
        talk, client, (party,) = self.with_idle(1)
        other = talk.client()
        client.sends(get())
        other.sends(get())
        busy = talk.accepts()
        party.sends(ok())
        talk.backend.close()
        talk.settle()
        self.assertTrue(party.socket.closed)
        busy.sees_reset()
        other.aborts()
        talk.is_over()

    def test_apart(self) -> None:
        """A pool for checks keeps what its own options say and counts nowhere."""
        talk = Conversation(self)
        apart = talk.pool().apart(talk.pool().dialler, replace(talk.server().options, pool_idle=0))
        made: list[object] = []
        apart.dial(made.append)
        talk.settle()
        party = talk.accepts()
        self.assertEqual((apart.open, talk.pool().open, talk.server().counters.connections), (1, 0, 0))
        for connection in list(apart._connections):
            apart.give_back(connection)
        talk.settle()
        party.sees_close()
        self.assertEqual(apart.open, 0)
        talk.is_over()

    def test_connect_times(self) -> None:
        """How long connecting took is observed once for each connection that was made."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        talk.waits(1.0)
        talk.accepts().sends(ok())
        client.sends(get())
        times = talk.backend.counters.connect_times
        self.assertEqual(sum(times.counts), 1)
        self.assertAlmostEqual(times.total, 1.0)
        client.aborts()
        talk.is_over()
