"""What to bind for an address of the configuration, and what to remove before."""

import contextlib
import os
import socket
import stat


def hosts_to_bind(host: str) -> list[str]:
    """The addresses to bind for a configured host: all interfaces of both families for none."""
    if host == "localhost":
        return ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
    if host:
        return [host]
    return ["::"] if has_ipv6() else ["0.0.0.0"]


def has_ipv6() -> bool:
    """Whether this machine has IPv6, at least for itself."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def remove_stale_socket(path: str) -> None:
    """Remove a socket that nobody listens on any more; leave everything else for the bind to fail on."""
    with contextlib.suppress(OSError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)  # or whoever listens there but hangs, its queue full, would make us hang too
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
