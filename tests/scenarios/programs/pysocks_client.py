"""What a program on PySocks does through a SOCKS5 proxy. Usage: pysocks_client.py PORT USER PASSWORD HOST:PORT…

USER may be empty. Of each place, which the proxy resolves, it prints what came when it had said hello, or the error.
"""

import sys

import socks  # type: ignore[import-untyped]


def said(proxy: int, user: str, password: str, place: str) -> str:
    """What a place says, after it has spoken first."""
    host, _, port = place.rpartition(":")
    connection = socks.socksocket()
    connection.settimeout(30)
    connection.set_proxy(socks.SOCKS5, "127.0.0.1", proxy, True, user or None, password or None)
    try:
        connection.connect((host, int(port)))
        greeting = connection.recv(100).decode()
        connection.sendall(b"hello")
        return f"{greeting}{connection.recv(100).decode()}"
    except (socks.ProxyError, OSError) as error:
        return str(error)
    finally:
        connection.close()


for each in sys.argv[4:]:
    print(said(int(sys.argv[1]), sys.argv[2], sys.argv[3], each))
