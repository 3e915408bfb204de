"""The PAC file of a forward proxy, as browsers fetch it from the listener: before they know a proxy or a password."""

from hashlib import sha256

from twisted_relay.config.tree import ListenerOptions
from twisted_relay.config.values import Address
from twisted_relay.downstream.answers import REASONS, date_line
from twisted_relay.errors import BadRequest
from twisted_relay.exchange import Destination, Exchange
from twisted_relay.guard.hosts import read_host
from twisted_relay.http.fields import Fields
from twisted_relay.http.message import Answered, Request, Response
from twisted_relay.pac import PacScript, own_address

MAX_AGE = 600
"""Seconds after which browsers ask whether the file has changed."""


def pac_file(options: ListenerOptions) -> Destination:
    """The destination of requests for the PAC file of a listener."""
    script = PacScript(options)

    def answer(exchange: Exchange, answered: Answered) -> None:
        try:
            own = _reached_as(exchange.request, options)
        except BadRequest as error:
            answered(error)
            return
        answered(_response(script.text(own).encode("ascii"), exchange.request))

    return answer


def _reached_as(request: Request, options: ListenerOptions) -> Address:
    """The host and port under which the browser reaches us. They stand in the file: only what is a host may."""
    authority = request.authority
    if authority:
        host = read_host(request.host.decode("ascii"))
        port = authority[authority.rfind(b"]") + 1 :].partition(b":")[2]
        number = int(port or (443 if options.tls else 80))
        if not number:
            raise BadRequest("nothing is reached at port 0")
        return Address(host, number)
    if (own := own_address(options)) is not None or options.pac_proxy:
        return own or Address("", 0)
    raise BadRequest("without Host nobody knows as what the proxy is reached")


def _response(content: bytes, request: Request) -> Response:
    """The file, or word that the browser has it already (RFC 9110 §13.1.2)."""
    tag = b'"%b"' % sha256(content).hexdigest()[:32].encode("ascii")
    lines = [b"Cache-Control: max-age=%d" % MAX_AGE, b"ETag: " + tag, b"X-Content-Type-Options: nosniff", date_line()]
    known = b",".join(request.fields.get_all(b"if-none-match"))
    if known.strip(b" \t") == b"*" or tag in {each.strip(b" \t").removeprefix(b"W/") for each in known.split(b",")}:
        response = Response(304, REASONS[304], Fields(lines))
        response.length = None
        return response
    response = Response(200, REASONS[200], Fields([b"Content-Type: application/x-ns-proxy-autoconfig", *lines]))
    response.content = content
    response.length = len(content)
    return response
