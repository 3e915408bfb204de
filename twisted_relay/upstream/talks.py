"""What is said to a parent before a connection is one to the destination: CONNECT (RFC 9110 §9.3.6), or SOCKS5.

The words alone, without I/O: what to send, and what the octets that come mean. Names are sent as names, the parent
resolves them. What comes behind its last word belongs to the destination.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted_relay.config.values import Address
from twisted_relay.errors import BadResponse, ParentDenied, ParentFailed, ParentRefused
from twisted_relay.http.http1 import END, find_response_head, read_response
from twisted_relay.socks.client import (
    read_answer,
    read_method,
    read_verdict,
    reply_text,
    write_credentials,
    write_greeting,
    write_wish,
)
from twisted_relay.socks.codes import Method

MAX_INFORMATIONAL = 32
"""Informational responses that the answer to CONNECT may be preceded by."""


class Talk(Protocol):
    """A conversation with a parent."""

    rest: bytes
    """What came behind its end: octets of the destination."""

    def begin(self) -> bytes:
        """What is sent first."""

    def hear(self, data: bytes) -> bytes | None:
        """What is sent after these octets, which may be nothing; None: the way is open. Raises `ServerError`."""


class ConnectTalk:
    """CONNECT to one destination, with further field lines."""

    def __init__(self, destination: Address, lines: Sequence[bytes] = ()) -> None:
        authority = str(destination).encode("ascii")
        self._head = b"\r\n".join((b"CONNECT %b HTTP/1.1" % authority, b"Host: " + authority, *lines)) + END
        self._buffer = b""
        self._informational = 0
        self.rest = b""

    def begin(self) -> bytes:
        """See `Talk`."""
        return self._head

    def hear(self, data: bytes) -> bytes | None:
        """See `Talk`."""
        seen, buffer = len(self._buffer), self._buffer + data
        while buffer:
            end = find_response_head(buffer, seen)
            if end < 0:
                break
            response = read_response(buffer[:end], b"CONNECT")
            buffer, seen = buffer[end + len(END) :], 0
            if response.status >= 200:
                _check_status(response.status, response.reason)
                self.rest = buffer
                return None
            self._informational += 1
            if response.status == 101 or self._informational > MAX_INFORMATIONAL:
                raise BadResponse("the parent answers CONNECT with informational responses")
        self._buffer = buffer
        return b""


def _check_status(status: int, reason: bytes) -> None:
    """Raise what an answer to CONNECT other than 2xx means; what else it says is between the parent and us."""
    said = f"{status} {reason.decode('latin-1')[:80]}".strip()
    if status in (401, 407):  # tinyproxy says 401 to a wrong password
        raise ParentDenied(f"the parent wants other credentials: it answered {said!r}")
    if status >= 300:
        raise ParentRefused(f"the parent answered CONNECT with {said!r}")


class SocksTalk:
    """CONNECT to one destination through SOCKS5. Without a user name no authentication is offered."""

    def __init__(self, destination: Address, username: bytes, password: bytes) -> None:
        self._destination = destination
        self._credentials = write_credentials(username, password) if username else b""
        self._buffer = b""
        self._step: Callable[[bytes], bytes | None] = self._hear_method
        self.rest = b""

    def begin(self) -> bytes:
        """See `Talk`."""
        return write_greeting([Method.NONE, *[Method.PASSWORD] * bool(self._credentials)])

    def hear(self, data: bytes) -> bytes | None:
        """See `Talk`."""
        buffer, self._buffer = self._buffer + data, b""
        return self._step(buffer)

    def _hear_method(self, buffer: bytes) -> bytes | None:
        method = read_method(buffer)
        if method is None:
            self._buffer = buffer
            return b""
        _check_end(buffer, 2)
        if method == Method.NOT_ACCEPTABLE:
            raise ParentDenied("the parent takes none of the ways to authenticate that we have")
        if method == Method.PASSWORD and self._credentials:
            self._step = self._hear_verdict
            return self._credentials
        if method != Method.NONE:
            raise ParentFailed("the parent chose a way to authenticate that was not offered")
        return self._ask()

    def _hear_verdict(self, buffer: bytes) -> bytes | None:
        granted = read_verdict(buffer)
        if granted is None:
            self._buffer = buffer
            return b""
        if not granted:
            raise ParentDenied("the parent wants other credentials")
        _check_end(buffer, 2)
        return self._ask()

    def _ask(self) -> bytes:
        self._step = self._hear_answer
        return write_wish(self._destination.host, self._destination.port)

    def _hear_answer(self, buffer: bytes) -> bytes | None:
        answer = read_answer(buffer)
        if answer is None:
            self._buffer = buffer
            return b""
        if answer.code:
            raise ParentRefused(f"the parent did not connect: {reply_text(answer.code)}")
        self.rest = buffer[answer.end :]
        return None


def _check_end(buffer: bytes, end: int) -> None:
    if len(buffer) > end:
        raise ParentFailed("the parent speaks before it was asked")
