"""Servers that are looked for: in the DNS, with a real name server on loopback, and in a file that is replaced."""

import json
import os
import re
import sys
from functools import partial
from pathlib import Path
from signal import SIGTERM

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import curl
from tests.scenarios.origins import PROGRAMS, Origin, start_nginx, start_node
from tests.scenarios.relays import new_folder, relay, write_certificate
from tests.scenarios.waiting import eventually
from tests.support.child import Child, free_ports


class NameServer:
    """A name server whose zone the test changes."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self._folder = new_folder(case)
        self.holds([])
        self.port = Origin(case, sys.executable, PROGRAMS / "name_server.py", self._folder / "zone.json").place

    def holds(self, records: list[str], mode: str = "answer", additional: list[str] | None = None) -> None:
        """From now on these are the records."""
        path = self._folder / "zone.json"
        zone = {"records": records, "additional": additional or [], "mode": mode}
        path.with_suffix(".new").write_text(json.dumps(zone))
        path.with_suffix(".new").rename(path)

    def queries(self) -> list[str]:
        """What it was asked so far."""
        path = self._folder / "queries"
        return path.read_text().splitlines() if path.exists() else []


class Watched(SynchronousTestCase):
    """A relay whose servers are looked for, and its numbers."""

    def start(self, configuration: str, **places: str | Path) -> None:
        """Start the relay."""
        self.web, self.stats = map(str, free_ports(2))
        self.relay = relay(self, configuration, WEB=self.web, STATS=self.stats, **places)

    def get(self, path: str = "name") -> str:
        """The answer to a request."""
        return curl(f"http://127.0.0.1:{self.web}/{path}").content.decode()

    def metric(self, name: str) -> float:
        """A number of `/metrics`; name and labels as they stand there."""
        page = curl(f"http://127.0.0.1:{self.stats}/metrics").content.decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else -1.0

    def names(self) -> set[str]:
        """Which servers answer ten requests."""
        return {self.get() for _ in range(10)}


class SRVTests(Watched):
    """`discover = dns+srv://`."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[admin]
stats = 127.0.0.1:${STATS}

[dns]
servers = 127.0.0.1:${DNS}
timeout = 300ms

