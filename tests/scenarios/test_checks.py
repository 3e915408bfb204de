"""Health checks of real servers: by HTTP and TLS of nginx, by TCP of a service of Node's."""

from signal import SIGCONT, SIGKILL, SIGSTOP

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import curl
from tests.scenarios.origins import PROGRAMS, Origin, start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.waiting import eventually
from tests.support.child import Child, free_ports


def told(relay: Child, *servers: str) -> dict[str, str]:
    """What the log says of each of these servers next, after `server NAME of backend app`."""
    said: dict[str, str] = {}
    while len(said) < len(servers):
        line = relay.read_until("server ").rstrip().rpartition("server ")[2]
        name, _, rest = line.partition(" of backend app ")
        said.setdefault(name, rest)
    return said


def answers(web: str, path: str = "/", times: int = 12) -> set[str]:
    """Who answers so many requests."""
    return {curl(f"http://127.0.0.1:{web}{path}").content.decode().strip() for _ in range(times)}


class HTTPTests(SynchronousTestCase):
    """`check = GET …`, with what is sent and what is expected."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[backend:app]
servers =
    a http://127.0.0.1:${A}
    b http://127.0.0.1:${B}
    c http://127.0.0.1:${C}
    d http://127.0.0.1:${D}
check = GET /health
check_host = health.example
check_header = X-Probe: relay
check_expect_header = X-Ready: yes
check_expect_body = "status": *"ok"
check_interval = 20ms
check_timeout = 10s
check_fall = 1

[admin]
stats = 127.0.0.1:${ADMIN}
"""
    #: `a` is well, `b` is not ready, `c` is still starting, `d` is well but closes each connection after two requests.
    NGINX = """
    log_format checks '$server_port $connection $connection_requests $http_host';
    map $server_port $ready { %(B)s no; default yes; }
    map $server_port $phase { %(C)s starting; default ok; }
    server {
        access_log checks.log checks;
        listen 127.0.0.1:%(A)s;
        listen 127.0.0.1:%(B)s;
        listen 127.0.0.1:%(C)s;
        location = /health {
            if ($http_x_probe != relay) { return 400; }
            add_header X-Ready $ready;
            return 200 '{"status": "$phase"}';
        }
        location / { return 200 "$server_port\\n"; }
    }
    server {
        access_log checks.log checks;
        listen 127.0.0.1:%(D)s;
        keepalive_requests 2;
        location = /health { add_header X-Ready yes; return 200 '{"status": "ok"}'; }
        location / { return 200 "$server_port\\n"; }
    }
"""

    def test_expectations(self) -> None:
        """Only servers whose answer is as expected get requests; one connection is used for many checks."""
        web, admin, *ports = map(str, free_ports(6))
        places = dict(zip("ABCD", ports, strict=True))
        folder = new_folder(self)
        start_nginx(self, folder, self.NGINX % places)
        running = relay(self, self.RELAY, WEB=web, ADMIN=admin, **places)
        self.assertEqual(answers(web), {places["A"], places["D"]})
        said = told(running, "b", "c")
        self.assertEqual(
            said,
            {
                "b": 'is down: GET /health answered 200, but header x-ready is "no", wanted "yes" (1 failure)',
                "c": 'is down: GET /health answered, but the body does not match ~"status": *"ok": '
                'it begins with "{"status": "starting"}" (1 failure)',
            },
        )
        log = folder / "checks.log"
        for name, requests in (("A", "10"), ("D", "2")):
            asked = f" {requests} health.example"
            eventually(
                lambda place=places[name], asked=asked: any(  # type: ignore[misc]
                    line.startswith(place) and line.endswith(asked) for line in log.read_text().splitlines()
                ),
                f"a connection to {name} was used for {requests} checks",
            )
        metrics = curl(f"http://127.0.0.1:{admin}/metrics").content.decode()
        for name in "ad":
            self.assertIn(f'relay_server_checks_total{{backend="app",server="{name}",result="failure"}} 0\n', metrics)


