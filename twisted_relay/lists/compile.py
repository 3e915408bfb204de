"""The program that reads a list for the daemon, so that nothing waits meanwhile.

`python -m twisted_relay.lists.compile DESCRIPTOR STORE FORMAT OCTETS FILE…` writes the sets to the descriptor and a
report as JSON to standard output: that of `reading`, or `["reason", "text"]` with exit status 1. `STORE` is the path of
what `store` keeps, or empty.
"""

import os
import sys

from twisted_relay.lists.reading import Unusable, compile_list, report_as_json, unusable_as_json
from twisted_relay.lists.store import compile_or_load

NICENESS = 10
"""Traffic comes first where there are fewer processors than work."""


def main(arguments: list[str]) -> int:
    """Run the program; its exit status."""
    descriptor, store, format, most, *files = arguments
    os.nice(NICENESS)
    try:
        with open(int(descriptor), "wb") as out:
            report = (
                compile_or_load(files, format, int(most), store, out.write)
                if store
                else compile_list(files, format, int(most), out.write)
            )
    except Unusable as error:
        sys.stdout.buffer.write(unusable_as_json(error))
        return 1
    sys.stdout.buffer.write(report_as_json(report))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
