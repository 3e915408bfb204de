"""HTTP/1.1 towards a server: what goes back to the pool and what never does, strict reading, upgrades."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import ROUTE, Conversation, get, head, ok, post
from twisted_relay.upstream.http1 import MAX_INFORMATIONAL

WEBSOCKET = replace(ROUTE, upgrade=("websocket",))
UPGRADE = get("/chat", "Connection: Upgrade", "Upgrade: websocket")
SWITCHING = head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")


class ReuseTests(SynchronousTestCase):
    """Only a connection with nothing left over on either side serves again."""

    def test_what_is_kept(self) -> None:
        """A response that is complete by itself leaves the connection usable."""
        chunked = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
        for response in (
            ok(b"hello"),
            ok(),
            ok(b"hello", "Connection: keep-alive", "Keep-Alive: timeout=5"),
            head("HTTP/1.1 204 No Content"),
            head("HTTP/1.1 304 Not Modified", "Content-Length: 5"),
            chunked + b"5\r\nhello\r\n0\r\n\r\n",
            chunked + b"0\r\nX: y\r\n\r\n",
        ):
            self.after(response, kept=True)

    def test_what_is_not_kept(self) -> None:
        """Close, HTTP/1.0, content until the end, and anything behind the response: never used again."""
        for response in (
            ok(b"hello", "Connection: close"),
            ok(b"hello", "Connection: Keep-Alive, Close"),
            ok(b"hello").replace(b"HTTP/1.1", b"HTTP/1.0"),
            ok(b"hello", "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
            ok(b"hello") + b"x",
            ok(b"hello") + ok(b"second"),
            head("HTTP/1.1 204 No Content") + b"x",
            head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"0\r\n\r\n\r\n",
        ):
            self.after(response, kept=False)

    def after(self, response: bytes, *, kept: bool) -> None:
        """Serve one request with this response, whole and byte by byte; another follows if the connection is kept."""
        for octets in ((response,), tuple(response[n : n + 1] for n in range(len(response)))):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.taken()
            server.sends(*octets)
            self.assertTrue(client.taken().startswith(b"HTTP/1.1 "))
            self.assertEqual(talk.codes(), [int(response[9:12])])
            self.assertEqual(talk.pool().open, int(kept), response)
            self.assertEqual(server.socket.closed, not kept, response)
            client.sends(get("/2"))
            (server if kept else talk.accepts()).sees_head("GET /2 HTTP/1.1")
            client.aborts()
            talk.is_over()

    def test_unexpected_octets_on_an_idle_connection(self) -> None:
        """What comes on an idle connection belongs to nobody: the connection is cut, and nobody gets it."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get("/1"))
        server = talk.accepts()
        server.sends(ok())
        server.sends(ok(b"poison"))
        server.sees_reset()
        self.assertEqual(talk.pool().idle, [])
        client.sends(get("/2"))
        talk.accepts().sends(ok(b"two"))
        client.sees(ok(), ok(b"two"))
        talk.is_over()

    def test_an_idle_connection_that_the_server_closes(self) -> None:
        """It is forgotten, in good order or not."""
        for how in ("closes", "ends", "aborts"):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(ok())
            getattr(server, how)()
            self.assertTrue(server.socket.closed)
            self.assertEqual((talk.pool().open, talk.pool().idle), (0, []))
            talk.is_over()

    def test_a_response_before_the_request_is_complete(self) -> None:
        """The connection of a request whose content was not all sent is never used again."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 10") + b"x")
        server = talk.accepts()
        server.sends(ok())
        server.sees_reset()
        client.sends(b"y" * 9 + get())
        talk.accepts().sends(ok())
        client.sees(ok(), ok())
        talk.is_over()

    def test_a_response_before_the_request_has_left(self) -> None:
        """Nor is one whose request the server has not taken yet, although all of it had come to us."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(ok())
        server.takes(100)
        client.sends(post(b"x" * 50_000))
        server.sends(ok())
        client.sees(ok(), ok())
        server.sees_reset()
        self.assertEqual(talk.pool().open, 0)
        talk.is_over()

    def test_early_response_with_a_content_that_still_comes(self) -> None:
        """A server may answer before it has the whole request, and still read the rest."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", "Content-Length: 4"))
        server = talk.accepts()
        server.taken()
        server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        client.sees_head("HTTP/1.1 200 OK")
        for octets in (b"ab", b"cd"):
            client.sends(octets)
            server.sees(octets)
            server.sends(b"2\r\n" + octets + b"\r\n")
            client.sees(b"2\r\n" + octets + b"\r\n")
        server.sends(b"0\r\n\r\n")
        client.sees(b"0\r\n\r\n")
        self.assertEqual(len(talk.pool().idle), 1)
        talk.is_over()


class ReadingTests(SynchronousTestCase):
    """A response that could be read in two ways is not passed on."""

    def test_refused(self) -> None:
        """Each of these is answered 502, and the connection is cut."""
        for response in (
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 99 Low\r\n\r\n",
            b"HTTP/1.1 2000 High\r\n\r\n",
            b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            head("HTTP/1.1 200 OK", "Content-Length: 1, 1"),
            head("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 1"),
            head("HTTP/1.1 200 OK", "Content-Length: 1", "Transfer-Encoding: chunked"),
            head("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked"),
            head("HTTP/1.1 200 OK", "Content-Length : 1"),
            head("HTTP/1.1 200 OK", " folded"),
            head("HTTP/1.1 200 OK", "Connection: content-length", "Content-Length: 1"),
            head("HTTP/1.1 200 OK", *["X: y"] * 600),
            head("HTTP/1.1 200 OK", "X: " + "y" * 70_000),
            head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"x\r\n",
            SWITCHING,
        ):
            talk = Conversation(self)
            client = talk.client()
            client.sends(get())
            server = talk.accepts()
            server.sends(response)
            client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=http_protocol_error")
            server.sees_reset()
            client.is_open()
            talk.is_over()

    def test_informational_responses_are_bounded(self) -> None:
        """A server that never comes to the point is cut off."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 103 Early Hints") * MAX_INFORMATIONAL)
        self.assertEqual(client.taken(), head("HTTP/1.1 103 Early Hints") * MAX_INFORMATIONAL)
        server.sends(head("HTTP/1.1 103 Early Hints"))
        client.sees_head("HTTP/1.1 502 Bad Gateway")
        talk.is_over()

    def test_an_informational_and_the_final_response_in_one_read(self) -> None:
        """It does not matter that they come together."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 103 Early Hints") + head("HTTP/1.1 102 Processing") + ok(b"x"))
        client.sees(head("HTTP/1.1 103 Early Hints"), head("HTTP/1.1 102 Processing"), ok(b"x"))
        self.assertEqual(len(talk.pool().idle), 1)
        talk.is_over()

    def test_fields_of_the_connection(self) -> None:
        """They stay on the connection, both ways; what Connection names goes with it."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(
            get("/", "Connection: X-Hop, keep-alive", "X-Hop: 1", "Keep-Alive: 1", "Proxy-Connection: x", "X-End: 1")
        )
        server = talk.accepts()
        fields = server.sees_head("GET / HTTP/1.1", "X-End: 1")
        names = {name.lower() for name, _ in fields}
        self.assertEqual(names & {b"connection", b"x-hop", b"keep-alive", b"proxy-connection", b"te"}, set())
        server.sends(ok(b"", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 1", "X-End: 1", "Set-Cookie: a"))
        client.sees(ok(b"", "X-End: 1", "Set-Cookie: a"))
        talk.is_over()

    def test_octets_are_counted(self) -> None:
        """A server's counters know what went each way."""
        talk = Conversation(self)
        client = talk.client()
        client.sends(post(b"hello"))
        server = talk.accepts()
        server.sends(ok(b"x" * 1000))
        counters = talk.server().counters
        self.assertEqual(counters.bytes_sent, len(server.taken()))
        self.assertEqual(counters.bytes_received, len(ok(b"x" * 1000)))
        self.assertEqual(counters.codes, {200: 1})
        self.assertEqual((counters.connections, counters.reuses), (1, 0))
        talk.is_over()


class UpgradeTests(SynchronousTestCase):
    """A connection that leaves HTTP becomes a tunnel, where the route allows it."""

    def tunnel(self, early: bytes = b"") -> Conversation:
        """A conversation that has just switched; `self.client` and `self.server` are its ends."""
        talk = Conversation(self, route=WEBSOCKET)
        self.client = talk.client()
        self.client.sends(UPGRADE + early)
        self.server = talk.accepts()
        self.server.sees_head("GET /chat HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket")
        return talk

    def test_a_tunnel(self) -> None:
        """After 101 octets pass both ways as they are; the exchange lasts as long as the tunnel."""
        talk = self.tunnel()
        self.server.sends(SWITCHING)
        self.client.sees(SWITCHING)
        self.client.sends(b"\x00ping")
        self.server.sees(b"\x00ping")
        self.server.sends(b"\xffpong")
        self.client.sees(b"\xffpong")
        self.assertEqual((talk.listener.counters.active_requests, talk.server().active_requests), (1, 1))
        self.assertEqual(talk.pool().open, 0)
        self.client.closes()
        self.server.sees_end()
        self.server.closes()
        self.server.sees_close()
        exchange = talk.last()
        self.assertEqual((exchange.code, exchange.bytes_received), (101, 5))
        talk.is_over()

    def test_early_octets(self) -> None:
        """What came behind the heads, on either side, is not lost."""
        talk = self.tunnel(early=b"first")
        self.server.sends(SWITCHING + b"hello")
        self.client.sees(SWITCHING, b"hello")
        self.server.sees(b"first")
        self.server.aborts()
        self.client.sees_close()
        talk.is_over()

    def test_half_close(self) -> None:
        """A side that stops sending still receives."""
        talk = self.tunnel()
        self.server.sends(SWITCHING)
        self.client.taken()
        self.client.ends()
        self.server.sees_end()
        self.server.sends(b"rest")
        self.client.sees(b"rest")
        self.server.closes()
        self.client.sees_close()
        talk.is_over()

    def test_back_pressure(self) -> None:
        """A slow end stops the other one."""
        for fast, slow in (("client", "server"), ("server", "client")):
            talk = self.tunnel()
            self.server.sends(SWITCHING)
            self.client.taken()
            getattr(self, slow).blocks()
            getattr(self, fast).sends(b"x" * 5_000_000)
            self.assertLess(getattr(self, fast).socket.read, 500_000)
            getattr(self, slow).unblocks()
            getattr(self, slow).sees(b"x" * 5_000_000)
            self.client.aborts()
            talk.is_over()

    def test_idle_tunnel(self) -> None:
        """Without an octet either way for `tunnel_timeout` it ends."""
        talk = self.tunnel()
        self.server.sends(SWITCHING)
        talk.reactor.pass_time(3000, step=100)
        self.server.sends(b"x")
        talk.reactor.pass_time(3000, step=100)
        self.client.is_open()
        talk.reactor.pass_time(700, step=100)
        self.client.sees_close()
        self.server.sees_close()
        talk.is_over()

    def test_reset(self) -> None:
        """When one side is gone, so is the other."""
        for gone, left in (("client", "server"), ("server", "client")):
            talk = self.tunnel()
            self.server.sends(SWITCHING)
            getattr(self, gone).aborts()
            self.assertTrue(getattr(self, left).socket.closed)
            talk.is_over()

    def test_an_end_that_takes_nothing_any_more(self) -> None:
        """What is queued for an end when the other is gone has a while to be taken, and no more."""
        talk = self.tunnel()
        self.server.sends(SWITCHING)
        self.client.blocks()
        self.server.sends(b"x" * 60_000)
        self.server.aborts()
        talk.waits(30.0)
        self.assertTrue(self.client.socket.closed)
        talk.is_over()

    def test_refused_by_the_route(self) -> None:
        """Without `upgrade` in the route the request is an ordinary one, and 101 an error."""
        for route in (ROUTE, replace(ROUTE, upgrade=("h2c",))):
            talk = Conversation(self, route=route)
            client = talk.client()
            client.sends(UPGRADE)
            server = talk.accepts()
            fields = server.sees_head("GET /chat HTTP/1.1")
            self.assertEqual((fields.get(b"upgrade"), fields.get(b"connection")), (None, None))
            server.sends(SWITCHING)
            client.sees_head("HTTP/1.1 502 Bad Gateway")
            server.sees_reset()
            talk.is_over()

    def test_refused_by_the_server(self) -> None:
        """A server that answers otherwise is heard, and the connection stays HTTP."""
        talk = self.tunnel()
        self.server.sends(ok(b"no"))
        self.client.sees(ok(b"no"))
        self.client.sends(get("/next"))
        self.server.sees_head("GET /next HTTP/1.1")
        self.client.aborts()
        talk.is_over()

    def test_drain_leaves_tunnels_alone(self) -> None:
        """A tunnel lasts through a drain, and ends when everything is cut."""
        talk = self.tunnel()
        self.server.sends(SWITCHING)
        talk.listener.drain()
        talk.settle()
        self.client.is_open()
        talk.listener.abort()
        talk.settle()
        self.assertTrue(self.client.socket.closed)
        self.assertTrue(self.server.socket.closed)
        talk.is_over()

    def test_the_client_leaves_before_the_switch(self) -> None:
        """Then there is no tunnel."""
        talk = self.tunnel()
        self.client.aborts()
        self.server.sees_reset()
        self.assertEqual(talk.codes(), [499])
        talk.is_over()
