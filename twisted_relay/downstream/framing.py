"""How the end of a response is said to a client, and what becomes of the connection (RFC 9112 §6 and §9). Pure."""

from typing import NamedTuple

from twisted_relay.http.message import Request, Response


class Framing(NamedTuple):
    """What follows the other field lines of a response's head."""

    lines: bytes
    """The lines that say it, with the empty line that ends the head."""
    chunked: bool
    keep_open: bool


def framing_of(request: Request, response: Response, *, keep_open: bool) -> Framing:
    """The framing of a response; `keep_open`: the connection could serve another request after it.

    A response without a stream is complete. A length that is not known is said by chunks, to HTTP/1.0 by closing.
    """
    has_content = request.method != b"HEAD" and response.status not in (204, 304)
    complete = response.stream is None
    chunked = False
    length = response.length
    if complete and has_content:
        chunked = response.trailers is not None and request.wants_trailers and bool(request.minor)
        length = len(response.content)
    if response.status == 204:
        line = b""
    elif chunked or (length is None and not complete and has_content and request.minor):
        chunked = True
        line = b"Transfer-Encoding: chunked\r\n"
    elif length is not None:
        line = b"Content-Length: %d\r\n" % length
    else:
        line = b""
        keep_open = keep_open and (complete or not has_content)
    if not keep_open:
        return Framing(line + b"Connection: close\r\n\r\n", chunked, False)
    return Framing(line + (b"\r\n" if request.minor else b"Connection: keep-alive\r\n\r\n"), chunked, True)
