"""Control: a small JSON API over HTTP, on a UNIX socket that only its owner can open.

Strict, for it changes what runs: known paths, methods, content types and keys, content of at most 64 KiB. Requests of
browsers are refused by their Origin, should something ever lead them here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl, unquote

from twisted.logger import Logger
from twisted.web.resource import Resource

from twisted_relay.admin.json_input import JSON, Refused, read_object
from twisted_relay.admin.pages import Answer, written
from twisted_relay.admin.site import MAX_CONTENT, ControlRequest

JSON_TYPE = b"application/json"
MAX_PARAMETERS = 16
"""Keys of a query."""

Get = Callable[[str], JSON]
"""Answers with what there is; takes what stands behind the path of its row."""
Query = Callable[[Mapping[str, str]], JSON]
"""Answers with what a query asks for; takes its keys and values, each key once."""
Post = Callable[[str, JSON], JSON]
"""The same as `Get` for an object that was sent. All raise `Refused`."""


class Control(Resource):
    """The API as one resource. A path that ends with `/` takes everything below it."""

    isLeaf = True
    _log = Logger(namespace="twisted_relay.admin")

    def __init__(
        self, gets: Mapping[str, Get], posts: Mapping[str, Post], queries: Mapping[str, Query] | None = None
    ) -> None:
        super().__init__()
        self._queries = queries or {}
        self._gets = gets
        self._posts = posts

    def render(self, request: ControlRequest) -> bytes:
        """Answer; called by Twisted."""
        try:
            answer = self._answer(request)
        except Refused as refused:
            answer = _error(refused.status, refused.message, refused.help)
        except Exception:
            self._log.failure("control failed")
            answer = _error(500, "relay failed to answer this; its log says more")
        return written(request, answer)

    def _answer(self, request: ControlRequest) -> Answer:
        if request.requestHeaders.hasHeader(b"origin"):
            raise Refused("requests of web pages are refused", "send no Origin", 403)
        path = unquote(request.path.decode("latin-1"))
        query = self._queries.get(path)
        if query is not None and request.method == b"GET":
            return _json(200, query(_parameters(request.uri)))
        if b"?" in request.uri:
            raise Refused("no query is understood here")
        if query is not None:
            return _not_allowed(["GET"])
        get, post = _row(self._gets, path), _row(self._posts, path)
        if get is None and post is None:
            known = sorted({*self._gets, *self._posts, *self._queries})
            raise Refused("there is nothing here", f"there are: {', '.join(known)}", 404)
        if request.method == b"GET" and get is not None:
            return _json(200, get[0](get[1]))
        if request.method == b"POST" and post is not None:
            return _json(200, post[0](post[1], _content(request)))
        allowed = ["GET"] * (get is not None) + ["POST"] * (post is not None)
        return _not_allowed(allowed)


def _not_allowed(allowed: Sequence[str]) -> Answer:
    answer = _error(405, f"{' and '.join(allowed)} {'is' if len(allowed) == 1 else 'are'} allowed here")
    return Answer(405, answer.content, JSON_TYPE, allow=", ".join(allowed).encode("ascii"))


def _parameters(uri: bytes) -> dict[str, str]:
    """The keys and values of a query; raises `Refused` for what is not one."""
    text = uri.partition(b"?")[2].decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise Refused("the query is not understood", "write ?KEY=VALUE&KEY=VALUE") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused("a key stands twice in the query")
    return found


def _row(table: Mapping[str, Callable[..., JSON]], path: str) -> tuple[Callable[..., JSON], str] | None:
    """The function for a path, and what of the path is left for it."""
    if path in table and not path.endswith("/"):
        return table[path], ""
    for place, function in table.items():
        if place.endswith("/") and path.startswith(place) and path != place:
            return function, path.removeprefix(place)
    return None


def _content(request: ControlRequest) -> JSON:
    if request.is_too_large:
        raise Refused(f"the content is larger than {MAX_CONTENT // 1024} KiB", status=413)
    media_type, _, parameters = (request.getHeader(b"content-type") or b"").lower().partition(b";")
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    if media_type.strip() != JSON_TYPE or charset not in (b"", b"charset=utf-8"):
        raise Refused("the content is not said to be JSON", "send Content-Type: application/json", 415)
    return read_object(request.content.read() if request.content is not None else b"")


def _json(status: int, value: JSON) -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n", JSON_TYPE)


def _error(status: int, message: str, help: str = "") -> Answer:
    return _json(status, {"error": message, **({"help": help} if help else {})})
