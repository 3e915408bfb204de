"""What accounting costs for each exchange of a forward proxy, and what it keeps in memory. See README.md here."""

import argparse
import random
import time
import tracemalloc
from collections.abc import Callable

from twisted_relay.accounting.accounting import Accounting
from twisted_relay.config.sections.process import KINDS
from twisted_relay.exchange import Exchange
from twisted_relay.http.fields import Fields
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Request

ROUNDS = 5
Numbers = tuple[int, int, int]
"""Of host, user and client."""
Draw = Callable[[int], Numbers]
SHAPES: dict[str, Draw] = {
    "one host, one user": lambda number: (0, 0, 0),
    "50 users, popular and rare hosts (Zipf)": lambda number: (
        min(5000, int(random.paretovariate(0.9))),
        random.randrange(50),
        random.randrange(50),
    ),
    "50 users, every host new": lambda number: (number, random.randrange(50), random.randrange(50)),
    "host, user and client new": lambda number: (number, number, number),
}


def exchange(host: int, user: int, client: int) -> Exchange:
    """A finished exchange."""
    request = Request(b"GET", b"/", Fields())
    request.host = b"host-%d.example" % host
    made = Exchange(
        request, Origin(f"10.{client >> 16 & 255}.{client >> 8 & 255}.{client & 255}", b"http", 80, b""), 0.0
    )
    made.user = f"user{user}"
    made.bytes_sent, made.finished = 20_000, 1.0
    return made


def main() -> None:
    """Measure each shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--top", type=int, default=100, help="names that are kept, default %(default)s")
    parser.add_argument("--exchanges", type=int, default=50_000, help="of each shape, default %(default)s")
    options = parser.parse_args()
    for name, draw in SHAPES.items():
        exchanges = [exchange(*draw(number)) for number in range(options.exchanges)]
        times = []
        for _ in range(ROUNDS):
            accounting = Accounting(options.top, KINDS, 0.0)
            before = time.process_time()
            for each in exchanges:
                accounting(each)
            times.append((time.process_time() - before) / len(exchanges))
        tracemalloc.start()
        accounting = Accounting(options.top, KINDS, 0.0)
        for each in exchanges:
            accounting(each)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{name:<42}{min(times) * 1e6:>6.2f} µs{kept / 1e3:>9.0f} kB")


if __name__ == "__main__":
    main()
