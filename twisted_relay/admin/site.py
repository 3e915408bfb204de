"""The private listener as a `twisted.web` site: small limits, no log, little content taken."""

from io import BytesIO
from typing import Any, cast

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

TIMEOUT = 30.0
"""Seconds that a connection may be silent."""
MAX_HEADER = 8192
MAX_FIELDS = 64
MAX_CONTENT = 65536
"""Octets of request content: pages forget them, control reads them; after more the connection is closed."""


class AdminChannel(HTTPChannel):
    """A connection that takes only small heads."""

    totalHeadersSize = MAX_HEADER
    maxHeaders = MAX_FIELDS


class AdminRequest(Request):
    """A request whose content is not kept: no page takes any."""

    _dropped = 0

    def gotLength(self, length: int | None) -> None:
        """Content is announced: Twisted would prepare a file."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Forget a part of it."""
        self._dropped += len(data)
        if self._dropped > MAX_CONTENT:
            self.channel.loseConnection()


class ControlRequest(AdminRequest):
    """A request whose content is kept while it is small: one that changes something."""

    is_too_large = False
    """It had more than `MAX_CONTENT`; nothing of it is kept."""

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a part of it. Of what is too large a little more is read, so that the answer finds a reader."""
        self._dropped += len(data)
        if self._dropped > 2 * MAX_CONTENT:
            self.channel.loseConnection()
        elif self._dropped > MAX_CONTENT:
            self.is_too_large = True
        else:
            cast(BytesIO, self.content).write(data)


class AdminSite(Site):
    """The pages, without a log of who asked for them."""

    protocol = cast(Any, AdminChannel)
    noisy = False

    def __init__(self, resource: IResource, reactor: IReactorTime, request: type[AdminRequest] = AdminRequest) -> None:
        super().__init__(resource, request, timeout=TIMEOUT, reactor=reactor, parsePOSTFormSubmission=False)

    def log(self, request: object) -> None:
        """Nothing: probes and scrapes come all the time."""
