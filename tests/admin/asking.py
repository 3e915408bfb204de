"""A private listener on a real socket, and the answers of one that is asked."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from twisted_relay.admin.access import Access
from twisted_relay.admin.pages import Pages, pages
from twisted_relay.admin.ports import AdminPorts
from twisted_relay.admin.site import AdminSite
from twisted_relay.config.values import BindAddress
from twisted_relay.metrics.exposition import Exposition


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes


def make_site(exposition: Exposition, access: Access, unready: list[str]) -> AdminSite:
    """The site; `unready` holds the reason why it is not ready, or nothing."""
    return AdminSite(Pages(access, pages(exposition, lambda: "".join(unready))), reactor)


def listen(case: TestCase, site: AdminSite, *binds: BindAddress) -> AdminPorts:
    """Listen on these addresses until the test ends."""
    ports = AdminPorts(binds, site, reactor)
    case.addCleanup(ports.close)
    ports.open()
    return ports


def port_of(ports: AdminPorts) -> int:
    """The number of the first port."""
    return int(ports.addresses[0].rpartition(":")[2])


def ask(port: int, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Deferred[Answered]:
    """Ask on loopback, with Python's own client in a thread."""
    return deferToThread(_ask, port, path, method, headers or {})


def _ask(port: int, path: str, method: str, headers: Mapping[str, str]) -> Answered:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=dict(headers))
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, fields, response.read())
    finally:
        connection.close()


def ask_raw(address: int | str, data: bytes) -> Deferred[bytes]:
    """Send octets to a port or a UNIX socket and read until the end."""
    return deferToThread(_ask_raw, address, data)


def _ask_raw(address: int | str, data: bytes) -> bytes:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    received = b""
    with socket.socket(family) as client:
        client.settimeout(10)
        client.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        try:
            client.sendall(data)
            while part := client.recv(65536):
                received += part
        except ConnectionError:
            pass  # it closed while there was more to read: what it said before counts
    return received
