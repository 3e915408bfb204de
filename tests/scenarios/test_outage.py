"""Several servers fail at once, each in its own way, under load: clients must not notice."""

from collections import Counter
from signal import SIGCONT, SIGKILL, SIGSTOP

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import connect, curl, read_until
from tests.scenarios.load import Load
from tests.scenarios.origins import Origin, start_node
from tests.scenarios.relays import relay
from tests.scenarios.waiting import eventually
from tests.support.child import free_ports

SERVERS = "abcde"


class OutageTests(SynchronousTestCase):
    """Five servers: one is killed, one stopped, one answers 500 to everything, one is slow."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = five

[backend:five]
servers =
    a http://127.0.0.1:${A}
    b http://127.0.0.1:${B}
    c http://127.0.0.1:${C}
    d http://127.0.0.1:${D}
    e http://127.0.0.1:${E}
check = GET /seen
check_interval = 200ms
check_timeout = 500ms
eject_after = 3 errors in 10s
eject_for = 5s
eject_percent = 80%
retries = 4
retry_on = connect reset timeout empty 500 502 503 504
per_try_timeout = 500ms

[admin]
stats = 127.0.0.1:${ADMIN}
"""

    def setUp(self) -> None:
        """Everything runs and is used."""
        self.web, self.admin = map(str, free_ports(2))
        self.servers = {name: start_node(self, name) for name in SERVERS}
        places = {name.upper(): server.place for name, server in self.servers.items()}
        relay(self, self.RELAY, WEB=self.web, ADMIN=self.admin, **places)
        self.load = Load(self.web, clients=8)
        self.addCleanup(self.load.stop)
        eventually(lambda: self.answering() == set(SERVERS), "all servers answer")

    def answering(self, requests: int = 50) -> set[str]:
        """The names of the servers that gave the next answers, all of which must be good."""
        return set(self.share(requests))

    def share(self, requests: int) -> Counter[str]:
        """How many of the next answers each server gave; all must be good."""
        before = len(self.load.answers)
        self.load.go_on(requests)
        answers = self.load.answers[before:]
        self.assertEqual({status for status, _ in answers}, {200}, answers)
        return Counter(content.decode().strip() for _, content in answers)

    def become(self, server: Origin, how: str) -> None:
        """Change how a server behaves."""
        self.assertEqual(curl(f"http://127.0.0.1:{server.place}/become/{how}").content, b"yes\n")

    def out(self) -> set[str]:
        """The servers that get no requests."""
        metrics = curl(f"http://127.0.0.1:{self.admin}/metrics").content.decode()
        return {name for name in SERVERS if f'relay_server_up{{backend="five",server="{name}"}} 0\n' in metrics}

    def test_no_error_reaches_a_client(self) -> None:
        """All answers are good, from the first failure on; who is left shares the load evenly; who recovers is used."""
        self.become(self.servers["d"], "slow")
        self.servers["a"].signal(SIGKILL)
        eventually(lambda: self.out() == {"a"}, "the killed server is out")
        self.become(self.servers["c"], "failing")
        eventually(lambda: {"a", "c"} <= self.out(), "the failing server is out")
        self.servers["b"].signal(SIGSTOP)
        self.addCleanup(self.servers["b"].signal, SIGCONT)
        eventually(lambda: {"a", "b"} <= self.out(), "the stopped server is out")
        share = self.share(200)
        self.assertEqual(set(share), {"d", "e"})
        self.assertLess(abs(share["d"] - share["e"]), 40, share)
        start_node(self, "a", self.servers["a"].place)
        eventually(lambda: "a" in self.answering(), "the killed server is used again")
        self.load.stop()
        self.assertEqual({status for status, _ in self.load.answers}, {200})


class LeavingClientsTests(SynchronousTestCase):
    """Clients that leave by the hundred say nothing of a server."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = two

[backend:two]
servers =
    a http://127.0.0.1:${A}
    b http://127.0.0.1:${B}
eject_after = 3 errors in 10s

[admin]
stats = 127.0.0.1:${ADMIN}
"""

    def test_nobody_is_ejected(self) -> None:
        """Three hundred clients that give up, before their answer or in the middle of it, eject nobody."""
        web, admin = map(str, free_ports(2))
        relay(self, self.RELAY, WEB=web, ADMIN=admin, A=start_node(self, "a").place, B=start_node(self, "b").place)
        for _ in range(150):
            with connect(web) as client:
                client.sendall(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
            with connect(web) as client:
                client.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
                read_until(client, b"\r\n\r\n")

        def metrics() -> str:
            return curl(f"http://127.0.0.1:{admin}/metrics").content.decode()

        left = 'relay_http_request_errors_total{listener="web",reason="client_abort"} 300\n'
        eventually(lambda: left in metrics(), "all have left")
        for server in "ab":
            self.assertIn(f'relay_server_up{{backend="two",server="{server}"}} 1\n', metrics())
            self.assertIn(
                f'relay_server_state_changes_total{{backend="two",server="{server}",state="ejected"}} 0', metrics()
            )