[backend:app]
discover = dns+srv://_http._tcp.app.test every=1s
discover_hold = 1s
"""
    SERVERS = 'relay_backend_discovery_servers{backend="app"}'

    def setUp(self) -> None:
        """A name server that knows two servers."""
        self.dns = NameServer(self)
        self.a, self.b = start_node(self, "a"), start_node(self, "b")
        self.records = [
            f"_http._tcp.app.test 1 SRV 10 1 {self.a.place} one.app.test",
            f"_http._tcp.app.test 1 SRV 10 1 {self.b.place} two.app.test",
            "one.app.test 1 A 127.0.0.1",
            "two.app.test 1 CNAME one.app.test",
            "one.app.test 1 AAAA ff02::1",
        ]

    def has_looked(self, result: str) -> bool:
        """Whether two looks or more have ended so."""
        return self.metric(f'relay_backend_discovery_looks_total{{backend="app",result="{result}"}}') >= 2

    def test_servers_come_and_go(self) -> None:
        """Requests go to the servers that the records name; a server that is missing for `discover_hold` gets none."""
        self.dns.holds(self.records)
        self.start(self.RELAY, DNS=self.dns.port)
        self.assertEqual(self.names(), {"a\n", "b\n"})
        self.dns.holds(self.records[1:])
        self.relay.read_until(f"(left: 127.0.0.1:{self.a.place})")
        self.assertEqual(self.names(), {"b\n"})
        self.dns.holds(self.records)
        self.relay.read_until(f"(joined: 127.0.0.1:{self.a.place})")
        self.assertEqual(self.names(), {"a\n", "b\n"})

    def test_priorities(self) -> None:
        """Servers of the lowest priority get everything, as long as they are up."""
        self.dns.holds([self.records[0].replace("SRV 10", "SRV 20"), *self.records[1:]])
        self.start(self.RELAY, DNS=self.dns.port)
        self.assertEqual(self.names(), {"b\n"})

    def test_failures_take_nobody_away(self) -> None:
        """No answer, an error and "no such name" leave the servers as they are, are said once, and are counted."""
        self.dns.holds(self.records)
        self.start(self.RELAY, DNS=self.dns.port)
        self.assertEqual(self.names(), {"a\n", "b\n"})
        for mode, result, words in (
            ("silent", "timeout", "no answer within 0.3 s"),
            ("fail", "servfail", "the name server failed"),
            ("empty", "nxdomain", "no such name"),
        ):
            self.dns.holds(self.records, mode)
            printed = self.relay.read_until("discovery of backend app fails")
            self.assertIn(words, printed)
            eventually(partial(self.has_looked, result), f"two looks have ended with {result}")
            self.assertEqual(self.names(), {"a\n", "b\n"})
            self.dns.holds(self.records)
            printed = self.relay.read_until("discovery of backend app works again")
            self.assertNotIn("fails", printed)
        self.assertEqual(self.metric(self.SERVERS), 2)

    def test_truncated_answers_are_asked_for_over_tcp(self) -> None:
        """An answer that does not fit into a datagram comes over TCP; the addresses beside it are not asked for."""
        count = 300
        records = [f"_http._tcp.app.test 1 SRV 10 1 {10000 + n} t{n}.app.test" for n in range(count)]
        self.dns.holds(records, additional=[f"t{n}.app.test 1 A 127.0.0.1" for n in range(count)])
        self.start(self.RELAY, DNS=self.dns.port)
        eventually(lambda: self.metric(self.SERVERS) == count, "all servers are found")
        self.assertEqual(set(self.dns.queries()), {"_http._tcp.app.test SRV"})

    def test_a_request_waits_for_the_first_answer(self) -> None:
        """The start does not wait for the name server, and a request that comes before its answer is not refused."""
        self.dns.holds(self.records, "silent")
        self.start(self.RELAY, DNS=self.dns.port)
        client = Child(self, "curl", "-s", "--max-time", "20", f"http://127.0.0.1:{self.web}/name")
        queued = 'relay_backend_queue_length{backend="app"}'
        eventually(lambda: self.metric(queued) == 1, "the request waits")
        ready = f"http://127.0.0.1:{self.stats}/-/ready"
        self.assertEqual(curl(ready).content, b"not ready: looking for the servers of backend app\n")
        self.dns.holds(self.records)
        status, output, _ = client.finish()
        self.assertEqual((status, output in ("a\n", "b\n")), (0, True), output)
        self.assertEqual(curl("--write-out", "%{http_code}", ready).content[-3:], b"200")

    def test_stopping_while_nobody_answers(self) -> None:
        """A stop does not wait for a name server."""
        self.dns.holds([], "silent")
        self.start(self.RELAY, DNS=self.dns.port)
        eventually(self.dns.queries, "it is asked")
        self.relay.signal(SIGTERM)
        status, output, errors = self.relay.finish()
        self.assertEqual((status, errors), (0, ""), output)


class AddressTests(Watched):
    """`discover = dns+a://`."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[admin]
stats = 127.0.0.1:${STATS}

[dns]
servers = 127.0.0.1:${SILENT} 127.0.0.1:${DNS}
timeout = 200ms

[backend:app]
discover = dns+a://app.test:${PORT}
host = backend
"""

    def test_addresses(self) -> None:
        """Every address is a server, beside a name server that does not answer; the Host is the name."""
        dns, silent, node = NameServer(self), NameServer(self), start_node(self, "a")
        silent.holds([], "silent")
        refused = ["app.test 60 A 0.0.0.0", "app.test 60 A 224.0.0.1", "other.test 60 A 127.0.0.9"]
        dns.holds(["app.test 60 A 127.0.0.1", "app.test 60 AAAA ::1", *refused])
        self.start(self.RELAY, DNS=dns.port, SILENT=silent.port, PORT=node.place)
        up = [f'relay_server_up{{backend="app",server="{host}:{node.place}"}}' for host in ("127.0.0.1", "[::1]")]
        eventually(lambda: [self.metric(name) for name in up] == [1, 1], "both are servers")
        self.assertEqual(json.loads(self.get("echo"))["fields"]["host"], f"app.test:{node.place}")
        self.assertEqual(self.metric('relay_backend_discovery_servers{backend="app"}'), 2)


class FileTests(Watched):
    """`discover = file:`."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[admin]
