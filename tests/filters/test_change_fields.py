"""Fields that a route sets, adds and removes."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.playbook import ROUTE, Conversation, get, head, ok
from twisted_relay.config.tree import RouteOptions
from twisted_relay.config.values import FieldLine
from twisted_relay.filters.change_fields import filter_of
from twisted_relay.http.fields import Fields


def a(name: str, value: str) -> tuple[FieldLine, ...]:
    """One field."""
    return (FieldLine(name, value),)


class ChangeFieldsTests(SynchronousTestCase):
    """What a route does to fields, in both directions."""

    def pass_through(self, route: RouteOptions, request: tuple[str, ...], response: tuple[str, ...]) -> list[Fields]:
        """The fields that the server saw and those that the client got."""
        talk = Conversation(self, route=route)
        client = talk.client()
        client.sends(get("/", *request))
        server = talk.accepts()
        seen = server.sees_head("GET / HTTP/1.1")
        server.sends(ok(b"", *response))
        got = client.sees_head("HTTP/1.1 200 OK")
        talk.is_over()
        return [seen, got]

    def test_nothing_to_do(self) -> None:
        """A route that changes no fields has no such filter."""
        self.assertIsNone(filter_of(ROUTE))

    def test_request(self) -> None:
        """Set replaces every line of the name, add leaves them, remove takes them away; case does not matter."""
        for route, expected in (
            (replace(ROUTE, set_request_header=a("X-A", "new")), [b"new"]),
            (replace(ROUTE, add_request_header=a("X-A", "new")), [b"1", b"2", b"new"]),
            (replace(ROUTE, remove_request_header=("x-A",)), []),
            (replace(ROUTE, remove_request_header=("X-A",), add_request_header=a("X-A", "new")), [b"new"]),
            (replace(ROUTE, set_request_header=a("X-A", "s"), add_request_header=a("X-A", "t")), [b"s", b"t"]),
        ):
            seen, _ = self.pass_through(route, ("X-A: 1", "x-a: 2", "X-Ab: 3"), ())
            self.assertEqual(seen.get_all(b"x-a"), expected)
            self.assertEqual(seen.get_all(b"x-ab"), [b"3"])

    def test_twins(self) -> None:
        """A client cannot bring a field that is set or removed in the spelling that CGI variables make the same."""
        route = replace(ROUTE, set_request_header=a("X-User", "nobody"), remove_request_header=("X-Admin",))
        seen, _ = self.pass_through(route, ("X_User: root", "x_admin: 1"), ())
        self.assertEqual([seen.get_all(name) for name in (b"x-user", b"x_user", b"x_admin")], [[b"nobody"], [], []])

    def test_response(self) -> None:
        """The same on the way back; cookies are never joined."""
        cookies = ("Set-Cookie: a=1", "Set-Cookie: b=2")
        for route, name, expected in (
            (replace(ROUTE, set_response_header=a("Server", "relay")), b"server", [b"relay"]),
            (replace(ROUTE, add_response_header=a("Vary", "X")), b"vary", [b"Accept", b"X"]),
            (replace(ROUTE, remove_response_header=("Server",)), b"server", []),
            (replace(ROUTE, add_response_header=a("Set-Cookie", "c=3")), b"set-cookie", [b"a=1", b"b=2", b"c=3"]),
        ):
            _, got = self.pass_through(route, (), ("Server: x", "Vary: Accept", *cookies))
            self.assertEqual(got.get_all(name), expected)

    def test_what_we_say_of_the_client_can_be_removed(self) -> None:
        """The operator's word counts above our own fields."""
        route = replace(
            ROUTE, remove_request_header=("X-Forwarded-Host",), set_request_header=a("X-Forwarded-For", "x")
        )
        seen, _ = self.pass_through(route, (), ())
        self.assertEqual((seen.get(b"x-forwarded-host"), seen.get_all(b"x-forwarded-for")), (None, [b"x"]))

    def test_values_are_utf8(self) -> None:
        """What is not ASCII in the configuration goes out as UTF-8."""
        seen, _ = self.pass_through(replace(ROUTE, set_request_header=a("X-A", "é")), (), ())
        self.assertEqual(seen.get(b"x-a"), "é".encode())

    def test_streamed_response(self) -> None:
        """Fields change; content and framing do not."""
        talk = Conversation(self, route=replace(ROUTE, set_response_header=a("X-A", "1")))
        client = talk.client()
        client.sends(get())
        server = talk.accepts()
        server.sends(head("HTTP/1.1 200 OK", "Content-Length: 4") + b"ab", b"cd")
        client.sees(head("HTTP/1.1 200 OK", "X-A: 1", "Content-Length: 4"), b"abcd")
        talk.is_over()

    def test_error_answers(self) -> None:
        """An answer of our own passes by the filter as an error and has no fields added."""
        talk = Conversation(self, route=replace(ROUTE, set_response_header=a("X-A", "1")))
        talk.server().set_down("test")
        client = talk.client()
        client.sends(get())
        self.assertNotIn(b"x-a", client.sees_head("HTTP/1.1 503 Service Unavailable"))
        talk.is_over()
