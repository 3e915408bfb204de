"""Who uses a forward proxy, and where they go: asked of the running daemon."""

import json
import socket
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.clients import connect, curl, read_until
from tests.scenarios.origins import start_node
from tests.scenarios.relays import new_folder, relay
from tests.scenarios.scripted import ScriptedServer
from tests.scenarios.test_control import command
from tests.scenarios.waiting import eventually
from tests.support.child import free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = 443 ${ECHO}
allow_destination = 127.0.0.0/8 ::1

[listener:socks]
bind = 127.0.0.1:${SOCKS}
mode = socks5
connect_ports = any
allow_destination = 127.0.0.0/8 ::1

[accounting]
top = 100

[admin]
bind = unix:${FOLDER}/admin.sock
"""


def echo(connection: socket.socket) -> None:
    """Send back all that comes."""
    while data := connection.recv(65536):
        connection.sendall(data)


class AccountingTests(SynchronousTestCase):
    """`relay top` and `relay tunnels`."""

    def setUp(self) -> None:
        self.proxy, self.socks = map(str, free_ports(2))
        folder = new_folder(self)
        self.socket = str(folder / "admin.sock")
        self.node = start_node(self)
        self.echo = ScriptedServer(self, echo).place
        relay(self, RELAY, PROXY=self.proxy, SOCKS=self.socks, ECHO=self.echo, FOLDER=folder)

    def told(self, *argv: str) -> dict[str, object]:
        """What a command prints as JSON."""
        status, output, errors = command(*argv, "--json", "--socket", self.socket)
        self.assertEqual((status, errors), (0, ""))
        return cast("dict[str, object]", json.loads(output))

    def top(self, *argv: str) -> dict[str, tuple[int, int]]:
        """(requests, octets) by name; together they are all."""
        answer = self.told("top", *argv)
        rows = cast("list[dict[str, int]]", answer["top"])
        other, total = cast("dict[str, int]", answer["other"]), cast("dict[str, int]", answer["total"])
        for measure in ("requests", "bytes"):
            self.assertEqual(sum(row[measure] for row in rows) + other[measure], total[measure])
        return {str(row["name"]): (row["requests"], row["bytes"]) for row in rows}

    def test_requests(self) -> None:
        """Requests count for the host that was asked for and for the client, also those that are refused."""
        proxied = ("--noproxy", "", "--proxy", f"http://127.0.0.1:{self.proxy}", "--silent")
        for host, times in (("localhost", 3), ("127.0.0.1", 2)):
            for _ in range(times):
                self.assertEqual(curl(*proxied, f"http://{host}:{self.node.place}/name").content, b"node\n")
        curl(*proxied, "https://refused.invalid:22/")
        self.assertEqual(
            {name: count for name, (count, _) in self.top().items()},
            {"localhost": 3, "127.0.0.1": 2, "refused.invalid": 1},
        )
        self.assertEqual(self.top("clients")["127.0.0.1"][0], 6)
        self.assertEqual(self.top("users")["-"][0], 6)
        self.assertEqual(list(self.top("--window", "recent", "--limit", "1")), ["localhost"])

    def test_socks(self) -> None:
        """Clients that speak SOCKS5 are counted with the others."""
        proxied = ("--noproxy", "", "--proxy", f"socks5h://127.0.0.1:{self.socks}")
        self.assertEqual(curl(*proxied, f"http://localhost:{self.node.place}/name").content, b"node\n")
        eventually(lambda: self.top().get("localhost", (0, 0))[0] == 1, "the tunnel has ended")
        self.assertGreater(self.top()["localhost"][1], 100)

    def test_tunnels(self) -> None:
        """A tunnel is listed while it is open, and what it moves counts before it ends."""
        with connect(self.proxy) as client:
            client.sendall(f"CONNECT 127.0.0.1:{self.echo} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            read_until(client, b"\r\n\r\n")
            client.sendall(bytes(1_000_000))
            left = 1_000_000
            while left:
                left -= len(client.recv(65536))
            [tunnel] = cast("list[dict[str, object]]", self.told("tunnels")["tunnels"])
            self.assertEqual((tunnel["client"], tunnel["server"]), ("127.0.0.1", f"127.0.0.1:{self.echo}"))
            self.assertEqual(tunnel["bytes_received"], 1_000_000)
            count, octets = self.top("--by", "bytes")["127.0.0.1"]
            self.assertEqual(count, 0)
            self.assertGreaterEqual(octets, 2_000_000)
        eventually(lambda: self.told("tunnels")["open"] == 0, "the tunnel is gone")
        self.assertEqual(self.top("--by", "bytes")["127.0.0.1"], (1, octets))
