"""The reference page of access logs, made from the table of fields: `python -m twisted_relay.access_log.reference`."""

import sys

from twisted_relay.access_log.fields import FIELDS

_INTRODUCTION = """\
# Access log reference

<!-- Made from the table in twisted_relay/access_log/fields.py. Do not edit; run:
     python -m twisted_relay.access_log.reference > docs/reference/access-log.md -->

```ini
[log:main]
to = /var/log/relay/access.log
format = json

[listener:web]
bind = :80
backend = app
access_log = main
```

One line is written for each exchange when it ends, also for requests that were refused; a WebSocket's when it closes.
Several listeners may share a log.

* Lines are collected and written once a second, or when there are 64 KiB of them, and at the stop.
* After a rotation (rename, not copy and truncate) send `SIGUSR1`: the file is opened again under its name.
* The proxy never waits for its log. When the disk is full, or whoever reads the pipe is too slow, lines are dropped;
  that is said once in the daemon's own log and counted in `relay_log_messages_dropped_total`.
* Credentials (Authorization, Cookie) are never logged. The target is, with its query.

## common and combined

    192.0.2.7 - - [10/Oct/2026:13:55:36 +0200] "GET /a?b HTTP/1.1" 200 2326
    192.0.2.7 - - [10/Oct/2026:13:55:36 +0200] "GET /a?b HTTP/1.1" 200 2326 "https://example.org/" "curl/8.5.0"

As Apache and nginx write them, with these meanings: the client's address is the connection's (`-` for a UNIX socket);
the time is local and that of the end; the request line is as received (`"-"` when there was none that could be read);
the status is 499 when the client left before its answer; the number behind it is the bytes that were written to the
client, heads and framing included (as nginx' `$bytes_sent` and Apache's `%O`). A quote, a backslash and everything
that is not printable ASCII is written as `\\xHH`.

## json

One object on each line, always with all of these fields in this order; what is not known is `null`. Octets that are
not UTF-8 are written as `\\xHH`. Times of day are UTC, durations are seconds.

| field | type | meaning |
|---|---|---|
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    return _INTRODUCTION + "".join(f"| `{field.name}` | {field.kind} | {field.help} |\n" for field in FIELDS)


if __name__ == "__main__":
    sys.stdout.write(reference_page())
