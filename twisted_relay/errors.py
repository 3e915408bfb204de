"""One tree of errors. Each knows whose fault it is, which answer it gives and whether another try may help.

Source of the shape: RFC 9110 §15 (status codes), RFC 9209 §2.3 (the words of Proxy-Status). The text of an
error is for the log and names things; what a client gets is `explanation`, which shows nothing of our insides.
"""

from typing import ClassVar


class RelayError(Exception):
    """Anything that ends an exchange otherwise than with the server's response."""

    side: ClassVar[str] = "relay"
    """Who failed: "client", "server" or "relay"."""
    status: ClassVar[int] = 500
    """The status code of our own answer."""
    reason: ClassVar[str] = "internal"
    """One word for logs and metrics."""
    proxy_status: ClassVar[str] = "proxy_internal_error"
    """The error type of RFC 9209 that `Proxy-Status` names."""
    explanation: str = "The proxy failed to handle this request."
    """What the client is told, in ASCII."""
    outside: ClassVar[str] = ""
    """What it is told by a forward proxy, whose servers are not behind us; empty: the same."""
    place: str = ""
    """File and line of the rule that refused, if the client shall know."""
    parameters: tuple[tuple[str, str], ...] = ()
    """What else a forward proxy says in Proxy-Status (RFC 9209 §2.1): names, and strings in ASCII."""
    retry_after: int = 0
    """Seconds for a Retry-After field; 0: none."""


class ConfigurationError(RelayError):
    """The configuration cannot be used; the text says what, where and what would be right."""


class BindError(RelayError):
    """A listener's address cannot be had; the text says which and why."""


class InvalidField(RelayError, ValueError):
    """A field name or value that may not stand in a message."""


# -- the client's side ------------------------------------------------------------------------------------------


class ClientError(RelayError):
    """The request cannot be served because of what the client sent or did."""

    side = "client"
    status = 400
    reason = "bad_request"
    proxy_status = "http_request_error"
    explanation = "The request is not valid HTTP."


class BadRequest(ClientError):
    """Framing or syntax that RFC 9112 refuses, or that two parsers could read differently."""


class NoRoute(ClientError):
    """No route takes the request and the listener has no backend."""

    status = 404
    reason = "no_route"
    proxy_status = "destination_not_found"
    explanation = "Nothing is served here."


class DestinationRefused(ClientError):
    """The request names a destination that is not allowed."""

    status = 403
    reason = "forbidden"
    proxy_status = "http_request_denied"
    explanation = "This destination is not allowed."


class PortRefused(DestinationRefused):
    """A tunnel to a port that is not among `connect_ports`."""

    reason = "port"
    explanation = "Tunnels to this port are not allowed."


class DestinationForbidden(DestinationRefused):
    """The destination has an address that the guard forbids: inside, on this machine, or nowhere.

    The text names the address and its range. Clients are not told, so that nobody can ask what names inside mean.
    """

    reason = "guard"
    proxy_status = "destination_ip_prohibited"


class DeniedByRule(DestinationRefused):
    """A rule says no. The text names the rule; the client is only told its place, and only if it shall know."""

    reason = "rule"
    explanation = "Denied by a rule of this proxy."

    def __init__(self, message: str, place: str = "") -> None:
        """`place`: file and line, for the client."""
        super().__init__(message)
        if place:
            told = place.encode("ascii", "backslashreplace").decode("ascii")
            self.explanation = f"Denied by a rule of this proxy: {told}."
            self.place = told
            self.parameters = (("details", told),)


class HelloRefused(DestinationRefused):
    """What a client began to say in its tunnel is not allowed: another name than CONNECT's, no name, no TLS, or a hello
    that cannot be read. The tunnel was answered 200 by then, so that only logs and metrics tell."""

    reason = "sni"


class AuthenticationRequired(ClientError):
    """The client must say who it is, with credentials that are right (RFC 9110 §15.5.2)."""

    status = 401
    reason = "authentication"
    proxy_status = "http_request_denied"
    explanation = "A user name and a password are needed here."
    challenge_field: ClassVar[bytes] = b"WWW-Authenticate"

    def __init__(self, message: str, challenge: bytes = b"Basic") -> None:
        """`challenge` is the value of the field that says how; the text shows nothing of what the client sent."""
        super().__init__(message)
        self.challenge = challenge


class ProxyAuthenticationRequired(AuthenticationRequired):
    """The same towards a forward proxy (RFC 9110 §15.5.8)."""

    status = 407
    explanation = "A user name and a password are needed for this proxy."
    challenge_field = b"Proxy-Authenticate"


