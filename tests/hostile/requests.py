"""Requests as hostile, broken or merely unusual clients send them, and what must happen to each.

`test_requests` runs every row whole, octet by octet, in two pieces cut at every place, and with another request behind
it. The rule is a section of RFC 9112 (or another RFC where named), or a part of `docs/reference/http.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.oracles import Received
from twisted_relay.http.body import MAX_CHUNK_LINE, MAX_TRAILER_FIELDS, MAX_TRAILERS


@dataclass(frozen=True, slots=True)
class Accepted:
    """These requests are executed, each answered 200."""

    requests: tuple[Received, ...]
    keeps: bool = True
    """The connection takes further requests afterwards."""


@dataclass(frozen=True, slots=True)
class Refused:
    """After `before`, the answer is this status and the connection is closed; nothing behind it is executed."""

    status: int
    before: tuple[Received, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    name: str
    rule: str
    raw: bytes
    verdict: Accepted | Refused


Row = tuple[str, bytes, Accepted | Refused]

END = b"\r\n\r\n"
LINE = b"GET / HTTP/1.1"
HOST = b"Host: a"
ROOT = Received(b"GET", b"/")
POSTED = Received(b"POST", b"/", b"hello")
EMPTY_POST = Received(b"POST", b"/")
SERVED = Accepted((ROOT,))
BAD = Refused(400)


def served(*requests: Received) -> Accepted:
    return Accepted(requests)


def got(target: bytes, method: bytes = b"GET") -> Accepted:
    """This method with this target is executed, without content."""
    return Accepted((Received(method, target),))


# -- how the raw requests are written ---------------------------------------------------------------------------------


def line(text: bytes) -> bytes:
    """A request with this line."""
    return text + b"\r\n" + HOST + END


def target(text: bytes, method: bytes = b"GET") -> bytes:
    """A request with this target."""
    return line(method + b" " + text + b" HTTP/1.1")


def host(text: bytes, start: bytes = LINE) -> bytes:
    """A request with this field line, or lines, in place of Host."""
    return start + b"\r\n" + text + END


def field(text: bytes, start: bytes = LINE) -> bytes:
    """A GET with this field line, or lines, between others."""
    return start + b"\r\n" + HOST + b"\r\n" + text + b"\r\nAccept: */*" + END


def post(fields: bytes, content: bytes = b"hello", version: bytes = b"HTTP/1.1") -> bytes:
    """A POST with these field lines and this content."""
    return b"POST / " + version + b"\r\n" + HOST + b"\r\n" + fields + END + content


def chunks(content: bytes) -> bytes:
    """A POST with this as chunked content."""
    return post(b"Transfer-Encoding: chunked", content)


def table(rule: str, build: Callable[[bytes], bytes], *rows: Row) -> list[Case]:
    """Rows whose raw request is made by one function."""
    return [Case(name, rule, build(text), verdict) for name, text, verdict in rows]


def as_it_is(raw: bytes) -> bytes:
    return raw


# -- the table --------------------------------------------------------------------------------------------------------

REQUEST_LINES = table(
    "§3",
    line,
    ("the plain request", b"GET / HTTP/1.1", SERVED),
    ("an extension method", b"PURGE / HTTP/1.1", got(b"/", b"PURGE")),
    ("a method with a hyphen", b"M-SEARCH / HTTP/1.1", got(b"/", b"M-SEARCH")),
    ("methods have case", b"get / HTTP/1.1", got(b"/", b"get")),
    ("every character that a method may have", b"!#$%&'*+-.^_`|~09aZ / HTTP/1.1", got(b"/", b"!#$%&'*+-.^_`|~09aZ")),
    ("a method that is no token", b"GE(T / HTTP/1.1", BAD),
    ("a method with a colon", b"GET: / HTTP/1.1", BAD),
    ("a method with NUL", b"GE\0T / HTTP/1.1", BAD),
    ("a method with an octet above 127", b"G\xc9T / HTTP/1.1", BAD),
    ("a quoted method", b'"GET" / HTTP/1.1', BAD),
    ("no method", b" / HTTP/1.1", BAD),
    ("no method and no space", b"/ HTTP/1.1", BAD),
    ("no target", b"GET HTTP/1.1", BAD),
    ("an empty target", b"GET  HTTP/1.1", BAD),
    ("no version, as in HTTP/0.9", b"GET /", BAD),
    ("no version but its space", b"GET / ", BAD),
    ("a method alone", b"GET", BAD),
    ("two spaces before the target", b"GET  / HTTP/1.1", BAD),
    ("two spaces before the version", b"GET /  HTTP/1.1", BAD),
    ("a space before the method", b" GET / HTTP/1.1", BAD),
    ("a space behind the version", b"GET / HTTP/1.1 ", BAD),
    ("a tab before the target", b"GET\t/ HTTP/1.1", BAD),
    ("a tab before the version", b"GET /\tHTTP/1.1", BAD),
    ("a tab behind the version", b"GET / HTTP/1.1\t", BAD),
    ("a form feed before the target", b"GET\x0c/ HTTP/1.1", BAD),
    ("a vertical tab before the version", b"GET /\x0bHTTP/1.1", BAD),
    ("a no-break space before the version", b"GET /\xa0HTTP/1.1", BAD),
    ("a bare CR before the version", b"GET /\rHTTP/1.1", BAD),
    ("two targets", b"GET /a /b HTTP/1.1", BAD),
    ("two versions", b"GET / HTTP/1.1 HTTP/1.1", BAD),
    ("a request line that ends with LF only", b"GET / HTTP/1.1\nX: y", BAD),
    ("a request line that ends with CR only", b"GET / HTTP/1.1\rX: y", BAD),
    ("a request line that ends with CR CR LF", b"GET / HTTP/1.1\r", BAD),
)

VERSIONS = table(
    "§2.3",
    lambda version: line(b"GET / " + version),
    ("HTTP/1.0 is served and closed", b"HTTP/1.0", Accepted((ROOT,), keeps=False)),
    ("a later minor version is taken for 1.1 (RFC 9110 §2.5)", b"HTTP/1.2", SERVED),
    ("the last minor version", b"HTTP/1.9", SERVED),
    ("HTTP/0.9 by name", b"HTTP/0.9", Refused(505)),
    ("HTTP/2.0", b"HTTP/2.0", Refused(505)),
    ("HTTP/3.0", b"HTTP/3.0", Refused(505)),
    ("a version in lower case", b"http/1.1", BAD),
    ("a version of two digits", b"HTTP/1.10", BAD),
    ("a version with a leading zero", b"HTTP/01.1", BAD),
    ("a version without a minor", b"HTTP/1", BAD),
    ("a version without a digit behind the dot", b"HTTP/1.", BAD),
    ("a version without a dot", b"HTTP/11", BAD),
    ("a version with a comma", b"HTTP/1,1", BAD),
    ("a version with a letter", b"HTTP/1.x", BAD),
    ("a negative version", b"HTTP/-1.1", BAD),
    ("a version without a name", b"1.1", BAD),
    ("another protocol's name", b"HTTPS/1.1", BAD),
    ("RTSP", b"RTSP/1.0", BAD),
    ("SIP", b"SIP/2.0", BAD),
    ("a version in full-width digits", "HTTP/１.１".encode(), BAD),
)

TARGETS = table(
    "§3.2",
    target,
    ("an empty query is kept", b"/?", got(b"/?")),
    ("a target is forwarded byte for byte", b"/%41%7a/%zz/a%20b?%&x=%00&&y", got(b"/%41%7a/%zz/a%20b?%&x=%00&&y")),
    ("characters that browsers do not escape", b"/a|b^c`d{e}\"<f>?g[0]='h'", got(b"/a|b^c`d{e}\"<f>?g[0]='h'")),
    ("runs of slashes stay", b"//a///b", got(b"//a///b")),
    ("a path that looks like an authority", b"//evil.example/x", got(b"//evil.example/x")),
    ("a path with an at sign and a colon", b"/@user:x", got(b"/@user:x")),
    ("dot segments stay", b"/a/../b/./c", got(b"/a/../b/./c")),
    ("escaped dot segments stay", b"/a/%2e%2E/b", got(b"/a/%2e%2E/b")),
    ("dot segments above the root stay", b"/../../x", got(b"/../../x")),
    ("an escaped slash is data", b"/group%2Fproject", got(b"/group%2Fproject")),
    ("an escaped backslash is data", b"/a%5Cb", got(b"/a%5Cb")),
    ("dots that are no segment", b"/a..b/...;x", got(b"/a..b/...;x")),
    ("dots, slashes and backslashes in a query are data", b"/?f=..%2F..\\x//../", got(b"/?f=..%2F..\\x//../")),
    ("a parent segment before an escaped slash", b"/a/..%2fsecret", BAD),
    ("a parent segment between escaped slashes", b"/a%2F..%2Fsecret", BAD),
    ("a parent segment, all of it escaped", b"/a%2f%2e%2e%2fsecret", BAD),
    ("a parent segment behind an escaped slash", b"/a%2F../secret", BAD),
    ("a parent segment at the end behind an escaped slash", b"/a%2F..", BAD),
    ("a parent segment before an escaped backslash", b"/a/..%5Csecret", BAD),
    ("a parent segment with a parameter", b"/a/..;/secret", BAD),
    ("a parent segment behind an empty one", b"/secret//../a", BAD),
    ("a backslash in the path", b"/a\\..\\secret", BAD),
    ("a fragment", b"/a#b", BAD),
    ("a space", b"/a b", BAD),
    ("a tab", b"/a\tb", BAD),
    ("NUL", b"/a\0b", BAD),
    ("an escape character", b"/a\x1bb", BAD),
    ("DEL", b"/a\x7fb", BAD),
    ("UTF-8", "/ä".encode(), BAD),
    ("an octet above 127 in the query", b"/?\xff", BAD),
    ("a bare LF", b"/a\nb", BAD),
    ("a bare CR", b"/a\rb", BAD),
    ("a line break with a request behind it", b"/ HTTP/1.1\r\n\r\nGET /smuggled", BAD),
    ("a path without its slash", b"index.html", BAD),
    ("a query alone", b"?a=b", BAD),
    ("an authority", b"example.com:80", BAD),
    ("an asterisk is for OPTIONS", b"*", BAD),
    ("another scheme", b"ftp://example.com/", BAD),
    ("a script", b"javascript:alert(1)", BAD),
    ("a URI with one slash", b"http:/example.com/", BAD),
    ("a URI without an authority", b"http:///x", BAD),
    ("a URI with user information", b"http://user:secret@example.com/", BAD),
    ("a URI with an empty user", b"http://@example.com/", BAD),
    ("a URI with a bad port", b"http://example.com:x/", BAD),
    ("a URI with a port above 65535", b"http://example.com:65536/", BAD),
    ("a URI with a bad host", b"http://exa<mple.com/", BAD),
    ("a URI with a backslash for a slash", b"http:\\\\example.com/", BAD),
    ("a URI with a backslash behind its host", b"http://example.com\\x/", BAD),
    ("a URI with a fragment", b"http://example.com/#x", BAD),
    ("absolute-form becomes a path", b"http://example.com/a?b", got(b"/a?b")),
    ("absolute-form with a scheme in capitals", b"HTTP://EXAMPLE.com/a", got(b"/a")),
    ("absolute-form of https", b"https://example.com:8443/a", got(b"/a")),
    ("absolute-form without a path", b"http://example.com", got(b"/")),
    ("absolute-form with a query only", b"http://example.com?q", got(b"/?q")),
    ("absolute-form with an IPv6 literal", b"http://[2001:db8::1]:8080/a", got(b"/a")),
)

METHODS = table(
    "§3.2.4",
    line,
    ("OPTIONS *", b"OPTIONS * HTTP/1.1", got(b"*", b"OPTIONS")),
    ("OPTIONS for a whole server in absolute-form", b"OPTIONS http://a HTTP/1.1", got(b"*", b"OPTIONS")),
    ("OPTIONS for the root in absolute-form", b"OPTIONS http://a/ HTTP/1.1", got(b"/", b"OPTIONS")),
    ("an asterisk with a query", b"OPTIONS *?x HTTP/1.1", BAD),
    ("an asterisk in lower-case options", b"options * HTTP/1.1", BAD),
    ("CONNECT is for forward proxies", b"CONNECT a:443 HTTP/1.1", Refused(501)),
    ("CONNECT with a path", b"CONNECT / HTTP/1.1", Refused(501)),
    ("HEAD", b"HEAD / HTTP/1.1", got(b"/", b"HEAD")),
    ("TRACE", b"TRACE / HTTP/1.1", got(b"/", b"TRACE")),
)

HOSTS = table(
    "§3.2",
    host,
    ("no Host", b"X: y", BAD),
    ("no field at all", b"X:", BAD),
    ("Host twice, the same", b"Host: a\r\nHost: a", BAD),
    ("Host twice, different", b"Host: a\r\nX: y\r\nhost: b", BAD),
    ("Host twice, one empty", b"Host: a\r\nHost:", BAD),
    ("an empty Host: the client knows no authority", b"Host:", SERVED),
    ("an empty Host with white space", b"Host: \t ", SERVED),
    ("a port alone", b"Host: :80", BAD),
    ("white space before the colon", b"Host : a", BAD),
    ("white space in the name of the host", b"Host: a b", BAD),
    ("two hosts in one line", b"Host: a, b", BAD),
    ("a comma may stand in a name (RFC 3986 §3.2.2)", b"Host: a,b", SERVED),
    ("every sort of character that a name may have", b"Host: a-._~!$&'()*+;=%20Z", SERVED),
    ("an underscore", b"Host: my_server", SERVED),
    ("a name with a dot at its end", b"Host: example.com.", SERVED),
    ("an IPv4 address with a port", b"Host: 192.0.2.1:8080", SERVED),
    ("an IPv6 literal with a port", b"Host: [2001:db8::1]:8080", SERVED),
    ("an IPv6 literal with an IPv4 address", b"Host: [::ffff:192.0.2.1]", SERVED),
    ("a literal of a later version", b"Host: [v1.a:b]", SERVED),
    ("an empty port", b"Host: a:", SERVED),
    ("the last port", b"Host: a:65535", SERVED),
    ("white space around the value", b"Host: \t a \t", SERVED),
    ("a port above 65535", b"Host: a:65536", BAD),
    ("a port of letters", b"Host: a:http", BAD),
    ("a negative port", b"Host: a:-1", BAD),
    ("two ports", b"Host: a:80:80", BAD),
    ("user information", b"Host: user@a", BAD),
    ("a path", b"Host: a/b", BAD),
    ("a URI", b"Host: http://a", BAD),
    ("a query", b"Host: a?b", BAD),
    ("a fragment", b"Host: a#b", BAD),
    ("a backslash", b"Host: a\\b", BAD),
    ("a quote", b'Host: "a"', BAD),
    ("an unfinished escape", b"Host: a%2", BAD),
    ("an octet above 127", b"Host: \xe4", BAD),
    ("NUL", b"Host: a\0b", BAD),
    ("an IPv6 literal without its bracket", b"Host: [::1", BAD),
    ("an IPv6 address without brackets", b"Host: ::1", BAD),
    ("an IPv6 literal that is none", b"Host: [::1::2]", BAD),
    ("an IPv6 literal with a zone", b"Host: [fe80::1%25eth0]", BAD),
    ("something behind an IPv6 literal", b"Host: [::1]a", BAD),
    ("empty brackets", b"Host: []", BAD),
)

HOSTS_OF_OTHER_FORMS = [
    *table(
        "§3.2.2",
        lambda fields: host(fields, b"GET http://example.com/ HTTP/1.1"),
        ("absolute-form overrules Host", b"Host: other.example", SERVED),
        ("absolute-form with an empty Host", b"Host:", SERVED),
        ("absolute-form without Host", b"X: y", BAD),
        ("absolute-form with two Hosts", b"Host: a\r\nHost: a", BAD),
        ("absolute-form does not excuse a bad Host", b"Host: a b", BAD),
    ),
    *table(
        "§3.2",
        lambda fields: host(fields, b"GET / HTTP/1.0"),
        ("HTTP/1.0 needs no Host", b"X: y", Accepted((ROOT,), keeps=False)),
        ("HTTP/1.0 with a Host", b"Host: a", Accepted((ROOT,), keeps=False)),
        ("HTTP/1.0 with two Hosts", b"Host: a\r\nHost: a", BAD),
        ("HTTP/1.0 with a bad Host", b"Host: a b", BAD),
    ),
    Case("HTTP/1.0 without any field", "§3.2", b"GET / HTTP/1.0" + END, Accepted((ROOT,), keeps=False)),
    Case("HTTP/1.0 with an empty authority", "RFC 9110 §4.2.1", b"GET http:///x HTTP/1.0" + END, BAD),
    Case("HTTP/1.1 without any field", "§3.2", LINE + END, BAD),
]

FIELDS = table(
    "§5",
    field,
    ("an empty value", b"X:", SERVED),
    ("a value of white space", b"X: \t \t", SERVED),
    ("no white space behind the colon", b"X:y", SERVED),
    ("colons in a value", b"X: a:b::c", SERVED),
    ("tabs in a value", b"X: a\tb", SERVED),
    ("octets above 127 in a value (obs-text)", b"X: \x80\xff caf\xc3\xa9", SERVED),
    ("every character that a name may have", b"!#$%&'*+-.^_`|~09aZ: y", SERVED),
    ("a repeated field", b"X: 1\r\nx: 2\r\nX: 1", SERVED),
    ("a line folded with a space", b"X: a\r\n b", BAD),
    ("a line folded with a tab", b"X: a\r\n\tb", BAD),
    ("a folded line of white space only", b"X: a\r\n \r\nY: z", BAD),
    ("a space before the colon", b"X : y", BAD),
    ("a tab before the colon", b"X\t: y", BAD),
    ("a space before the name", b" X: y", BAD),
    ("a space in a name", b"X Y: z", BAD),
    ("no name", b": y", BAD),
    ("no colon", b"X", BAD),
    ("a known name without a colon", b"Accept", BAD),
    ("a separator in a name", b"X(Y): z", BAD),
    ("a slash in a name", b"X/Y: z", BAD),
    ("an octet above 127 in a name", b"X\xe9: y", BAD),
    ("NUL in a name", b"X\0: y", BAD),
    ("DEL in a name", b"X\x7f: y", BAD),
    ("NUL in a value", b"X: a\0b", BAD),
    ("a bell in a value", b"X: a\x07b", BAD),
    ("an escape character in a value", b"X: \x1b[2J", BAD),
    ("DEL in a value", b"X: a\x7fb", BAD),
    ("a bare CR in a value", b"X: a\rb", BAD),
    ("a bare CR at the end of a value", b"X: a\r", BAD),
    ("a bare LF in a value", b"X: a\nY: b", BAD),
    ("a bare LF before the line's end", b"X: a\n", BAD),
    ("LF CR", b"X: a\n\rY: b", BAD),
    ("a header hidden behind a bare CR", b"X: a\rTransfer-Encoding: chunked", BAD),
    ("a header hidden behind a bare LF", b"X: a\nContent-Length: 5", BAD),
)

LENGTHS = table(
    "§6.2",
    post,
    ("a length", b"Content-Length: 5", served(POSTED)),
    ("a length in odd case and without a space", b"cOnTeNt-LeNgTh:5", served(POSTED)),
    ("a length with white space around it", b"Content-Length: \t5 \t", served(POSTED)),
    ("leading zeros", b"Content-Length: 0005", served(POSTED)),
    ("the same length twice", b"Content-Length: 5\r\nContent-Length: 5", BAD),
    ("two lengths", b"Content-Length: 5\r\nContent-Length: 6", BAD),
    ("two lengths, one of them empty", b"Content-Length: 5\r\ncontent-length:", BAD),
    ("a list of the same length", b"Content-Length: 5, 5", BAD),
    ("a list of lengths", b"Content-Length: 5,6", BAD),
    ("an empty length", b"Content-Length:", BAD),
    ("a length of white space", b"Content-Length: \t", BAD),
    ("a positive sign", b"Content-Length: +5", BAD),
    ("a negative sign", b"Content-Length: -5", BAD),
    ("minus zero", b"Content-Length: -0", BAD),
    ("a hexadecimal length", b"Content-Length: 0x5", BAD),
    ("a length of letters", b"Content-Length: five", BAD),
    ("a fraction", b"Content-Length: 5.0", BAD),
    ("an exponent", b"Content-Length: 5e0", BAD),
    ("a digit separator", b"Content-Length: 0_5", BAD),
    ("white space in a length", b"Content-Length: 0 5", BAD),
    ("a comma behind a length", b"Content-Length: 5,", BAD),
    ("a quoted length", b'Content-Length: "5"', BAD),
    ("full-width digits", "Content-Length: ５".encode(), BAD),
    ("superscript digits", b"Content-Length: \xb2", BAD),
    ("a length of 2^63", b"Content-Length: 9223372036854775808", BAD),
    ("a length that wraps round in 64 bits", b"Content-Length: 18446744073709551621", BAD),
    ("a length longer than any number", b"Content-Length: " + b"0" * 20 + b"5", BAD),
    ("a length of five thousand digits", b"Content-Length: " + b"9" * 5000, BAD),
    ("white space before the colon", b"Content-Length : 5", BAD),
    ("a tab before the colon", b"Content-Length\t: 5", BAD),
    ("a folded length", b"Content-Length:\r\n 5", BAD),
    ("a length with NUL", b"Content-Length: 5\0", BAD),
    ("a length behind a vertical tab", b"Content-Length: \x0b5", BAD),
)

CODINGS = table(
    "§6.1",
    lambda fields: post(fields, b"5\r\nhello\r\n0\r\n\r\n"),
    ("chunked", b"Transfer-Encoding: chunked", served(POSTED)),
    ("codings have no case", b"transfer-encoding:CHUNKED", served(POSTED)),
    ("white space around the coding", b"Transfer-Encoding: \t chunked \t", served(POSTED)),
    ("chunked beside a length", b"Transfer-Encoding: chunked\r\nContent-Length: 15", BAD),
    ("a length beside chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked", BAD),
    ("chunked beside a length of zero", b"Transfer-Encoding: chunked\r\nContent-Length: 0", BAD),
    ("a coding before chunked", b"Transfer-Encoding: gzip, chunked", Refused(501)),
    ("an unknown coding before chunked", b"Transfer-Encoding: x-rot13 ,chunked", Refused(501)),
    ("a coding behind chunked", b"Transfer-Encoding: chunked, gzip", BAD),
    ("another coding alone", b"Transfer-Encoding: gzip", BAD),
    ("identity", b"Transfer-Encoding: identity", BAD),
    ("identity before chunked", b"Transfer-Encoding: identity, chunked", Refused(501)),
    ("chunked twice in one line", b"Transfer-Encoding: chunked, chunked", BAD),
    ("chunked twice", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", BAD),
    ("chunked and another coding", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", BAD),
    ("another coding and chunked", b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", BAD),
    ("identity and chunked", b"Transfer-Encoding: identity\r\ntransfer-encoding: chunked", BAD),
    ("a comma behind chunked", b"Transfer-Encoding: chunked,", BAD),
    ("a comma and a space behind chunked", b"Transfer-Encoding: chunked, ", BAD),
    ("a comma before chunked", b"Transfer-Encoding: ,chunked", BAD),
    ("no coding", b"Transfer-Encoding:", BAD),
    ("a name that ends like chunked", b"Transfer-Encoding: xchunked", BAD),
    ("a name that begins like chunked", b"Transfer-Encoding: chunkedx", BAD),
    ("chunked with a parameter", b"Transfer-Encoding: chunked;q=1", BAD),
    ("chunked and a word", b"Transfer-Encoding: chunked foo", BAD),
    ("chunked in two words", b"Transfer-Encoding: chun ked", BAD),
    ("chunked in quotes", b'Transfer-Encoding: "chunked"', BAD),
    ("chunked behind a vertical tab", b"Transfer-Encoding: \x0bchunked", BAD),
    ("chunked behind a no-break space", b"Transfer-Encoding: \xa0chunked", BAD),
    ("chunked with NUL", b"Transfer-Encoding: chunked\0", BAD),
    ("white space before the colon", b"Transfer-Encoding : chunked", BAD),
    ("a space before the name", b" Transfer-Encoding: chunked", BAD),
    ("chunked on a folded line", b"Transfer-Encoding:\r\n chunked", BAD),
    ("chunked behind a bare LF", b"X: y\nTransfer-Encoding: chunked", BAD),
    ("an underscore is another field", b"Transfer_Encoding: chunked", Refused(400, (EMPTY_POST,))),
    ("another spelling is another field", b"Transfer.Encoding: chunked", Refused(400, (EMPTY_POST,))),
)

BODIES = table(
    "§6.3",
    as_it_is,
    (
        "HTTP/1.0 with chunked",
        post(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n", b"HTTP/1.0"),
        BAD,
    ),
    (
        "HTTP/1.0 with chunked and keep-alive",
        post(b"Transfer-Encoding: chunked\r\nConnection: keep-alive", b"0\r\n\r\n", b"HTTP/1.0"),
        BAD,
    ),
    ("HTTP/1.0 with a length", post(b"Content-Length: 5", version=b"HTTP/1.0"), Accepted((POSTED,), keeps=False)),
    ("a GET with content", field(b"Content-Length: 2") + b"hi", served(Received(b"GET", b"/", b"hi"))),
    (
        "a HEAD with content",
        field(b"Content-Length: 2", b"HEAD / HTTP/1.1") + b"hi",
        served(Received(b"HEAD", b"/", b"hi")),
    ),
    ("a length of zero", post(b"Content-Length: 0", b""), served(EMPTY_POST)),
    ("a POST without a length", post(b"X: y", b""), served(EMPTY_POST)),
    ("content that nothing announces", post(b"X: y", b"hello\r\n\r\n"), Refused(400, (EMPTY_POST,))),
    (
        "more content than its length",
        post(b"Content-Length: 3", b"hello\r\n\r\n"),
        Refused(400, (Received(b"POST", b"/", b"hel"),)),
    ),
    (
        "content that looks like a request",
        post(b"Content-Length: 27", b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"[:27]),
        served(Received(b"POST", b"/", b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"[:27])),
    ),
    (
        "CL.TE",
        post(b"Content-Length: 6\r\nTransfer-Encoding: chunked", b"0\r\n\r\nG"),
        BAD,
    ),
    (
        "TE.CL",
        post(b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n"),
        BAD,
    ),
    (
        "TE.TE with a hidden second coding",
        post(b"Transfer-Encoding: chunked\r\nTransfer-encoding: cow", b"5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n"),
        BAD,
    ),
    (
        "TE.0: content behind OPTIONS is content",
        field(b"Transfer-Encoding: chunked", b"OPTIONS / HTTP/1.1") + b"5\r\nhello\r\n0\r\n\r\n",
        served(Received(b"OPTIONS", b"/", b"hello")),
    ),
)

CHUNKS = table(
    "§7.1",
    chunks,
    ("no chunk but the last", b"0\r\n\r\n", served(EMPTY_POST)),
    ("several chunks", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", served(POSTED)),
    (
        "line ends in a chunk are content",
        b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n",
        served(Received(b"POST", b"/", b"\r\n0\r\n\r")),
    ),
    (
        "hexadecimal digits of either case",
        b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        served(Received(b"POST", b"/", b"0123456789" * 2)),
    ),
    ("leading zeros in a size", b"0005\r\nhello\r\n000\r\n\r\n", served(POSTED)),
    ("a size with more digits than any has", b"00000000000000005\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size that wraps round in 64 bits", b"10000000000000005\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size that is negative in 64 bits", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size with 0x", b"0x5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size with a sign", b"+5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a negative size", b"-5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size with a digit separator", b"0_5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size that is no number", b"five\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size in full-width digits", "５\r\nhello\r\n0\r\n\r\n".encode(), BAD),
    ("no size", b"\r\nhello\r\n0\r\n\r\n", BAD),
    ("an extension without a size", b";a=b\r\nhello\r\n0\r\n\r\n", BAD),
    ("a space before the size", b" 5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a space behind the size", b"5 \r\nhello\r\n0\r\n\r\n", BAD),
    ("a tab behind the size", b"5\t\r\nhello\r\n0\r\n\r\n", BAD),
    ("a space behind the last size", b"5\r\nhello\r\n0 \r\n\r\n", BAD),
    ("NUL behind the size", b"5\0\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size in two words", b"5 5\r\nhello\r\n0\r\n\r\n", BAD),
    ("a size with a fraction", b"5.0\r\nhello\r\n0\r\n\r\n", BAD),
    ("LF behind the size", b"5\nhello\r\n0\r\n\r\n", BAD),
    ("CR behind the size", b"5\rhello\r\n0\r\n\r\n", BAD),
    ("CR CR LF behind the size", b"5\r\r\nhello\r\n0\r\n\r\n", BAD),
    ("LF behind the last size", b"5\r\nhello\r\n0\n\r\n", BAD),
    ("no line end behind a chunk", b"5\r\nhello0\r\n\r\n", BAD),
    ("LF behind a chunk", b"5\r\nhello\n0\r\n\r\n", BAD),
    ("CR behind a chunk", b"5\r\nhello\r0\r\n\r\n", BAD),
    ("a space behind a chunk", b"5\r\nhello \r\n0\r\n\r\n", BAD),
    ("two line ends behind a chunk", b"5\r\nhello\r\n\r\n0\r\n\r\n", BAD),
    ("a chunk longer than its size", b"4\r\nhello\r\n0\r\n\r\n", BAD),
    ("a chunk shorter than its size", b"6\r\nhello\r\n0\r\n\r\n", BAD),
    ("LF behind the trailer section", b"5\r\nhello\r\n0\r\n\nX: y\r\n\r\n", BAD),
    ("content where a chunk should begin", b"hello\r\n", BAD),
)

EXTENSIONS = table(
    "§7.1.1",
    lambda extension: chunks(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n"),
    ("an extension", b";a", served(POSTED)),
    ("an extension with a value", b";a=b", served(POSTED)),
    ("several extensions", b";a=b;c;d=e", served(POSTED)),
    ("white space around extensions", b" ; a \t=  b", served(POSTED)),
    ("a quoted value", b';a="b;c=d"', served(POSTED)),
    ("a quoted value with escapes", b';a="\\"\\\\"', served(POSTED)),
    ("an empty quoted value", b';a=""', served(POSTED)),
    ("an extension without a name", b";", BAD),
    ("a value without a name", b";=b", BAD),
    ("an extension without a value behind its sign", b";a=", BAD),
    ("an extension without its semicolon", b" a", BAD),
    ("an unfinished quoted value", b';a="b', BAD),
    ("something behind a quoted value", b';a="b"c', BAD),
    ("white space at the end", b";a ", BAD),
    ("LF in an extension", b";a\nb", BAD),
    ("LF in a quoted value", b';a="\n"', BAD),
    ("CR in an extension", b";a\rb", BAD),
    ("NUL in an extension", b";a\0", BAD),
    ("an octet above 127 in a name", b";\xe4", BAD),
    ("the longest line", b";" + b"a" * (MAX_CHUNK_LINE - 2), served(POSTED)),
    ("a line that is too long", b";" + b"a" * (MAX_CHUNK_LINE - 1), BAD),
)

TRAILERS = table(
    "§7.1.2",
    lambda trailers: chunks(b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n\r\n"),
    ("a trailer", b"X-Sum: 1", served(POSTED)),
    ("several trailers", b"X-Sum: 1\r\nX-Sum: 2\r\nEmpty:", served(POSTED)),
    ("a length in the trailers is dropped", b"Content-Length: 99", served(POSTED)),
    ("a coding in the trailers is dropped", b"Transfer-Encoding: chunked", served(POSTED)),
    ("a host in the trailers is dropped", b"Host: evil.example", served(POSTED)),
    ("a credential in the trailers is dropped", b"Authorization: Basic eA==", served(POSTED)),
    ("a trailer without a colon", b"X", BAD),
    ("a trailer without a name", b": y", BAD),
    ("a folded trailer", b"X: y\r\n z", BAD),
    ("a space before the colon", b"X : y", BAD),
    ("NUL in a trailer", b"X: \0", BAD),
    ("a bare CR in a trailer", b"X: a\rb", BAD),
    ("a bare LF in a trailer", b"X: a\nb: c", BAD),
    ("a request in place of trailers", b"GET /smuggled HTTP/1.1\r\nHost: a", BAD),
    ("as many trailers as may be", b"\r\n".join([b"X: y"] * MAX_TRAILER_FIELDS), served(POSTED)),
    ("too many trailers", b"\r\n".join([b"X: y"] * (MAX_TRAILER_FIELDS + 1)), BAD),
    ("as long a trailer section as may be", b"X: " + b"y" * (MAX_TRAILERS - len(END) - 3), served(POSTED)),
    ("too long a trailer section", b"X: " + b"y" * (MAX_TRAILERS - len(END) - 2), BAD),
)

CONNECTIONS = table(
    "§9.3",
    field,
    ("keep-alive", b"Connection: keep-alive", SERVED),
    ("close", b"Connection: close", Accepted((ROOT,), keeps=False)),
    ("close in odd case", b"connection:CLOSE", Accepted((ROOT,), keeps=False)),
    ("close wins over keep-alive", b"Connection: close, keep-alive", Accepted((ROOT,), keeps=False)),
    ("close wins, in either order", b"Connection: keep-alive\r\nConnection: close", Accepted((ROOT,), keeps=False)),
    ("close wins, in two lines", b"Connection: close\r\nConnection: keep-alive", Accepted((ROOT,), keeps=False)),
    ("close between others", b"Connection: a, ,close\t, b", Accepted((ROOT,), keeps=False)),
    ("a word that contains close", b"Connection: closed", SERVED),
    ("an empty Connection", b"Connection:", SERVED),
    ("Proxy-Connection means nothing", b"Proxy-Connection: close", SERVED),
    ("an unknown option", b"Connection: x-private\r\nX-Private: 1", SERVED),
    ("an option that is no token", b"Connection: a b", SERVED),
    ("Upgrade to what no route allows", b"Connection: Upgrade\r\nUpgrade: websocket", SERVED),
    ("Upgrade to HTTP/2", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", SERVED),
    ("Connection names Host", b"Connection: host", BAD),
    ("Connection names Content-Length", b"Connection: close, Content-Length", BAD),
    ("Connection names Transfer-Encoding", b"Connection: transfer-encoding", BAD),
    ("Connection names Authorization", b"Connection: AUTHORIZATION", BAD),
    ("Connection names Cookie in a second line", b"Connection: close\r\nConnection: cookie", BAD),
    ("Expect", b"Expect: 100-continue", SERVED),
    ("Expect has no case", b"Expect: 100-CONTINUE", SERVED),
    ("another expectation (RFC 9110 §10.1.1)", b"Expect: 200-ok", Refused(417)),
    ("an expectation among others (RFC 9110 §10.1.1)", b"Expect: 100-continue, x", Refused(417)),
)

OLD_CONNECTIONS = table(
    "§9.3",
    lambda fields: field(fields, b"GET / HTTP/1.0"),
    ("HTTP/1.0 with keep-alive", b"Connection: Keep-Alive", SERVED),
    ("HTTP/1.0 with keep-alive and close", b"Connection: keep-alive, close", Accepted((ROOT,), keeps=False)),
    ("HTTP/1.0 with Proxy-Connection", b"Proxy-Connection: keep-alive", Accepted((ROOT,), keeps=False)),
    ("HTTP/1.0 has no expectations (RFC 9110 §10.1.1)", b"Expect: nonsense", Accepted((ROOT,), keeps=False)),
)

PIPELINES = table(
    "§9.3.2",
    as_it_is,
    ("two requests", target(b"/a") + target(b"/b"), served(Received(b"GET", b"/a"), Received(b"GET", b"/b"))),
    ("content and a request", post(b"Content-Length: 5") + target(b"/b"), served(POSTED, Received(b"GET", b"/b"))),
    (
        "chunks and a request",
        chunks(b"5\r\nhello\r\n0\r\n\r\n") + target(b"/b"),
        served(POSTED, Received(b"GET", b"/b")),
    ),
    ("a bad request behind a good one", target(b"/a") + line(b"GET /b"), Refused(400, (Received(b"GET", b"/a"),))),
    ("nothing behind a refused one", line(b"GET /a") + target(b"/b"), BAD),
    (
        "nothing behind one that closes",
        field(b"Connection: close") + target(b"/smuggled"),
        Accepted((ROOT,), keeps=False),
    ),
    ("nothing behind broken chunks", chunks(b"x\r\n0\r\n\r\n") + target(b"/smuggled"), BAD),
)

EMPTY_LINES = table(
    "§2.2",
    as_it_is,
    ("an empty line before a request", b"\r\n" + line(LINE), SERVED),
    ("an empty line between requests", line(LINE) + b"\r\n" + line(LINE), served(ROOT, ROOT)),
    ("an empty line behind content", post(b"Content-Length: 5") + b"\r\n" + line(LINE), served(POSTED, ROOT)),
    ("two empty lines", b"\r\n\r\n" + line(LINE), BAD),
    ("two empty lines between requests", line(LINE) + b"\r\n\r\n" + line(LINE), Refused(400, (ROOT,))),
    ("an empty line that ends with LF only", b"\n" + line(LINE), BAD),
    ("an empty line that ends with CR only", b"\r" + line(LINE), BAD),
    ("a line of a space", b" \r\n" + line(LINE), BAD),
    ("LF line ends throughout", b"GET / HTTP/1.1\nHost: a\n\n", BAD),
    ("CR line ends throughout", b"GET / HTTP/1.1\rHost: a\r\r", BAD),
    ("a head that ends with LF LF", b"GET / HTTP/1.1\r\nHost: a\n\n", BAD),
    ("a head that ends with CRLF LF", b"GET / HTTP/1.1\r\nHost: a\r\n\n", BAD),
    ("a head that ends with LF CRLF", b"GET / HTTP/1.1\r\nHost: a\n\r\n", BAD),
    ("a head that ends with CR CRLF", b"GET / HTTP/1.1\r\nHost: a\r\r\n", BAD),
)

PROTOCOLS = table(
    "§3",
    as_it_is,
    ("a TLS ClientHello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), BAD),
    ("a byte-order mark", b"\xef\xbb\xbf" + line(LINE), BAD),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused(505)),
    ("the PROXY protocol", b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n" + line(LINE), BAD),
    ("the PROXY protocol, version 2", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12) + line(LINE), BAD),
    ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n", BAD),
    ("SMTP", b"EHLO example.com\r\n", BAD),
    ("Redis", b"*1\r\n$4\r\nPING\r\n", BAD),
    ("memcached", b"stats\r\n", BAD),
    ("a response", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", BAD),
    ("HTTP/0.9", b"GET /\r\n", BAD),
    ("zeros", bytes(64), BAD),
    ("octets above 127", b"\xff" * 16 + END, BAD),
)

_LINE_LIMIT, _SECTION_LIMIT, _FIELD_LIMIT = 8192, 32768, 200
_NOT_PATH = len(b"GET  HTTP/1.1")
_NOT_VALUE = len(b"\r\n" + HOST + b"\r\nX: ")

LIMITS = [
    *table(
        "limits",
        target,
        (
            "the longest request line",
            b"/" + b"a" * (_LINE_LIMIT - _NOT_PATH - 1),
            got(b"/" + b"a" * (_LINE_LIMIT - _NOT_PATH - 1)),
        ),
        ("a request line that is too long", b"/" + b"a" * (_LINE_LIMIT - _NOT_PATH), Refused(414)),
    ),
    *table(
        "limits",
        host,
        ("the longest field section", HOST + b"\r\nX: " + b"y" * (_SECTION_LIMIT - _NOT_VALUE), SERVED),
        (
            "a field section that is too long",
            HOST + b"\r\nX: " + b"y" * (_SECTION_LIMIT - _NOT_VALUE + 1),
            Refused(431),
        ),
        ("as many fields as may be", b"\r\n".join([HOST] + [b"X: y"] * (_FIELD_LIMIT - 1)), SERVED),
        ("too many fields", b"\r\n".join([HOST] + [b"X: y"] * _FIELD_LIMIT), Refused(431)),
    ),
    Case("a request line without an end", "limits", b"GET /" + b"a" * (_LINE_LIMIT + 10), Refused(414)),
    Case("a field without an end", "limits", host(HOST + b"\r\nX: ")[:-4] + b"y" * _SECTION_LIMIT, Refused(431)),
]

TABLES = {
    "request line": REQUEST_LINES,
    "version": VERSIONS,
    "target": TARGETS,
    "method": METHODS,
    "Host": HOSTS,
    "Host in other forms": HOSTS_OF_OTHER_FORMS,
    "fields": FIELDS,
    "Content-Length": LENGTHS,
    "Transfer-Encoding": CODINGS,
    "content": BODIES,
    "chunks": CHUNKS,
    "chunk extensions": EXTENSIONS,
    "trailers": TRAILERS,
    "connection": CONNECTIONS,
    "connection in HTTP/1.0": OLD_CONNECTIONS,
    "pipelines": PIPELINES,
    "empty lines": EMPTY_LINES,
    "other protocols": PROTOCOLS,
    "limits": LIMITS,
}
CASES = [case for cases in TABLES.values() for case in cases]
