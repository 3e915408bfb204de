"""The HTTP/1.1 codec (RFC 9112): heads from octets to messages and back. No I/O, no state between two messages.

Reading is strict: what two parsers could read differently is refused, never repaired (`docs/decisions/` has the
reason for an own reader). A head is split once into its lines, and most lines are only looked up by name and then
kept as they are. What belongs to the connection is noted in `drop`; framing comes from the parser's findings, so
the text of Content-Length and Transfer-Encoding is never forwarded.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from twisted_relay.errors import (
    BadRequest,
    BadResponse,
    ExpectationFailed,
    FieldsTooLarge,
    MethodNotSupported,
    TargetTooLong,
    UnknownCoding,
    VersionNotSupported,
)
from twisted_relay.http.body import BodyReader, ChunkedReader, CloseReader, LengthReader
from twisted_relay.http.fields import TOKEN, Fields
from twisted_relay.http.message import Request, Response
from twisted_relay.http.revealing import reveals
from twisted_relay.http.target import host_of, known_hosts, normal_path, split_absolute

END = b"\r\n\r\n"
MAX_RESPONSE_HEAD = 65536
"""Octets of a response's status line and field section."""
MAX_RESPONSE_FIELDS = 500


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a request head may measure."""

    max_line: int = 8192
    max_section: int = 32768
    max_fields: int = 200


_TEXT = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_LINE_ENDS = [b"\r\n" * count for count in range(1024)]
_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"))
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP/[0-9]\.[0-9]")
_VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")
_BARE_LINE_END = re.compile(rb"\r[^\n]|(?<!\r)\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DIGITS = re.compile(rb"[0-9]{1,19}")
_OTHER_CODINGS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*,[ \t]*)+chunked")

# What a field name means to an intermediary; 0: nothing, the line is forwarded as it is.
HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, OF_THE_CONNECTION, TE, UPGRADE, EXPECT, WAY, REQUEST_ID = range(
    1, 11
)
AUTHORIZATION, REVEALING = 11, 12

_MEANING = {
    b"host": HOST,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"connection": CONNECTION,
    b"keep-alive": OF_THE_CONNECTION,
    b"proxy-connection": OF_THE_CONNECTION,
    b"proxy-authenticate": OF_THE_CONNECTION,
    b"proxy-authorization": OF_THE_CONNECTION,
    b"te": TE,
    b"trailer": 0,
    b"upgrade": UPGRADE,
    b"expect": EXPECT,
    b"x-forwarded-for": WAY,
    b"x-forwarded-proto": WAY,
    b"x-forwarded-host": WAY,
    b"x-forwarded-port": WAY,
    b"forwarded": WAY,
    b"via": WAY,
    b"x-request-id": REQUEST_ID,
    b"authorization": AUTHORIZATION,
}

_OF_CONNECTIONS = re.compile(rb"[ \t]*(?:ntlm|negotiate)(?:[ \t]|$)", re.IGNORECASE)
"""Schemes that authenticate the connection itself, and with it whoever else speaks on it (RFC 4559 §6)."""

_NOT_IN_RESPONSES = (HOST, EXPECT, WAY, REQUEST_ID, AUTHORIZATION, REVEALING)
"""Mean nothing in a response and pass."""

_MAX_KNOWN = 4096
_known: dict[bytes, int] = {}
"""Field names as they were written, once found valid, with their meaning. Bounded: a flood of new names is slow
for the one who sends it and costs no memory."""

_NOT_OF_THE_CONNECTION = frozenset(
    b"host content-length transfer-encoding content-type content-encoding content-range content-location authorization "
    b"cookie set-cookie cache-control expect range if-match if-none-match if-modified-since if-unmodified-since "
    b"if-range date location etag vary via max-forwards".split()
)
"""Fields that Connection may not name: they are end-to-end, and a server that lost them would read another message."""


def _learn(name: bytes, error: type[BadRequest] | type[BadResponse]) -> int:
    """The meaning of a name that has not been seen in this spelling; raises `error` if it is not a token."""
    if not TOKEN.fullmatch(name):
        raise error("a field name is not a token")
    lower = name.lower()
    meaning = _MEANING.get(lower, 0)
    if b"_" in lower and lower.replace(b"_", b"-") in _MEANING:
        meaning = OF_THE_CONNECTION  # to a server with CGI's names for fields it would be the same; never passed on
    elif not meaning and reveals(lower):
        meaning = REVEALING
    if len(_known) < _MAX_KNOWN and len(name) <= 64:
        _known[name] = meaning
    return meaning


def _content_length(value: bytes, error: type[BadRequest] | type[BadResponse]) -> int:
    value = value.strip(b" \t")
    if value.isdigit() and len(value) < 19:
        return int(value)
    if not _DIGITS.fullmatch(value):
        raise error("Content-Length is not a number")
    length = int(value)
    if length >= 1 << 63:
        raise error("Content-Length is too large")
    return length


# -- requests -----------------------------------------------------------------------------------------------------


def find_request_head(buffer: bytes, limits: RequestLimits, seen: int = 0) -> int:
    """Where the head that `buffer` begins with ends (the index of its empty line), or -1 if more is needed.

    `seen` octets of the buffer have been looked at before, in vain. Raises `BadRequest`, `TargetTooLong` or
    `FieldsTooLarge` as soon as it is sure that no more octets would help: garbage is answered at once.
    """
    end = buffer.find(END, seen - 3 if seen > 3 else 0)
    if end < 0:
        _check_partial_head(buffer, limits, seen)
        return -1
    if end > limits.max_line or end > limits.max_section:
        line = buffer.find(b"\r\n")
        if line > limits.max_line:
            raise TargetTooLong("the request line is too long")
        if end - line > limits.max_section:
            raise FieldsTooLarge("the field section is too large")
    return end


def _check_partial_head(buffer: bytes, limits: RequestLimits, seen: int) -> None:
    if _BARE_LINE_END.search(buffer, max(0, seen - 1)):
        raise BadRequest("the head has a bare CR, a bare LF or a control character")
    line = buffer.find(b"\r\n")
    if (line < 0 and len(buffer) > limits.max_line + len(b"\r")) or line > limits.max_line:
        raise TargetTooLong("the request line is too long")
    if line < 0:
        return
    if len(buffer) - line > limits.max_section + len(END) - 1:
        raise FieldsTooLarge("the field section is too large")
    if line >= seen - 1 and not _REQUEST_LINE.fullmatch(buffer, 0, line):
        raise BadRequest("the request line is not a method, a target and a version")


def read_request(head: bytes, max_fields: int = 200) -> Request:
    """A request from its head (without the empty line that ends it). Raises a `ClientError` for every head that
    RFC 9112 or `docs/reference/http.md` refuses."""
    request = read_head(head, max_fields)
    read_target(request)
    return request


def read_head(head: bytes, max_fields: int) -> Request:
    """A request of which the target has not been looked at. Raises a `ClientError`."""
    lines = head.split(b"\r\n")
    count = len(lines) - 1
    if count > max_fields:
        raise FieldsTooLarge("the field section has too many fields")
    if head.translate(None, _TEXT) != (_LINE_ENDS[count] if count < 1024 else b"\r\n" * count):
        raise BadRequest("the head has a bare CR, a bare LF or a control character")
    try:
        method, target, version = lines.pop(0).split(b" ")
    except ValueError:
        raise BadRequest("the request line is not a method, a target and a version") from None
    if method not in _METHODS and not TOKEN.fullmatch(method):
        raise BadRequest("the method is not a token")
    request = Request(method, target, Fields(lines))
    if version != b"HTTP/1.1":
        _read_version(request, version)
    _read_request_fields(request, lines)
    return request


def _read_version(request: Request, version: bytes) -> None:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise BadRequest("the version is not HTTP/x.y")
    if match[1] != b"1":
        raise VersionNotSupported("the version is not HTTP/1.x")
    if match[2] == b"0":
        request.minor = 0
        request.keep_alive = False


def _read_request_fields(request: Request, lines: list[bytes]) -> None:
    """One pass over the field lines; most of them are a look-up and nothing more."""
    known = _known
    drop = request.drop
    hosts = 0
    length: int | None = None
    coding: bytes | None = None
    connection: bytes | None = None
    upgrade = b""
    request.tells_way = request.has_id = request.reveals = False
    for index, line in enumerate(lines):
        name, colon, value = line.partition(b":")
        meaning = known.get(name)
        if meaning is None:
            meaning = _learn(name, BadRequest)
        if not colon:
            raise BadRequest("a field line has no colon")
        if not meaning:
            continue
        if meaning == HOST:
            hosts += 1
            request.authority = value.strip(b" \t")
        elif meaning == CONNECTION:
            connection = value if connection is None else connection + b"," + value
        elif meaning == CONTENT_LENGTH:
            if length is not None:
                raise BadRequest("Content-Length is repeated")
            length = _content_length(value, BadRequest)
        elif meaning == TRANSFER_ENCODING:
            if coding is not None:
                raise BadRequest("Transfer-Encoding is repeated")
            coding = value.strip(b" \t").lower()
        elif meaning == UPGRADE:
            upgrade = upgrade + b", " + value.strip(b" \t") if upgrade else value.strip(b" \t")
        elif meaning == TE:
            request.wants_trailers |= b"trailers" in _tokens(value)
        elif meaning == EXPECT and request.minor:
            _read_expect(request, value)
            continue
        elif meaning == WAY:
            request.tells_way = True
            continue
        elif meaning == REQUEST_ID:
            request.has_id = True
            continue
        elif meaning == REVEALING:
            request.reveals = True
            continue
        elif meaning == AUTHORIZATION:
            request.claims_connection |= bool(_OF_CONNECTIONS.match(value))
            continue
        drop.append(index)
    if hosts != 1 and (hosts or request.minor):
        raise BadRequest("Host is repeated" if hosts else "Host is missing")
    if coding is not None:
        _read_request_coding(request, coding, length)
    elif length is not None:
        request.length = length
    if connection is not None:
        _read_request_connection(request, connection, upgrade)


def _read_expect(request: Request, value: bytes) -> None:
    if value.strip(b" \t").lower() != b"100-continue":
        raise ExpectationFailed("Expect is not 100-continue")
    request.expects_continue = True


def _read_request_coding(request: Request, coding: bytes, length: int | None) -> None:
    if length is not None:
        raise BadRequest("Transfer-Encoding stands beside Content-Length")
    if request.minor == 0:
        raise BadRequest("Transfer-Encoding in an HTTP/1.0 request")
    if coding != b"chunked":
        if _OTHER_CODINGS.fullmatch(coding) and b"chunked" not in _tokens(coding)[:-1]:
            raise UnknownCoding("a transfer coding before chunked")
        raise BadRequest("Transfer-Encoding does not end with chunked, or is malformed")
    request.length = None


def _read_request_connection(request: Request, value: bytes, upgrade: bytes) -> None:
    option = value.strip(b" \t").lower()
    if option == b"keep-alive":
        request.keep_alive = True
        return
    options = _tokens(option)
    if b"close" in options:
        request.keep_alive = False
    elif b"keep-alive" in options:
        request.keep_alive = True
    if b"upgrade" in options and request.minor:
        request.upgrade = upgrade
    _drop_named(request.fields, request.drop, options, BadRequest)


def read_target(request: Request) -> None:
    """Find out what is asked for; raises a `ClientError`."""
    target = request.target
    check_target(target)
    if request.method == b"CONNECT":
        raise MethodNotSupported("CONNECT is for forward proxies")
    if request.authority:
        request.host = known_hosts.get(request.authority) or host_of(request.authority)
    if not target.startswith(b"/"):
        target = request.target = _read_other_form(request, target)
    path, _, request.query = target.partition(b"?")
    if b"%" in path or b"//" in path or b"/." in path or b"\\" in path:
        path = normal_path(path)
    request.path = path


def check_target(target: bytes) -> None:
    """Raise `BadRequest` for a target with octets that may not stand in one."""
    if not target.isascii() or b"\t" in target or b"#" in target:
        raise BadRequest("the target has a character that may not stand in it")


def _read_other_form(request: Request, target: bytes) -> bytes:
    """What is forwarded for a target that is not a path: asterisk-form, or the path of an absolute-form, whose
    authority takes the place of Host (RFC 9112 §3.2.2)."""
    if target == b"*":
        if request.method != b"OPTIONS":
            raise BadRequest("the target * is for OPTIONS only")
        return target
    request.authority, rest = split_absolute(target)
    request.host = known_hosts.get(request.authority) or host_of(request.authority)
    if not rest and request.method == b"OPTIONS":
        return b"*"
    return rest if rest.startswith(b"/") else b"/" + rest


def request_reader(request: Request) -> BodyReader | None:
    """What reads the content behind this head; None: there is none."""
    if request.length is None:
        return ChunkedReader()
    return LengthReader(request.length) if request.length else None


def write_request(request: Request, authority: bytes, upgrade: bytes = b"") -> bytes:
    """The head of a request to a server; its fields are those that are forwarded, framing and Host are added."""
    lines = request.fields.lines
    framing = _framing(request, upgrade)
    if not lines:
        return b"%b %b HTTP/1.1\r\nHost: %b%b" % (request.method, request.target, authority, framing)
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b" % (
        request.method,
        request.target,
        authority,
        b"\r\n".join(lines),
        framing,
    )


def write_whole_request(request: Request, authority: bytes, lines: Sequence[bytes] = ()) -> bytes:
    """The same with the whole URI as its target (RFC 9112 §3.2.2), for another proxy; `lines` come on top."""
    path = b"" if request.target == b"*" else request.target
    return b"%b http://%b%b HTTP/1.1\r\n%b%b" % (
        request.method,
        authority,
        path,
        b"\r\n".join((b"Host: " + authority, *request.fields.lines, *lines)),
        _framing(request, b""),
    )


def _framing(request: Request, upgrade: bytes) -> bytes:
    """The fields at the end of a head that say how long the content is and what is of this connection."""
    if request.length is None:
        framing = b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    elif request.length or request.method in _WITH_CONTENT:
        framing = b"\r\nContent-Length: %d\r\n\r\n" % request.length
    else:
        framing = END
    if upgrade:
        framing = b"\r\nConnection: Upgrade\r\nUpgrade: %b%b" % (upgrade, framing)
    elif request.wants_trailers:
        framing = b"\r\nConnection: TE\r\nTE: trailers" + framing
    return framing


_WITH_CONTENT = frozenset((b"POST", b"PUT", b"PATCH"))
"""Methods whose empty content is said (RFC 9110 §8.6)."""


# -- responses ----------------------------------------------------------------------------------------------------


def find_response_head(buffer: bytes, seen: int = 0) -> int:
    """Where the head that `buffer` begins with ends, or -1 if more is needed; raises `BadResponse`.

    `seen` octets of the buffer have been looked at before, in vain.
    """
    end = buffer.find(END, seen - 3 if seen > 3 else 0)
    if end > MAX_RESPONSE_HEAD or (end < 0 and len(buffer) > MAX_RESPONSE_HEAD + len(END) - 1):
        raise BadResponse("the head of the response is too large")
    if end < 0 and (buffer[:7] != b"HTTP/1."[: len(buffer)] or _BARE_LINE_END.search(buffer, max(0, seen - 1))):
        raise BadResponse("the response is not HTTP/1.x")
    return end


def read_response(head: bytes, method: bytes) -> Response:
    """A response from its head, to a request of this method; raises `BadResponse`."""
    lines = head.split(b"\r\n")
    count = len(lines) - 1
    if count > MAX_RESPONSE_FIELDS:
        raise BadResponse("the response has too many fields")
    if head.translate(None, _TEXT) != _LINE_ENDS[count]:
        raise BadResponse("the head has a bare CR, a bare LF or a control character")
    line = lines.pop(0)
    status = _known_status_lines.get(line)
    if status is None:
        status = _read_status_line(line)
    response = Response(status[1], status[2], Fields(lines))
    if not status[0]:
        response.minor = 0
        response.keep_alive = False
    _read_response_fields(response, lines)
    return response


_known_status_lines: dict[bytes, tuple[int, int, bytes]] = {}
"""(minor version, status, reason) of status lines that were found valid: there are few. Bounded."""


def _read_status_line(line: bytes) -> tuple[int, int, bytes]:
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise BadResponse("the status line is malformed")
    minor, status, reason = match.groups(b"")
    found = (0 if minor == b"0" else 1, int(status), reason)
    if len(_known_status_lines) < 256 and len(line) < 64:
        _known_status_lines[line] = found
    return found


def _read_response_fields(response: Response, lines: list[bytes]) -> None:
    known = _known
    drop = response.drop
    length: int | None = None
    coding: bytes | None = None
    connection: bytes | None = None
    for index, line in enumerate(lines):
        name, colon, value = line.partition(b":")
        meaning = known.get(name)
        if meaning is None:
            meaning = _learn(name, BadResponse)
        if not colon:
            raise BadResponse("a field line has no colon")
        if not meaning:
            continue
        if meaning == CONTENT_LENGTH:
            if length is not None:
                raise BadResponse("Content-Length is repeated")
            length = _content_length(value, BadResponse)
        elif meaning == CONNECTION:
            connection = value if connection is None else connection + b"," + value
        elif meaning == TRANSFER_ENCODING:
            if coding is not None:
                raise BadResponse("Transfer-Encoding is repeated")
            coding = value.strip(b" \t").lower()
        elif meaning in _NOT_IN_RESPONSES:
            continue
        drop.append(index)
    if connection is not None and connection != b" keep-alive":
        _read_response_connection(response, connection)
    if coding is not None:
        if length is not None:
            raise BadResponse("Transfer-Encoding stands beside Content-Length")
        if coding != b"chunked" or response.minor == 0:
            raise BadResponse("Transfer-Encoding is not chunked, or in HTTP/1.0")
        response.length = None
        response.chunked = True
    else:
        response.length = length
    if response.status == 204 or response.status < 200:
        response.length = 0


def _read_response_connection(response: Response, value: bytes) -> None:
    option = value.strip(b" \t").lower()
    if option == b"keep-alive":
        response.keep_alive = True
        return
    options = _tokens(option)
    if b"close" in options:
        response.keep_alive = False
    elif b"keep-alive" in options:
        response.keep_alive = True
    _drop_named(response.fields, response.drop, options, BadResponse)


def response_reader(response: Response, method: bytes) -> BodyReader | None:
    """What reads the content behind this head (RFC 9112 §6.3); None: there is none."""
    if method == b"HEAD" or response.status in (204, 304) or response.status < 200 or response.length == 0:
        return None
    if response.chunked:
        return ChunkedReader()
    return CloseReader() if response.length is None else LengthReader(response.length)


def write_status_line(status: int, reason: bytes) -> bytes:
    """The status line of a response, with its CRLF."""
    return b"HTTP/1.1 %d %b\r\n" % (status, reason)


# -- fields of the connection -------------------------------------------------------------------------------------


def _tokens(value: bytes) -> list[bytes]:
    """The elements of a comma-separated list, in lower case; empty ones left out."""
    return [token for token in (part.strip(b" \t") for part in value.lower().split(b",")) if token]


def _drop_named(
    fields: Fields, drop: list[int], options: list[bytes], error: type[BadRequest] | type[BadResponse]
) -> None:
    """Note the lines of the fields that Connection names (RFC 9110 §7.6.1); raises `error` for what it may not name."""
    names = {name for name in options if name not in _USUAL_OPTIONS}
    if not names:
        return
    if not names.isdisjoint(_NOT_OF_THE_CONNECTION):
        raise error("Connection names a field that is end-to-end")
    for index, line in enumerate(fields.lines):
        if line.partition(b":")[0].lower() in names:
            drop.append(index)
    drop[:] = sorted(set(drop))


_USUAL_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b"te"))


def without_connection_fields(message: Request | Response) -> None:
    """Remove the lines that the reader noted: they are between the sender and us."""
    lines = message.fields.lines
    for index in reversed(message.drop):
        del lines[index]
    message.drop = []