class LockedOut(ClientError):
    """A user, or whoever comes from an address, has given too many wrong passwords (RFC 6585 §4)."""

    status = 429
    reason = "locked_out"
    proxy_status = "http_request_denied"
    explanation = "Too many wrong passwords; try again later."

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """`retry_after`: seconds after which another try is looked at, at least 1."""
        super().__init__(message)
        self.retry_after = retry_after


class TooManyLookups(ClientError):
    """A client of a forward proxy has as many names looked up at one time as one may (RFC 6585 §4)."""

    status = 429
    reason = "too_many_lookups"
    proxy_status = "http_request_denied"
    explanation = "Too many names are being looked up for this client; try again."
    retry_after = 1


class RequestTimeout(ClientError):
    """The request did not arrive in time."""

    status = 408
    reason = "timeout"
    proxy_status = "http_request_error"
    explanation = "The request did not arrive in time."


class ContentTooLarge(ClientError):
    """The request's content is larger than the route or listener allows."""

    status = 413
    reason = "content_too_large"
    proxy_status = "http_request_denied"
    explanation = "The content of the request is larger than allowed here."


class TargetTooLong(ClientError):
    """The request line is longer than `max_request_line`."""

    status = 414
    reason = "target_too_long"
    explanation = "The request target is longer than allowed here."


class ExpectationFailed(ClientError):
    """An Expect other than 100-continue (RFC 9110 §10.1.1)."""

    status = 417
    reason = "expectation_failed"
    explanation = "The expectation of the request cannot be met."


class FieldsTooLarge(ClientError):
    """The field section is larger than `max_header` or `max_header_fields`."""

    status = 431
    reason = "header_too_large"
    explanation = "The header fields of the request are larger than allowed here."


class UnknownCoding(ClientError):
    """A transfer coding that is not `chunked` (RFC 9112 §6.1)."""

    status = 501
    reason = "unknown_coding"
    explanation = "The transfer coding of the request is not supported."


class MethodNotSupported(ClientError):
    """A method that this kind of listener does not serve (CONNECT on a gateway)."""

    status = 501
    reason = "method_not_supported"
    explanation = "The method of the request is not supported here."


class VersionNotSupported(ClientError):
    """A major version other than 1 on an HTTP/1 connection."""

    status = 505
    reason = "version_not_supported"
    explanation = "The HTTP version of the request is not supported."


class LoopDetected(ClientError):
    """Our own pseudonym stands in Via: the request has been here before."""

    status = 508
    reason = "loop"
    proxy_status = "proxy_loop_detected"
    explanation = "The request came back to this proxy."


class ClientAbort(ClientError):
    """The client left before its exchange was finished. Nobody is there to be answered."""

    status = 499
    reason = "client_abort"
    explanation = "The client closed the connection."


# -- the server's side ------------------------------------------------------------------------------------------


class ServerError(RelayError):
    """A server failed; another one may do better."""

    side = "server"
    status = 502
    reason = "reset"
    proxy_status = "connection_terminated"
    explanation = "The server behind this proxy failed to answer."
    outside = "The server closed the connection without an answer."
    is_held_against_servers: bool = True
    """Whether it says that something is wrong with them: not if it was the client who let them wait."""


class ConnectFailed(ServerError):
    """No connection to the server: unreachable, no descriptor left."""

    reason = "refused"
    proxy_status = "destination_ip_unroutable"
    outside = "The server cannot be reached."


class NetworkUnreachable(ConnectFailed):
    """No way leads to the network of the server's address, such as IPv6 where there is none."""


class ConnectRefused(ConnectFailed):
    """The server's machine said that nobody listens there."""

    proxy_status = "connection_refused"
    outside = "The server refuses connections at this port."


class ConnectTimeout(ServerError):
    """No connection to the server within `connect_timeout`."""

    status = 504
    reason = "timeout"
    proxy_status = "connection_timeout"
    explanation = "The server behind this proxy did not answer in time."
    outside = "The server could not be reached in time."


class NameNotResolved(ServerError):
    """The server's name has no known address."""

    reason = "dns"
    proxy_status = "dns_error"
    outside = "The name of the server was not found."

    def __init__(self, message: str, rcode: str = "") -> None:
        """`rcode`: what name servers answered, as RFC 8499 and the registry call it: `NXDOMAIN`."""
        super().__init__(message)
        if rcode:
            self.parameters = (("rcode", rcode),)


