"""Servers that crash, talk nonsense or die in the middle, and clients that leave."""

import json
import socket
import struct
from signal import SIGKILL

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import connect, curl, read_to_end, read_until
from tests.scenarios.load import Load
from tests.scenarios.origins import Origin, start_node
from tests.scenarios.relays import relay
from tests.scenarios.scripted import Behaviour, ScriptedServer, answering
from tests.scenarios.waiting import eventually
from tests.support.child import free_ports

#: How curl ends when a transfer breaks off: it knows that content is missing, or reading failed.
BROKEN = (18, 56)
NAMES = {(200, b"a\n"), (200, b"b\n")}


class CrashTests(SynchronousTestCase):
    """One of two servers is killed under load and comes back."""

    CHECKED = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = both

[backend:both]
servers =
    a http://127.0.0.1:${A}
    b http://127.0.0.1:${B}
check = GET /name status=200
check_interval = 200ms
check_timeout = 200ms
eject_after = off
retry_budget = off

[admin]
stats = 127.0.0.1:${ADMIN}
"""
    EJECTED = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = both

[backend:both]
servers =
    a http://127.0.0.1:${A}
    b http://127.0.0.1:${B}
eject_after = 3 errors in 10s
eject_for = 1s

[admin]
stats = 127.0.0.1:${ADMIN}
"""

    def start(self, configuration: str) -> tuple[str, Origin]:
        """Start both servers and relay; return relay's port and the server that will crash."""
        web, self.admin = map(str, free_ports(2))
        a, b = start_node(self, "a"), start_node(self, "b")
        relay(self, configuration, WEB=web, ADMIN=self.admin, A=a.place, B=b.place)
        return web, a

    def is_up(self, server: str, value: int) -> bool:
        """Whether `relay_server_up` of the server has this value."""
        metrics = curl(f"http://127.0.0.1:{self.admin}/metrics").content.decode()
        return f'relay_server_up{{backend="both",server="{server}"}} {value}\n' in metrics

    def crash_and_return(self, configuration: str) -> None:
        """Kill a server under load, see that it is out, start it again and see it back; nothing may be lost."""
        web, crashing = self.start(configuration)
        load = Load(web)
        self.addCleanup(load.stop)
        eventually(lambda: NAMES.issubset(load.answers), "both servers answer")
        crashing.signal(SIGKILL)
        eventually(lambda: self.is_up("a", 0), "the crash is noticed")
        self.assertTrue(self.is_up("b", 1))
        self.assertEqual(load.go_on(), {(200, b"b\n")})
        start_node(self, "a", crashing.place)
        eventually(lambda: self.is_up("a", 1), "the return is noticed")
        eventually(lambda: load.go_on() == NAMES, "both servers answer again")
        load.stop()
        self.assertEqual(set(load.answers), NAMES)

    def test_checks(self) -> None:
        """A crash loses no GET; checks take the server out and bring it back."""
        self.crash_and_return(self.CHECKED)

    def test_ejection(self) -> None:
        """Without checks, failed requests take the server out for a while; they too go to the other one."""
        self.crash_and_return(self.EJECTED)

    def test_nobody_left(self) -> None:
        """Without any server the answer is a 503 that says when to come again, and the first one back is used."""
        web, crashing = self.start(self.CHECKED.replace("    b http://127.0.0.1:${B}\n", ""))
        url = f"http://127.0.0.1:{web}/name"
        self.assertEqual(curl(url).content, b"a\n")
        crashing.signal(SIGKILL)
        eventually(lambda: self.is_up("a", 0), "the crash is noticed")
        fetched = curl("--include", url).content
        self.assertTrue(fetched.startswith(b"HTTP/1.1 503 "), fetched)
        self.assertIn(b"\r\nRetry-After: ", fetched)
        start_node(self, "a", crashing.place)
        eventually(lambda: curl(url).content == b"a\n", "the server is used again")


