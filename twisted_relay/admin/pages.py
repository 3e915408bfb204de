"""What can be asked for: /metrics, /-/healthy and /-/ready; each page is a function of the request."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_relay.admin.access import Access
from twisted_relay.metrics.exposition import Exposition, choose_format

TEXT = b"text/plain; charset=utf-8"
MIN_COMPRESSED = 1024
"""Octets below which compressing is not worth it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page comes to."""

    status: int
    content: bytes
    content_type: bytes = TEXT
    coding: bytes = b""
    allow: bytes = b"GET, HEAD"
    """The methods that would have been right, for a 405."""


Page = Callable[[Request], Answer]


def pages(exposition: Exposition, unready: Callable[[], str]) -> dict[bytes, Page]:
    """The pages by their paths. `unready` says why no traffic should come, or nothing."""

    def metrics(request: Request) -> Answer:
        format = choose_format(_joined(request, b"accept"))
        content = exposition.render(format)
        if len(content) >= MIN_COMPRESSED and accepts_gzip(_joined(request, b"accept-encoding")):
            # The fastest level: it is the reactor's time, and text that repeats itself so much gets small anyway.
            return Answer(200, gzip.compress(content, 1), format.value, b"gzip")
        return Answer(200, content, format.value)

    def healthy(request: Request) -> Answer:
        return Answer(200, b"healthy\n")

    def ready(request: Request) -> Answer:
        reason = unready()
        return Answer(503, f"not ready: {reason}\n".encode()) if reason else Answer(200, b"ready\n")

    return {b"/metrics": metrics, b"/-/healthy": healthy, b"/-/ready": ready}


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether a client takes gzip (RFC 9110 §12.5.3)."""
    for item in accept_encoding.lower().split(b","):
        coding, _, weight = item.partition(b";")
        if coding.strip() == b"gzip":
            return weight.replace(b" ", b"").strip(b"0.") != b"q="
    return False


def _joined(request: Request, name: bytes) -> bytes:
    return b",".join(request.requestHeaders.getRawHeaders(name, []))


def written(request: Request, answer: Answer) -> bytes:
    """Set status and fields of the answer; returns the content that follows them."""
    request.setResponseCode(answer.status)
    headers = request.responseHeaders
    headers.removeHeader(b"server")
    headers.setRawHeaders(b"content-type", [answer.content_type])
    headers.setRawHeaders(b"content-length", [b"%d" % len(answer.content)])
    headers.setRawHeaders(b"cache-control", [b"no-store"])
    headers.setRawHeaders(b"x-content-type-options", [b"nosniff"])
    if answer.coding:
        headers.setRawHeaders(b"content-encoding", [answer.coding])
    if answer.status == 405:
        headers.setRawHeaders(b"allow", [answer.allow])
    return b"" if request.method == b"HEAD" else answer.content


class Pages(Resource):
    """All pages as one resource: refuses who may not, and what is not there."""

    isLeaf = True

    def __init__(self, access: Access, pages: Mapping[bytes, Page]) -> None:
        super().__init__()
        self._access = access
        self._pages = pages

    def render(self, request: Request) -> bytes:
        """Answer; called by Twisted."""
        answer = self._answer(request)
        if answer.content_type != TEXT:
            request.responseHeaders.setRawHeaders(b"vary", [b"Accept, Accept-Encoding"])
        return written(request, answer)

    def _answer(self, request: Request) -> Answer:
        client = getattr(request.getClientAddress(), "host", "")
        refusal = self._access.refusal(client, request.requestHeaders.getRawHeaders(b"host", []))
        if refusal:
            return Answer(403, f"403 Forbidden\n{refusal}\n".encode())
        page = self._pages.get(request.path)
        if page is None:
            known = ", ".join(path.decode("ascii") for path in self._pages)
            return Answer(404, f"404 Not Found\nThere are {known}.\n".encode())
        if request.method not in (b"GET", b"HEAD"):
            return Answer(405, b"405 Method Not Allowed\nGET and HEAD are.\n")
        return page(request)
