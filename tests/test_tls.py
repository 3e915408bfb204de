"""TLS: contexts from files, and conversations with TLS on either side."""

import errno
import ssl
from dataclasses import replace
from pathlib import Path

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import BACKEND, LISTENER, ROUTE, get, head, ok, post
from tests.support.tls import (
    Authority,
    ConversationWithSecureServers,
    SecureConversation,
    TLSParty,
    client_context,
    server_side,
)
from twisted_relay.config.tree import BackendOptions, ListenerOptions, TLSOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.errors import ConfigurationError
from twisted_relay.tls import listener_context, server_context

MEBI = 1 << 20
LISTENER_WITH_TLS = replace(LISTENER, tls="www")
SPEC = ServerSpec("s1", "https", Address("10.0.0.1", 443))


class ContextTests(SynchronousTestCase):
    """Contexts are made, or refused with a reason, when the configuration is loaded."""

    def setUp(self) -> None:
        """An authority."""
        self.authority = Authority(self.mktemp())

    def test_listener_files(self) -> None:
        """Files that are missing, hold nothing, or do not belong together are named with their section."""
        cert, key = self.authority.issue("example.org")
        _, other_key = self.authority.issue("other.test")
        empty = Path(self.mktemp())
        empty.write_text("nothing")
        listener_context(TLSOptions(name="www", cert=cert, key=key))
        for bad in (
            TLSOptions(name="www", cert="/nowhere", key=key),
            TLSOptions(name="www", cert=cert, key="/nowhere"),
            TLSOptions(name="www", cert=str(empty), key=key),
            TLSOptions(name="www", cert=cert, key=str(empty)),
            TLSOptions(name="www", cert=key, key=key),
            TLSOptions(name="www", cert=cert, key=other_key),
        ):
            error = self.assertRaises(ConfigurationError, listener_context, bad)
            self.assertIn("[tls:www]", str(error))

    def test_server_files(self) -> None:
        """The same for the files of a backend."""
        cert, key = self.authority.issue("client.test")
        _, other_key = self.authority.issue("other.test")
        good = replace(BACKEND, tls_ca=self.authority.ca_file, tls_cert=cert, tls_key=key)
        for options in (good, replace(good, tls_verify=False), BackendOptions(name="app")):
            self.assertTrue(IOpenSSLClientConnectionCreator.providedBy(server_context(options, "app.test")))
        for options in (
            replace(good, tls_ca="/nowhere"),
            replace(good, tls_ca=key),
            replace(good, tls_cert="/nowhere"),
            replace(good, tls_key="/nowhere"),
            replace(good, tls_key=other_key),
            replace(good, tls_key=other_key, tls_verify=False),
        ):
            error = self.assertRaises(ConfigurationError, server_context, options, "app.test")
            self.assertIn("[backend:app]", str(error))


