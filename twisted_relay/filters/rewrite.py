"""Changes where a request goes: a prefix stripped, the path rewritten, another Host; and the way back.

When a prefix was stripped, the paths in the response's Location and Set-Cookie are those that the server knows;
they are given the prefix again (Apache's ProxyPassReverse and ProxyPassReverseCookiePath).
"""

import re
from urllib.parse import quote_from_bytes

from twisted_relay.config.tree import RouteOptions
from twisted_relay.exchange import Exchange
from twisted_relay.filters.filter import Filter, Proceed
from twisted_relay.http.message import Request, Response
from twisted_relay.http.target import has_detour, normal_path

_COOKIE_PATH = re.compile(rb"(;[ \t]*path=)(/[^;]*)", re.IGNORECASE)
_ABSOLUTE = re.compile(rb"(https?)://([^/?#]+)(.*)", re.IGNORECASE)


def for_route(options: RouteOptions) -> Filter | None:
    """The filter of a route that rewrites, else None."""
    if options.strip_prefix or options.rewrite is not None or options.upstream_host:
        return RewriteFilter(options)
    return None


class RewriteFilter:
    """`strip_prefix`, `rewrite` and `upstream_host` of a route."""

    def __init__(self, options: RouteOptions) -> None:
        self._prefix = options.strip_prefix.rstrip("/").encode("utf-8")
        self._host = options.upstream_host
        self._pattern: re.Pattern[bytes] | None = None
        self._replacement = b""
        if options.rewrite is not None:
            self._pattern = re.compile(options.rewrite.pattern.encode("utf-8"))
            self._replacement = options.rewrite.replacement.encode("utf-8")

    async def __call__(self, exchange: Exchange, proceed: Proceed) -> Response:
        """See `Filter`."""
        request = exchange.request
        stripped = bool(self._prefix) and strip_prefix(request, self._prefix)
        if self._pattern is not None:
            self._rewrite(request, self._pattern)
        if self._host:
            exchange.host_choice = self._host
        response = await proceed(exchange)
        if stripped:
            self._restore(exchange, response)
        return response

    def _rewrite(self, request: Request, pattern: re.Pattern[bytes]) -> None:
        path, mark, query = request.target.partition(b"?")
        if has_detour(path) or not pattern.search(path):
            path = normal_path(
                path
            )  # what the route compared: no detour may lead around the pattern or out of its result
        if not pattern.search(path):
            return
        changed = pattern.sub(self._replacement, path, count=1)
        if not changed.startswith(b"/"):
            changed = b"/" + changed
        changed = quote_from_bytes(changed, safe="/%:@!$&'()*+,;=~?-._").encode("ascii")
        if b"?" in changed and mark:
            mark = b"&"
        request.target = changed + mark + query

    def _restore(self, exchange: Exchange, response: Response) -> None:
        location = response.fields.get(b"location")
        if location is not None:
            response.fields.set(b"Location", self._restored_location(exchange, location))
        cookies = response.fields.get_all(b"set-cookie")
        if cookies:
            response.fields.remove(b"set-cookie")
            for cookie in cookies:
                response.fields.add(b"Set-Cookie", _COOKIE_PATH.sub(self._restored_path, cookie, count=1))

    def _restored_path(self, match: re.Match[bytes]) -> bytes:
        return match[1] + self._prefix + match[2]

    def _restored_location(self, exchange: Exchange, location: bytes) -> bytes:
        if location.startswith(b"/") and not location.startswith(b"//"):
            return self._prefix + location
        match = _ABSOLUTE.fullmatch(location)
        if match is None:
            return location
        scheme, authority, rest = match.groups()
        client = exchange.request.authority
        if authority.lower() not in (exchange.authority.lower(), client.lower()) or not client:
            return location
        if not rest.startswith(b"/"):
            rest = b"/" + rest
        # A server that sends clients of the same name to https means it: taking them back would be a loop.
        proto = (
            b"https" if scheme.lower() == b"https" and authority.lower() == client.lower() else exchange.origin.proto
        )
        return b"%b://%b%b%b" % (proto, client, self._prefix, rest)


def strip_prefix(request: Request, prefix: bytes) -> bool:
    """Take a prefix of whole segments off the target; False if the path does not begin with it.

    The rest is forwarded as it came, unless dot segments or double slashes make it mean something else than what the
    route compared: then the normal form is forwarded.
    """
    path, mark, query = request.target.partition(b"?")
    if has_detour(path) or not _begins_with(path, prefix):
        path = request.path
        if not _begins_with(path, prefix):
            return False
    rest = path[len(prefix) :] or b"/"
    request.target = rest + mark + query
    return True


def _begins_with(path: bytes, prefix: bytes) -> bool:
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"", b"/")
