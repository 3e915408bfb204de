"""Where clients are asked who they are: in front of a route (401), of a forward proxy (407), or by SOCKS5.

All have the same users; they differ in the fields of RFC 9110 §11.6 and §11.7, and in who may see the credentials.
"""

from twisted.internet.defer import Deferred

from twisted_relay.auth.authenticator import Authenticator
from twisted_relay.auth.credentials import read_pair
from twisted_relay.auth.user import User
from twisted_relay.errors import AuthenticationRequired, ProxyAuthenticationRequired
from twisted_relay.exchange import Exchange


class Door:
    """In front of a route: Authorization, which the server sees only if the section says so."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator
        options = authenticator.options
        self._forwards = options.forward_credentials
        self._user_field = options.user_header.encode("ascii")

    async def admit(self, exchange: Exchange) -> None:
        """Let the request pass, with its user in the exchange; raises what `Authenticator.check` raises."""
        fields = exchange.request.fields
        user = self.authenticator.check(_only(fields.get_all(b"authorization")), exchange.origin.client)
        if isinstance(user, Deferred):
            user = await user
        _note(exchange, user)
        if not self._forwards:
            fields.remove(b"authorization")
        if self._user_field:
            twin = _plain(self._user_field)
            fields.lines = [line for line in fields.lines if _plain(line.partition(b":")[0]) != twin]
            fields.add(self._user_field, user.name.encode("utf-8"))


class ProxyDoor:
    """In front of a forward proxy: Proxy-Authorization, which goes no further in any case."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator

    async def admit(self, exchange: Exchange) -> None:
        """See `Door.admit`."""
        request = exchange.request
        values, request.credentials = request.credentials, []
        try:
            user = self.authenticator.check(_only(values), exchange.origin.client)
            if isinstance(user, Deferred):
                user = await user
        except AuthenticationRequired as error:
            raise ProxyAuthenticationRequired(str(error), error.challenge) from None
        _note(exchange, user)


class SOCKSDoor:
    """In front of a SOCKS5 proxy: a user name and a password before there is any request (RFC 1929)."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.authenticator = authenticator

    async def admit(self, message: bytes | None, client: str) -> User:
        """Who sends these credentials, as a whole message; None for a client that can send none. Raises what
        `Authenticator.check` raises, as a proxy's error."""
        try:
            user = self.authenticator.check(message, client, read_pair)
            if isinstance(user, Deferred):
                user = await user
        except AuthenticationRequired as error:
            raise ProxyAuthenticationRequired(str(error), error.challenge) from None
        return user


def _only(values: list[bytes]) -> bytes | None:
    """The value of a field that stands once; of several nobody can say which is meant, and no scheme has a comma."""
    return b", ".join(values) if values else None


def _note(exchange: Exchange, user: User) -> None:
    exchange.user = user.name
    exchange.groups = user.groups


def _plain(name: bytes) -> bytes:
    """A field name as servers with CGI variables see it."""
    return name.lower().replace(b"_", b"-")