class ClientSideTests(SynchronousTestCase):
    """Clients that speak TLS to the listener."""

    def setUp(self) -> None:
        """A listener with a certificate for example.org."""
        self.authority = Authority(self.mktemp())
        self.options = self.authority.options("example.org")

    def begin(
        self, listener: ListenerOptions = LISTENER_WITH_TLS, backend: BackendOptions = BACKEND
    ) -> SecureConversation:
        """A conversation."""
        talk = SecureConversation(self, listener, backend, replace(ROUTE, upgrade=("any",)))
        talk.tls, talk.authority = self.options, self.authority
        return talk

    def test_requests(self) -> None:
        """Requests are served one after the other; the server hears that the client used https."""
        talk = self.begin()
        client = talk.secure_client()
        client.sends(get("/1"))
        server = talk.accepts()
        server.sees_head("GET /1 HTTP/1.1", "X-Forwarded-Proto: https", "X-Forwarded-Port: 8443")
        server.sends(ok(b"one"))
        client.sees(ok(b"one"))
        client.sends(get("/2") + get("/3"))
        server.sees_head("GET /2 HTTP/1.1")
        server.sends(ok(b"two"))
        server.sends(ok(b"three"))
        client.sees(ok(b"two"), ok(b"three"))
        self.assertEqual(talk.listener.counters.handshakes, {"success": 1, "failure": 0})
        talk.is_over()

    def test_the_certificate_comes_with_its_chain(self) -> None:
        """The certificate file is sent whole, and TLS is 1.3 where the client can."""
        talk = self.begin()
        client = talk.secure_client()
        self.assertIsNone(client.error)
        self.assertEqual(client.tls.version(), "TLSv1.3")
        talk.is_over()

    def test_protocols(self) -> None:
        """Clients that offer protocols get http/1.1; those that offer none are served too."""
        for offered, chosen in (((), None), (("h2", "http/1.1"), "http/1.1"), (("http/1.1",), "http/1.1")):
            talk = self.begin()
            client = talk.secure_client(*offered)
            self.assertEqual(client.tls.selected_alpn_protocol(), chosen)
            client.sends(get())
            talk.accepts().sends(ok())
            client.sees(ok())
            talk.is_over()

    def test_min_version(self) -> None:
        """With `min_version = 1.3` older clients are refused; with 1.2 they are served, and 1.1 never is."""
        for minimum, version, served in (
            ("1.2", ssl.TLSVersion.TLSv1_2, True),
            ("1.3", ssl.TLSVersion.TLSv1_2, False),
            ("1.3", ssl.TLSVersion.TLSv1_3, True),
        ):
            self.options = replace(self.options, min_version=minimum)
            talk = self.begin()
            context = client_context(self.authority)
            context.maximum_version = version
            client = TLSParty(talk, talk.client().socket, context, "example.org")
            self.assertEqual(client.error is None, served, (minimum, version))
            self.assertEqual(talk.listener.counters.handshakes["success"], int(served))
            talk.is_over()

    def test_no_tls(self) -> None:
        """Plain HTTP to a TLS listener is a failed handshake, and nothing more."""
        talk = self.begin()
        client = talk.client()
        client.sends(get())
        self.assertTrue(client.socket.closed)
        self.assertEqual(talk.listener.counters.handshakes, {"success": 0, "failure": 1})
        self.assertEqual(talk.codes(), [])
        talk.is_over()

    def test_a_handshake_that_takes_too_long(self) -> None:
        """A client that connects and says nothing, or trickles, is closed after `header_timeout`."""
        talk = self.begin()
        client = talk.client()
        client.sends(b"\x16")
        talk.waits(11.0)
        self.assertTrue(client.socket.closed)
        self.assertEqual(talk.listener.counters.handshakes, {"success": 0, "failure": 1})
        talk.is_over()

    def test_idle(self) -> None:
        """An idle connection is ended in good order, also when the client does not answer the goodbye."""
        talk = self.begin()
        client = talk.secure_client()
        talk.waits(61.0)
        client.go_on()
        self.assertTrue(client.said_goodbye)
        talk.waits(61.0)
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_close(self) -> None:
        """After Connection: close the answer arrives whole, then TLS and the connection are ended."""
        for request in (get("/", "Connection: close"), head("GET / HTTP/1.0", "Host: a")):
            talk = self.begin()
            client = talk.secure_client()
            client.sends(request)
            talk.accepts().sends(ok(b"x" * MEBI))
            content = client.sees_answer("HTTP/1.1 200 OK", "Connection: close")
            self.assertEqual(len(content), MEBI)
            self.assertTrue(client.said_goodbye)
            client.says_goodbye()
            self.assertTrue(client.socket.closed)
            talk.is_over()

    def test_refused_requests(self) -> None:
        """An answer to something that is no request arrives, although the client goes on sending."""
        talk = self.begin()
        client = talk.secure_client()
        client.sends(b"no HTTP\r\n\r\n")
        client.sees_answer("HTTP/1.1 400 Bad Request", "Connection: close")
        talk.waits(70.0)
        self.assertTrue(client.socket.closed)
        talk.is_over()

    def test_streams_both_ways(self) -> None:
        """Large content passes whole in both directions."""
        talk = self.begin()
        client = talk.secure_client()
        client.sends(head("POST / HTTP/1.1", "Host: a", f"Content-Length: {3 * MEBI}"))
        server = talk.accepts()
        server.taken()
        client.sends(b"x" * 3 * MEBI)
        server.sees(b"x" * 3 * MEBI)
        server.sends(ok(b"y" * 3 * MEBI))
        client.sees(ok(b"y" * 3 * MEBI))
        talk.is_over()

    def test_a_slow_client(self) -> None:
        """It holds the server back, and gets everything."""
        talk = self.begin()
        client = talk.secure_client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(b"y" * 8 * MEBI))
        self.assertLess(server.socket.read, MEBI)
        client.unblocks()
        client.sees(ok(b"y" * 8 * MEBI))
        talk.is_over()

    def test_a_slow_server(self) -> None:
        """It holds the client back."""
        talk = self.begin()
        client = talk.secure_client()
        client.sends(head("POST / HTTP/1.1", "Host: a", f"Content-Length: {8 * MEBI}"))
        server = talk.accepts()
        server.blocks()
        client.sends(b"x" * 8 * MEBI)
        self.assertLess(client.socket.read, MEBI)
        server.unblocks()
        server.sends(ok())
        client.sees(ok())
        talk.is_over()

    def test_a_client_that_takes_nothing(self) -> None:
        """It is cut off after `send_timeout`, TLS or not."""
        talk = self.begin()
        client = talk.secure_client()
        client.sends(get())
        server = talk.accepts()
        client.blocks()
        server.sends(ok(b"y" * MEBI))
        talk.waits(130.0)
        self.assertTrue(client.socket.closed)
        self.assertTrue(server.socket.closed)
        talk.is_over()

    def test_the_client_leaves(self) -> None:
        """In every phase, with and without a goodbye, what worked for it is stopped."""
        for leave in ("says_goodbye", "closes", "aborts"):
            for phase in range(4):
                talk = self.begin()
                client = talk.secure_client()
                if phase:
                    client.sends(get())
                if phase > 1:
                    server = talk.accepts()
                if phase > 2:
                    server.sends(head("HTTP/1.1 200 OK", "Content-Length: 10") + b"hello")
                getattr(client, leave)()
                self.assertTrue(client.socket.closed, (leave, phase))
                self.assertEqual(talk.codes(), [[], [499], [499], [200]][phase])
                talk.is_over()

    def test_the_server_fails(self) -> None:
        """A response that breaks off ends without a goodbye: the client must not take it for whole."""
        for framing in ("Content-Length: 10", "Transfer-Encoding: chunked"):
            talk = self.begin()
            client = talk.secure_client()
            client.sends(get())
            server = talk.accepts()
            server.sends(head("HTTP/1.1 200 OK", framing) + b"5\r\nhello\r\n"[: 10 if "ch" in framing else 5])
            server.aborts()
            self.assertTrue(client.socket.closed)
            talk.is_over()

    def test_upgrade(self) -> None:
        """A tunnel over TLS passes octets both ways and ends when one side goes."""
        for leave in ("client", "server"):
            talk = self.begin()
            client = talk.secure_client()
            client.sends(get("/", "Connection: upgrade", "Upgrade: x") + b"early")
            server = talk.accepts()
            server.sees_head("GET / HTTP/1.1")
            server.sends(head("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "Connection: upgrade") + b"hello")
            client.sees_head("HTTP/1.1 101 Switching Protocols")
            client.sees(b"hello")
            server.sees(b"early")
            client.sends(b"x" * 300_000)
            server.sees(b"x" * 300_000)
            server.sends(b"y" * 300_000)
            client.sees(b"y" * 300_000)
            if leave == "client":
                client.closes()
                server.closes()
            else:
                server.closes()
                client.go_on()
                client.closes()
            self.assertTrue(client.socket.closed and server.socket.closed)
            self.assertEqual(talk.codes(), [101])
            talk.is_over()

    def test_drain(self) -> None:
        """Idle connections are ended; running requests are finished first."""
        talk = self.begin()
        idle, busy = talk.secure_client(), talk.secure_client()
        busy.sends(get())
        server = talk.accepts()
        talk.listener.drain()
        idle.go_on()
        self.assertTrue(idle.said_goodbye)
        server.sends(ok(b"x"))
        busy.sees_answer("HTTP/1.1 200 OK", "Connection: close")
        self.assertTrue(busy.said_goodbye)
        talk.waits(70.0)
        self.assertTrue(idle.socket.closed and busy.socket.closed)
        talk.is_over()

    def test_a_client_that_is_not_let_in(self) -> None:
        """A refused client gets no protocol at all."""
        talk = self.begin(replace(LISTENER_WITH_TLS, max_connections_per_client=1))
        talk.secure_client()
        self.assertIsNone(talk.protocol_for("192.0.2.1"))
        talk.is_over()


class ServerSideTests(SynchronousTestCase):
    """Servers that speak TLS."""

    def setUp(self) -> None:
        """A server with a certificate for app.test."""
        self.authority = Authority(self.mktemp())
        self.server = server_side(*self.authority.issue("app.test"))
        self.backend = replace(BACKEND, servers=(SPEC,), tls_ca=self.authority.ca_file, retries=0)

    def test_requests(self) -> None:
        """A request goes out after the handshake; the connection is kept for the next."""
        talk = ConversationWithSecureServers(self, backend=self.backend)
        client = talk.client()
        client.sends(post(b"hello"))
        server = talk.accepts_securely(self.server)
        server.sees_head("POST / HTTP/1.1", "Content-Length: 5")
        server.sees(b"hello")
        server.sends(ok(b"one"))
        client.sees(ok(b"one"))
        client.sends(get("/2"))
        server.sees_head("GET /2 HTTP/1.1")
        server.sends(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"1\r\nx\r\n", b"0\r\n\r\n")
        client.sees(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), b"1\r\nx\r\n0\r\n\r\n")
        self.assertEqual(talk.pool().server.counters.reuses, 1)
        talk.is_over()

    def test_verification(self) -> None:
        """Wrong names and unknown authorities are refused before anything is sent; `tls_name` and `off` are heard."""
        unknown = Authority(self.mktemp())
        for certificate, options, good in (
            (self.authority.issue("app.test"), self.backend, True),
            (self.authority.issue("other.test"), self.backend, False),
            (self.authority.issue("other.test"), replace(self.backend, tls_name="other.test"), True),
            (self.authority.issue("app.test"), replace(self.backend, tls_name="other.test"), False),
            (unknown.issue("app.test"), self.backend, False),
            (unknown.issue("other.test"), replace(self.backend, tls_verify=False), True),
        ):
            talk = ConversationWithSecureServers(self, backend=options)
            client = talk.client()
            client.sends(get())
            server = talk.accepts_securely(server_side(*certificate))
            if good:
                server.sees_head("GET / HTTP/1.1")
                server.sends(ok())
                client.sees(ok())
            else:
                self.assertEqual(server.taken(), b"")
                client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=tls_certificate_error")
                self.assertEqual(talk.server().counters.errors["tls"], 1)
            talk.is_over()

    def test_a_server_named_by_its_address(self) -> None:
        """The certificate must have the address then."""
        for names, good in ((("127.0.0.1",), True), (("127.0.0.2",), False), (("app.test",), False)):
            talk = ConversationWithSecureServers(self, backend=replace(self.backend, tls_name="127.0.0.1"))
            client = talk.client()
            client.sends(get())
            server = talk.accepts_securely(server_side(*self.authority.issue(*names)))
            self.assertEqual(bool(server.taken()), good, names)
            client.aborts()
            talk.is_over()

    def test_server_name(self) -> None:
        """The server is asked for its name, or for `tls_name`; also when nobody verifies."""
        for options, name in (
            (self.backend, "app.test"),
            (replace(self.backend, tls_name="other.test"), "other.test"),
            (replace(self.backend, tls_verify=False), "app.test"),
        ):
            asked: list[str | None] = []
            context = server_side(*self.authority.issue("app.test", "other.test"))
            context.sni_callback = lambda connection, name, context, asked=asked: asked.append(name)
            talk = ConversationWithSecureServers(self, backend=options)
            client = talk.client()
            client.sends(get())
            talk.accepts_securely(context)
            self.assertEqual(asked, [name])
            client.aborts()
            talk.is_over()

    def test_client_certificate(self) -> None:
        """A server that asks for a certificate gets ours."""
        cert, key = self.authority.issue("client.test")
        for options in (
            replace(self.backend, tls_cert=cert, tls_key=key),
            replace(self.backend, tls_cert=cert, tls_key=key, tls_verify=False),
        ):
            context = server_side(*self.authority.issue("app.test"))
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority.ca_file)
            talk = ConversationWithSecureServers(self, backend=options)
            client = talk.client()
            client.sends(get())
            server = talk.accepts_securely(context)
            server.sees_head("GET / HTTP/1.1")
            self.assertTrue(server.tls.getpeercert())
            server.sends(ok())
            client.sees(ok())
            talk.is_over()

    def test_the_next_server(self) -> None:
        """A handshake that fails, or never ends, sends the request to the next server."""
        other = replace(SPEC, name="s2", address=Address("10.0.0.2", 443))
        backend = replace(self.backend, retries=1, servers=(SPEC, other))
        for failure in ("garbage", "closes", "time"):
            talk = ConversationWithSecureServers(self, backend=backend)
            client = talk.client()
            client.sends(post(b"x"))
            bad = talk.accepts("10.0.0.1")
            if failure == "garbage":
                bad.sends(ok(b"no TLS"))
            elif failure == "closes":
                bad.closes()
            else:
                talk.waits(5.5)
            self.assertTrue(bad.socket.closed, failure)
            server = talk.accepts_securely(self.server)
            self.assertTrue(server.taken().endswith(b"x"))
            server.sends(ok())
            client.sees(ok())
            talk.is_over()

    def test_the_client_leaves_during_the_handshake(self) -> None:
        """The connection is given up."""
        talk = ConversationWithSecureServers(self, backend=self.backend)
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        client.aborts()
        self.assertTrue(server.socket.closed)
        self.assertEqual(talk.codes(), [499])
        talk.is_over()

    def test_content_until_close(self) -> None:
        """It is whole when the server says goodbye; without that the end may be somebody else's doing."""
        for leave, whole in (("says_goodbye", True), ("closes", False), ("aborts", False)):
            talk = ConversationWithSecureServers(self, backend=self.backend)
            client = talk.client()
            client.sends(get())
            server = talk.accepts_securely(self.server)
            server.sends(head("HTTP/1.1 200 OK") + b"hello")
            getattr(server, leave)()
            self.assertEqual(client.taken().endswith(b"\r\n0\r\n\r\n"), whole, leave)
            self.assertEqual(client.socket.closed, not whole, leave)
            talk.is_over()

    def test_back_pressure(self) -> None:
        """Slow ends hold back fast ones through TLS too."""
        talk = ConversationWithSecureServers(self, backend=self.backend)
        client = talk.client()
        client.sends(head("POST / HTTP/1.1", "Host: a", f"Content-Length: {8 * MEBI}"))
        server = talk.accepts_securely(self.server)
        server.taken()
        server.blocks()
        client.sends(b"x" * 8 * MEBI)
        self.assertLess(client.socket.read, MEBI)
        server.unblocks()
        server.sees(b"x" * 8 * MEBI)
        client.blocks()
        server.sends(ok(b"y" * 8 * MEBI))
        self.assertLess(server.socket.read, MEBI)
        client.unblocks()
        server.go_on()
        self.assertEqual(len(client.taken()), len(ok(b"y" * 8 * MEBI)))
        talk.is_over()

    def test_idle_connections(self) -> None:
        """They are closed after their time, and when the server ends them."""
        for how in ("time", "says_goodbye", "closes"):
            talk = ConversationWithSecureServers(self, backend=self.backend)
            client = talk.client()
            client.sends(get())
            server = talk.accepts_securely(self.server)
            server.sends(ok())
            self.assertEqual(talk.pool().open, 1)
            if how == "time":
                talk.waits(31.0)
            else:
                getattr(server, how)()
            talk.waits(6.0)
            self.assertTrue(server.socket.closed, how)
            self.assertEqual(talk.pool().open, 0, how)
            talk.is_over()

    def test_stale_connection(self) -> None:
        """A request on a connection that the server has just ended is sent once more over a fresh one."""
        talk = ConversationWithSecureServers(self, backend=self.backend)
        client = talk.client()
        client.sends(get("/1"))
        old = talk.accepts_securely(self.server)
        old.sends(ok())
        client.sends(get("/2"))
        old.says_goodbye()
        fresh = talk.accepts_securely(self.server)
        fresh.sees_head("GET /2 HTTP/1.1")
        fresh.sends(ok(b"two"))
        client.sees(ok(), ok(b"two"))
        talk.is_over()

    def test_refused(self) -> None:
        """No connection at all is not a matter of TLS."""
        talk = ConversationWithSecureServers(self, backend=self.backend)
        client = talk.client()
        client.sends(get())
        talk.refuses(errno.ECONNREFUSED)
        client.sees_answer("HTTP/1.1 502 Bad Gateway", "Proxy-Status: relay; error=connection_refused")
        talk.is_over()
