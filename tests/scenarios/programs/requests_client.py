"""What a program on requests does through a proxy. Usage: requests_client.py PROXY CA HTTPS HTTP; prints JSON.

The names of both sites are known only to the proxy. Over https and http: twenty small answers on one session, an upload
in chunks, and a download; then a destination that the proxy refuses.
"""

import hashlib
import json
import sys

import requests

PIECE = bytes(range(256)) * 100
PIECES = 100


def visit(session: requests.Session, url: str) -> dict[str, object]:
    """What one site gives."""
    names = [session.get(f"{url}/name", timeout=30).text for _ in range(20)]
    echo = session.put(f"{url}/echo", data=(PIECE for _ in range(PIECES)), timeout=30).json()
    content = session.get(f"{url}/chunks/3000000", timeout=30).content
    return {
        "names": names,
        "arrived": echo["sha256"] == hashlib.sha256(PIECE * PIECES).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def main(proxy: str, authority: str, secure: str, plain: str) -> None:
    """Visit both, and print it."""
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": proxy, "https": proxy}
        session.verify = authority
        found = {"https": visit(session, secure), "http": visit(session, plain)}
        refused: dict[str, object] = {"http": session.get("http://127.0.0.1/", timeout=30).status_code}
        try:
            session.get("https://127.0.0.1/", timeout=30)
        except requests.exceptions.ProxyError as error:
            refused["https"] = "403" in str(error)
    print(json.dumps({**found, "refused": refused}))


main(*sys.argv[1:])