stats = 127.0.0.1:${STATS}

[backend:app]
servers = mine http://127.0.0.1:${MINE}
discover = file:${FILE} every=100ms
"""

    def test_a_file_that_is_replaced(self) -> None:
        """Servers come and go with the lines of the file; one that is not there or not valid changes nothing."""
        mine, other = start_node(self, "mine"), start_node(self, "other")
        file = new_folder(self) / "servers.txt"

        def write(text: str) -> None:
            file.with_suffix(".new").write_text(text)
            os.replace(file.with_suffix(".new"), file)

        self.start(self.RELAY, MINE=mine.place, FILE=file)
        missing = 'relay_backend_discovery_looks_total{backend="app",result="unreadable"}'
        eventually(lambda: self.metric(missing) > 1, "it is looked for")
        self.assertEqual(self.names(), {"mine\n"})
        write(f"# servers\nother http://127.0.0.1:{other.place} weight=2  # a comment\n")
        self.relay.read_until("(joined: other)")
        self.assertEqual(self.names(), {"mine\n", "other\n"})
        weight = 'relay_server_weight{backend="app",server="other"}'
        self.assertEqual(self.metric(weight), 2)
        write(f"other http://127.0.0.1:{other.place} weight=9\nthird htp://127.0.0.1\n")
        printed = self.relay.read_until("discovery of backend app fails")
        self.assertIn(f"{file}:2:7: ", printed)
        self.assertEqual(self.metric(weight), 2)
        write(f"other http://127.0.0.1:{other.place} weight=9\n")
        self.relay.read_until("(reweighted: other)")
        self.assertEqual(self.metric(weight), 9)
        write(f"another http://127.0.0.1:{other.place}\n")
        self.relay.read_until("(joined: another; left: other)")
        self.assertEqual(self.names(), {"mine\n", "other\n"})


class CheckedTests(Watched):
    """Servers that are found, over TLS and with checks."""

    RELAY = """\
[listener:web]
bind = 127.0.0.1:${WEB}
backend = app

[admin]
stats = 127.0.0.1:${STATS}

[dns]
servers = 127.0.0.1:${DNS}

[backend:app]
discover = dns+srv://_https._tcp.app.test scheme=https
tls_ca = ${FOLDER}/ca.pem
check = GET /
check_interval = 100ms
check_fall = 1
"""
    NGINX = """\
server {
    listen 127.0.0.1:%s ssl;
    listen 127.0.0.2:%s ssl;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    return 200 "$ssl_server_name\\n";
}
"""

    def test_the_certificate_has_the_name_that_was_found(self) -> None:
        """A server is asked for the name of its SRV record; one whose certificate has another name is down."""
        folder, dns = new_folder(self), NameServer(self)
        write_certificate(folder, "one.app.test")
        [port] = map(str, free_ports(1))
        start_nginx(self, folder, self.NGINX % (port, port))
        targets = (("one", "127.0.0.1"), ("two", "127.0.0.2"))
        dns.holds(
            [f"_https._tcp.app.test 60 SRV 1 1 {port} {name}.app.test" for name, _ in targets],
            additional=[f"{name}.app.test 60 A {address}" for name, address in targets],
        )
        self.start(self.RELAY, DNS=dns.port, FOLDER=folder)
        self.relay.read_until("is down")
        self.assertEqual(self.names(), {"one.app.test\n"})
        down = f'relay_server_state{{backend="app",server="127.0.0.2:{port}",state="down"}}'
        self.assertEqual(self.metric(down), 1)