class BrokenServerTests(SynchronousTestCase):
    """A server whose answers cannot be passed on."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = broken

[backend:broken]
servers = http://127.0.0.1:${BROKEN}
response_timeout = 1s
eject_after = off
"""

    def start(self, *behaviours: Behaviour) -> str:
        """Start a server that does one of these for each connection, and relay before it; return relay's URL."""
        script = iter(behaviours)

        def behave(connection: socket.socket) -> None:
            next(script)(connection)

        return self.start_before(ScriptedServer(self, behave).place)

    def start_before(self, place: str) -> str:
        """Start relay before a server; return its URL."""
        [web] = map(str, free_ports(1))
        relay(self, self.RELAY, WEB=web, BROKEN=place)
        return f"http://127.0.0.1:{web}"

    def test_no_answer_that_can_be_passed_on(self) -> None:
        """Garbage, ambiguous framing and a closed connection are a 502, whatever follows in the same packet."""
        ok = b"HTTP/1.1 200 OK\r\n"
        answers = (
            b"\0\1\2\3\xff garbage\r\n\r\n",
            b"<html>an answer of 1991</html>\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            ok + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            ok + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            ok + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            ok + b"Bad Name: 1\r\nContent-Length: 0\r\n\r\n",
            ok + b"A: 1\r\n folded: 2\r\nContent-Length: 0\r\n\r\n",
            b"",
        )
        url = self.start(*map(answering, answers))
        for answer in answers:
            fetched = curl("--include", "--data", "not to be repeated", url).content
            self.assertTrue(fetched.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"), (answer, fetched))
            self.assertNotIn(b"hello", fetched)

    def test_no_answer_in_time(self) -> None:
        """A server that says nothing is a 504 after `response_timeout`."""
        self.assertIn(b" 504 ", curl("--include", f"{self.start_before(start_node(self).place)}/hold").content)

    def test_death_in_the_middle(self) -> None:
        """A server that dies in the middle of its content leaves a broken transfer, never a short but good one."""
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        answers = ((half, b"hello"), (half + b"hello",), (chunks, b"5\r\nhello\r\n"), (chunks, b"6\r\nhello"))
        url = self.start(*(answering(*pieces) for pieces in answers))
        for pieces in answers:
            fetched = curl(url)
            self.assertIn(fetched.status, BROKEN, (pieces, fetched))

    def test_death_of_a_process(self) -> None:
        """The same with Node, which dies after half of its content."""
        fetched = curl(f"{self.start_before(start_node(self).place)}/half")
        self.assertIn(fetched.status, BROKEN, fetched.errors)

    def test_reset_before_an_end_that_is_the_close(self) -> None:
        """Content that ends with the connection is whole after a close, and broken after a reset."""
        head = b"HTTP/1.0 200 OK\r\n\r\n"

        def reset(connection: socket.socket) -> None:
            answering(head, b"hello")(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        url = self.start(answering(head, b"hello"), reset, reset, reset)
        fetched = curl(url)
        self.assertEqual((fetched.status, fetched.content), (0, b"hello"))
        # The reset may overtake the content, or even the head: an error then, and GET is tried again.
        fetched = curl("--fail", url)
        self.assertIn(fetched.status, (*BROKEN, 22), fetched)

    def test_early_answer(self) -> None:
        """A server that answers an upload before its end is heard."""
        answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 6\r\nConnection: close\r\n\r\nenough"

        def answer_early(connection: socket.socket) -> None:
            answering(answer)(connection)
            connection.shutdown(socket.SHUT_WR)
            read_to_end(connection)  # closing with octets unread would be a reset, which may overtake the answer

        fetched = curl("--upload-file", "-", "--include", self.start(answer_early), content=bytes(3000000))
        self.assertIn(b"HTTP/1.1 413 ", fetched.content)
        self.assertTrue(fetched.content.endswith(b"enough"), fetched.content)


class LeavingClientTests(SynchronousTestCase):
    """Clients that do not wait for the end."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = node

[backend:node]
servers = http://127.0.0.1:${NODE}
"""

    def test_the_server_hears_of_it(self) -> None:
        """Whether its answer has begun or not, the server sees that nobody wants it any more."""
        node = start_node(self)
        [web] = map(str, free_ports(1))
        relay(self, self.RELAY, WEB=web, NODE=node.place)

        def aborted() -> int:
            return int(json.loads(curl(f"http://127.0.0.1:{node.place}/seen").content)["aborted"])

        with connect(web) as client:
            client.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            read_until(client, b"\r\n\r\n")
        eventually(lambda: aborted() == 1, "the server hears that the download was given up")
        with connect(web) as client:
            client.sendall(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: self.is_held(node), "the request has arrived")
        eventually(lambda: aborted() == 2, "the server hears that nobody waits")

    def is_held(self, node: Origin) -> bool:
        """Whether the server works on a request that it has not answered."""
        seen = json.loads(curl(f"http://127.0.0.1:{node.place}/seen").content)
        return bool(seen["running"] > 1)


class FloodTests(SynchronousTestCase):
    """Many clients that leave at once, before servers whose first failure would take them out."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = both

[backend:both]
servers =
    a http://127.0.0.1:${A}
    b http://127.0.0.1:${B}
eject_after = 1 error in 10s
breaker = 1% errors in 10s min=1

[admin]
stats = 127.0.0.1:${ADMIN}
"""
    REQUESTS = (
        b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome of it",
        b"PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo",
    )

    def test_nobody_is_ejected(self) -> None:
        """Clients that reset or close their connections while they wait or send are no fault of a server."""
        web, admin = map(str, free_ports(2))
        a, b = start_node(self, "a"), start_node(self, "b")
        relay(self, self.RELAY, WEB=web, ADMIN=admin, A=a.place, B=b.place)

        def metrics() -> str:
            return curl(f"http://127.0.0.1:{admin}/metrics").content.decode()

        clients = [connect(web) for _ in range(100)]
        for number, client in enumerate(clients):
            client.sendall(self.REQUESTS[number % len(self.REQUESTS)])
        eventually(lambda: 'relay_http_active_requests{listener="web"} 100\n' in metrics(), "all have asked")
        for number, client in enumerate(clients):
            if number % 3:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        eventually(lambda: 'relay_http_active_requests{listener="web"} 0\n' in metrics(), "all have left")
        seen = metrics()
        for server in "ab":
            self.assertIn(f'relay_server_state{{backend="both",server="{server}",state="up"}} 1\n', seen)
        self.assertNotRegex(seen, r"relay_server_errors_total\{[^}]*\} [1-9]")
        self.assertIn('relay_backend_breaker_state{backend="both",state="closed"} 1\n', seen)
        self.assertIn('relay_backend_ejections_total{backend="both",reason="errors"} 0\n', seen)
        answers = {curl(f"http://127.0.0.1:{web}/name").content for _ in range(4)}
        self.assertEqual(answers, {b"a\n", b"b\n"})

    def test_breaker(self) -> None:
        """The same relay opens its breaker for a real failure, and answers by itself from then on."""
        web, admin = map(str, free_ports(2))
        broken = ScriptedServer(self, answering(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"))
        relay(self, self.RELAY, WEB=web, ADMIN=admin, A=broken.place, B=broken.place)
        self.assertIn(b"HTTP/1.1 500 ", curl("--include", f"http://127.0.0.1:{web}/").content)
        refused = curl("--include", f"http://127.0.0.1:{web}/").content
        self.assertTrue(refused.startswith(b"HTTP/1.1 503 "), refused)
        self.assertRegex(refused, rb"\r\nRetry-After: (?:9|10)\r\n")