class TCPTests(SynchronousTestCase):
    """`check = tcp` on a port of its own."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[backend:app]
servers = a http://127.0.0.1:${A}
check = tcp
check_port = ${PONG}
check_send = PING\\r\\n
check_expect = +PONG
check_interval = 20ms
check_timeout = 500ms
check_rise = 1
check_fall = 1
"""

    def test_conversation(self) -> None:
        """Who says what is expected is up; who is silent, or not there, is down, and the log says which."""
        (web,) = map(str, free_ports(1))
        node, pong = start_node(self, "a"), Origin(self, "node", PROGRAMS / "pong.js")
        running = relay(self, self.RELAY, WEB=web, A=node.place, PONG=pong.place)
        self.assertEqual(answers(web, "/name", 1), {"a"})
        pong.signal(SIGSTOP)
        self.assertEqual(told(running, "a"), {"a": 'is down: tcp: no "+PONG" within 0.5 s (1 failure)'})
        self.assertEqual(
            curl("--write-out", "%{http_code}", "--output", "/dev/null", f"http://127.0.0.1:{web}/name").content, b"503"
        )
        pong.signal(SIGCONT)
        self.assertEqual(told(running, "a"), {"a": "is up: 1 good check"})
        self.assertEqual(answers(web, "/name", 1), {"a"})
        pong.signal(SIGKILL)
        # The check that was under way, if there was one, has met its end.
        self.assertRegex(told(running, "a")["a"], "^is down: tcp: .*(connection refused|closed the connection)")


class TLSTests(SynchronousTestCase):
    """`check = tls`, with the verification that requests get."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[backend:app]
servers =
    a https://127.0.0.1:${A}
    b https://127.0.0.1:${B}
    c https://127.0.0.1:${C}
check = tls
check_interval = 20ms
check_timeout = 10s
check_fall = 1
tls_name = origin.example
tls_ca = ${FOLDER}/ca.pem

[admin]
stats = 127.0.0.1:${ADMIN}
"""
    #: `a` is well, `b` has a certificate of somebody else, `c` speaks no TLS.
    NGINX = """
    server {
        listen 127.0.0.1:%(A)s ssl;
        error_log a.log info;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        return 200 "a\\n";
    }
    server {
        listen 127.0.0.1:%(B)s ssl;
        ssl_certificate other/cert.pem;
        ssl_certificate_key other/key.pem;
        return 200 "b\\n";
    }
    server {
        listen 127.0.0.1:%(C)s;
        return 200 "c\\n";
    }
"""

    def test_verification(self) -> None:
        """A server whose certificate requests would refuse is down before they meet it; handshakes end in order."""
        web, admin, *ports = map(str, free_ports(5))
        places = dict(zip("ABC", ports, strict=True))
        folder = new_folder(self)
        (folder / "other").mkdir()
        write_certificate(folder, "origin.example")
        write_certificate(folder / "other", "origin.example")
        start_nginx(self, folder, self.NGINX % places)
        running = relay(self, self.RELAY, WEB=web, ADMIN=admin, FOLDER=folder, **places)
        self.assertEqual(answers(web), {"a"})
        said = told(running, "b", "c")
        self.assertEqual(said["b"], "is down: tls: TLS failed: certificate verify failed (1 failure)")
        self.assertIn("is down: tls: TLS failed: ", said["c"])
        counted = 'relay_server_checks_total{backend="app",server="a",result="success"} '

        def checks() -> int:
            metrics = curl(f"http://127.0.0.1:{admin}/metrics").content.decode()
            return int(metrics.partition(counted)[2].partition("\n")[0])

        eventually(lambda: checks() >= 10, "ten checks of a were good")
        complaints = (folder / "a.log").read_text()
        for word in ("SSL_do_handshake() failed", "in SSL handshake", "reset by peer"):
            self.assertNotIn(word, complaints)
