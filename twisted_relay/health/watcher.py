"""What everyone who watches the servers of a backend has in common."""

from typing import Protocol

from twisted_relay.upstream.server import Server


class Watcher(Protocol):
    """Looks at the servers of one backend from `start` to `stop` and changes their state.

    In between it is one of the backend's `memberships`, so that it follows servers that come and go: it adds and
    removes itself. Both calls may come again, and change nothing then.
    """

    def start(self) -> None: ...
    def stop(self) -> None: ...

    def joined(self, server: Server) -> None:
        """The server is one of the backend's from now on: watch it."""

    def left(self, server: Server) -> None:
        """The server is none of the backend's any more: forget it, and stop what is under way for it."""