class NameTimeout(NameNotResolved):
    """Name servers have not answered in time."""

    status = 504
    reason = "dns_timeout"
    proxy_status = "dns_timeout"
    explanation = "The server behind this proxy did not answer in time."
    outside = "The name servers did not answer in time."


class TLSFailed(ServerError):
    """The TLS handshake with the server failed or its certificate is not trusted."""

    reason = "tls"
    proxy_status = "tls_protocol_error"
    outside = "No secure connection could be made."


class CertificateRefused(TLSFailed):
    """The server's certificate is not trusted, or not for its name."""

    proxy_status = "tls_certificate_error"


class ParentFailed(ConnectFailed):
    """A parent broke off before the way to the destination was open, or what it said is not what its protocol says."""

    reason = "parent"
    proxy_status = "destination_unavailable"
    explanation = "The proxy behind this one failed to answer."
    outside = "The proxy behind this one failed to answer."


class ParentTimeout(ConnectTimeout):
    """A parent was connected to, but did not open the way in time: the destination may be silent, not the parent."""

    reason = "parent_timeout"
    outside = "The proxy behind this one did not reach the destination in time."
    is_held_against_servers = False


class ParentDenied(ServerError):
    """A parent does not take our credentials, or wants some."""

    reason = "parent_credentials"
    proxy_status = "proxy_configuration_error"
    explanation = "The proxy behind this one does not serve it."
    outside = "The proxy behind this one does not serve it."


class ParentRefused(ServerError):
    """A parent works, but does not reach the destination, or does not want to."""

    reason = "parent_refused"
    proxy_status = "destination_unavailable"
    explanation = "The proxy behind this one did not reach the destination."
    outside = "The proxy behind this one did not reach the destination."
    is_held_against_servers = False


class ConnectionReset(ServerError):
    """The server closed the connection before any octet of its response."""


class EmptyResponse(ConnectionReset):
    """The server closed the connection in good order before any octet of its response."""


class IncompleteResponse(ServerError):
    """The server closed the connection in the middle of its response."""

    proxy_status = "http_response_incomplete"
    outside = "The answer of the server broke off."


class BadResponse(ServerError):
    """The server sent what is not HTTP/1.1, or what could be read in two ways."""

    reason = "protocol"
    proxy_status = "http_protocol_error"
    outside = "The answer of the server cannot be understood."


class ResponseTimeout(ServerError):
    """No response head within `response_timeout`, or no progress within `idle_timeout`."""

    status = 504
    reason = "timeout"
    proxy_status = "http_response_timeout"
    explanation = "The server behind this proxy did not answer in time."
    outside = "The server did not answer in time."


class TotalTimeout(ServerError):
    """No try brought the head of a response within `total_timeout`."""

    status = 504
    reason = "total_timeout"
    proxy_status = "http_response_timeout"
    explanation = "The servers behind this proxy did not answer in time."
    outside = "The server did not answer in time."


# -- our own side -----------------------------------------------------------------------------------------------


class NoServer(RelayError):
    """No server of the backend is usable."""

    status = 503
    reason = "no_server"
    proxy_status = "destination_unavailable"
    explanation = "No server is available for this request."
    retry_after = 5


class QueueFull(RelayError):
    """Every server is at its limit and no more requests may wait."""

    status = 503
    reason = "queue_full"
    proxy_status = "connection_limit_reached"
    explanation = "Too many requests are waiting for a server."
    retry_after = 5


class QueueTimeout(RelayError):
    """The request waited for `queue_timeout` without a server becoming free."""

    status = 503
    reason = "queue_timeout"
    proxy_status = "connection_limit_reached"
    explanation = "No server became free in time."
    retry_after = 5


class CircuitOpen(RelayError):
    """Too many requests to the backend have failed: for a while none are sent to it, or only a part of them."""

    status = 503
    reason = "breaker"
    proxy_status = "destination_unavailable"
    explanation = "Too many requests like this have failed; this one was not tried."

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """`retry_after`: seconds after which it is worth another try, at least 1."""
        super().__init__(message)
        self.retry_after = retry_after


class AuthenticationBusy(RelayError):
    """Too many passwords wait to be hashed."""

    status = 503
    reason = "authentication_busy"
    proxy_status = "connection_limit_reached"
    explanation = "Too many passwords are being looked at; try again."
    retry_after = 1


class ShuttingDown(RelayError):
    """The daemon stops and the grace period is over."""

    status = 503
    reason = "shutdown"
    proxy_status = "destination_unavailable"
    explanation = "The proxy is being stopped."
    retry_after = 5
