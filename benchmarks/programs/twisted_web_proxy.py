"""Twisted's own `ReverseProxyResource` in a `Site`, without an access log.

Run by `compare.py` as `twisted_web_proxy.py PORT ORIGIN_PORT`.
"""

# mypy: allow-untyped-calls
# (Twisted is typed in parts only.)

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorCore
from twisted.web.http import Request
from twisted.web.proxy import ReverseProxyResource
from twisted.web.server import Site


class QuietSite(Site):
    """A `Site` that writes no access log."""

    def log(self, request: Request) -> None:
        """Write nothing."""


def main() -> None:
    """Serve until the process is ended."""
    port, origin_port = int(sys.argv[1]), int(sys.argv[2])
    resource = ReverseProxyResource("127.0.0.1", origin_port, b"")
    site = QuietSite(resource, timeout=300)
    TCP4ServerEndpoint(reactor, port, backlog=1024, interface="127.0.0.1").listen(site)
    IReactorCore(reactor).run()


if __name__ == "__main__":
    main()
