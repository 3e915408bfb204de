"""A forward proxy with rules: what they allow goes on, what they refuse is answered 403."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.rules.reading import rules_of
from tests.support.playbook import head, ok
from tests.upstream.test_forward import ESTABLISHED, PROXY, Proxied, connecting
from twisted_relay.config.tree import RouteOptions
from twisted_relay.downstream.listener import Listener
from twisted_relay.downstream.plan import Plan
from twisted_relay.errors import DeniedByRule
from twisted_relay.exchange import Exchange
from twisted_relay.http.forwarding import Origin
from twisted_relay.http.message import Answer
from twisted_relay.http.proxied import read_proxied_request
from twisted_relay.names.for_clients import TOO_MANY
from twisted_relay.names.resolver import Found, Resolver
from twisted_relay.routing import Route, Router
from twisted_relay.rules import Asked, Rules
from twisted_relay.upstream.assemble import Surroundings
from twisted_relay.upstream.permitted import Permitted

DENIED = ("HTTP/1.1 403 Forbidden", "Proxy-Status: relay; error=http_request_denied")


class Names(Resolver):
    """Name servers that answer when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Found] = []
        self.why = ""

    def failure(self, host: str) -> str:
        """See `Resolver`."""
        return self.why

    def addresses(self, host: str, found: Found) -> None:
        """See `Resolver`."""
        self.asked.append(host)
        self.waiting.append(found)

    def answer(self, *addresses: str) -> None:
        """The oldest question gets these addresses."""
        self.waiting.pop(0)(addresses)


class Ruled(Proxied):
    """A conversation in which the proxy has rules."""

    def __init__(self, case: SynchronousTestCase, *lines: str, tell: bool = False) -> None:
        super().__init__(case, PROXY)
        self.names = Names()
        rules = Rules(replace(rules_of(*lines).options, tell_rule=tell), {})
        self.surroundings = Surroundings(self._time, self._time, self.deadlines, self.names)
        self.permitted = Permitted(rules, self.forward, self.surroundings, 5.0)
        plan = Plan("", self._counted(self.permitted))
        self.listener = Listener(
            PROXY, Router([Route(RouteOptions(name=""), plan)]), self.deadlines, (self.exchanges.append,)
        )


class PermittedTests(SynchronousTestCase):
    """What the client said is enough."""

    def test_allowed(self) -> None:
        """It goes on, and the log is told of the rule."""
        talk = Ruled(self, "allow client 192.0.2.0/24 port 443", "deny all")
        client = talk.client()
        client.sends(connecting())
        server = talk.accepts("10.0.0.1")
        client.sees(ESTABLISHED)
        client.ends()
        server.closes()
        self.assertEqual(talk.last().rule, "relay.ini:1: allow client 192.0.2.0/24 port 443")
        talk.is_over()

    def test_denied(self) -> None:
        """Nobody is dialled or asked for an address; the client is not told which rule it was, the log is."""
        talk = Ruled(self, "deny domain .ads.example", "deny url http://a.example:8080/x/*", "allow all")
        client = talk.client()
        for request, line in (
            (connecting("ads.example.:443"), 1),
            (head("GET http://X.Ads.Example/ HTTP/1.1", "Host: a"), 1),
            (head("GET http://A.example:8080//y/../%78/z?q HTTP/1.1", "Host: a"), 2),
        ):
            client.sends(request)
            self.assertEqual(client.sees_answer(*DENIED), b"403 Forbidden\nDenied by a rule of this proxy.\n")
            self.assertTrue(talk.last().rule.startswith(f"relay.ini:{line}: deny "), talk.last().rule)
            self.assertEqual(str(talk.last().error), f"denied by {talk.last().rule}")
        self.assertEqual(talk.names.asked, [])
        talk.nobody_is_dialled()
        talk.is_over()

    def test_told(self) -> None:
        """With `tell_rule` the client learns the place of the rule, but not its words."""
        talk = Ruled(self, "deny all", tell=True)
        client = talk.client()
        client.sends(connecting())
        answer = client.taken()
        self.assertIn(b"Denied by a rule of this proxy: relay.ini:1.", answer)
        self.assertNotIn(b"deny all", answer)
        talk.is_over()

    def test_what_rules_see(self) -> None:
        """Names without a dot at their end, literals without brackets, URLs in normal form, tunnels without any."""
        seen: list[Asked] = []
        talk = Ruled(self, "deny all")
        judge = talk.permitted.rules.judge

        def judged(asked: Asked, addresses: tuple[str, ...] | None, when: float) -> object:
            seen.append(asked)
            return judge(asked, addresses, when)

        self.patch(talk.permitted.rules, "judge", judged)
        client = talk.client()
        for request in (
            connecting("A.Example.:8443"),
            connecting("[2001:DB8::1]:443"),
            head("GET http://A.Example.:80 HTTP/1.1", "Host: b"),
            head("POST http://a.example:81/%41/../b?C=%41 HTTP/1.1", "Host: b", "Content-Length: 0"),
            head("GET http://a.example/? HTTP/1.1", "Host: b"),
            head("GET http://[2001:DB8:0::1]:080/ HTTP/1.1", "Host: b"),
            head("OPTIONS http://a.example HTTP/1.1", "Host: b"),
        ):
            client.sends(request)
            client.sees_answer(*DENIED)
        self.assertEqual(
            [(asked.client, asked.host, asked.port, asked.method, asked.url) for asked in seen],
            [
                ("192.0.2.1", "a.example", 8443, "CONNECT", ""),
                ("192.0.2.1", "2001:db8::1", 443, "CONNECT", ""),
                ("192.0.2.1", "a.example", 80, "GET", "http://a.example/"),
                ("192.0.2.1", "a.example", 81, "POST", "http://a.example:81/b?C=%41"),
                ("192.0.2.1", "a.example", 80, "GET", "http://a.example/?"),
                ("192.0.2.1", "2001:db8::1", 80, "GET", "http://[2001:db8::1]/"),
                ("192.0.2.1", "a.example", 80, "OPTIONS", "http://a.example/"),
            ],
        )
        talk.is_over()

    def test_users(self) -> None:
        """Who has said who it is may have rules of its own, by name and by group."""
        talk = Ruled(self, "deny user ben", "deny group guests", "allow user anna", "deny all")
        for user, groups, line in (
            ("ben", (), 1),
            ("anna", ("guests", "staff"), 2),
            ("", (), 4),
            ("carl", ("staff",), 4),
        ):
            exchange = Exchange(
                read_proxied_request(connecting().removesuffix(b"\r\n\r\n")),
                Origin("192.0.2.1", b"http", 3128, b""),
                0.0,
            )
            exchange.user, exchange.groups = user, frozenset(groups)
            answers: list[Answer] = []
            talk.permitted(exchange, answers.append)
            self.assertEqual(exchange.rule.split(":")[1], str(line), user)
            self.assertEqual([type(each) for each in answers], [DeniedByRule])
        talk.is_over()


class AddressTests(SynchronousTestCase):
    """The address of the destination decides."""

    RULES = ("deny destination 10.0.0.0/8", "allow all")

    def test_only_allowed_addresses_are_dialled(self) -> None:
        """The name is resolved once, and what was judged is dialled: those that were refused are left out."""
        talk = Ruled(self, *self.RULES)
        client = talk.client()
        client.sends(connecting("a.example:443"))
        client.sees_nothing()
        talk.names.answer("10.0.0.9", "198.51.100.1")
        server = talk.accepts("198.51.100.1")
        client.sees(ESTABLISHED)
        client.ends()
        server.closes()
        self.assertEqual(talk.names.asked, ["a.example"])
        talk.is_over()

    def test_denied(self) -> None:
        """Every address is refused."""
        talk = Ruled(self, *self.RULES)
        client = talk.client()
        client.sends(head("GET http://a.example/ HTTP/1.1", "Host: a"))
        talk.names.answer("10.0.0.9", "10.0.0.8")
        client.sees_answer(*DENIED)
        talk.nobody_is_dialled()
        talk.is_over()

    def test_connections_are_not_shared_between_addresses(self) -> None:
        """When a name means other addresses now, the connection to the old one does not serve it."""
        talk = Ruled(self, *self.RULES)
        client = talk.client()
        for address in ("198.51.100.1", "198.51.100.2", "198.51.100.2"):
            client.sends(head("GET http://a.example/ HTTP/1.1", "Host: a"))
            talk.names.answer(address)
            if len(talk.names.asked) < 3:
                server = talk.accepts(address)
            server.sees_head("GET / HTTP/1.1", "Host: a.example")
            server.sends(ok())
            client.sees(ok())
        talk.is_over()

    def test_the_order_of_addresses(self) -> None:
        """Name servers turn the order of addresses round; the connection is the same."""
        talk = Ruled(self, *self.RULES)
        client = talk.client()
        for addresses in (("198.51.100.2", "198.51.100.1"), ("198.51.100.1", "198.51.100.2")):
            client.sends(head("GET http://a.example/ HTTP/1.1", "Host: a"))
            talk.names.answer(*addresses)
            if len(talk.names.asked) < 2:
                server = talk.accepts("198.51.100.2")
            server.sees_head("GET / HTTP/1.1", "Host: a.example")
            server.sends(ok())
            client.sees(ok())
        talk.is_over()

    def test_no_address(self) -> None:
        """A name that means nothing is a 502, as without rules; one that nobody tells anything of a 504."""
        for why, status, cause in (
            ("", "502 Bad Gateway", "dns_error"),
            ("nxdomain", "502 Bad Gateway", 'dns_error; rcode="NXDOMAIN"'),
            ("timeout", "504 Gateway Timeout", "dns_timeout"),
        ):
            talk = Ruled(self, *self.RULES)
            client = talk.client()
            client.sends(connecting("a.example:443"))
            talk.names.why = why
            talk.names.answer()
            client.sees_answer(f"HTTP/1.1 {status}", f"Proxy-Status: relay; error={cause}")
            talk.is_over()

    def test_who_asks(self) -> None:
        """Names are looked up on behalf of the client, which may have only so many at one time."""
        talk = Ruled(self, *self.RULES)
        told: list[str] = []
        self.patch(talk.names, "on_behalf_of", told.append)
        client = talk.client()
        client.sends(connecting("a.example:443"))
        self.patch(talk.names, "failure", lambda host: TOO_MANY)
        talk.names.answer()
        client.sees_answer("HTTP/1.1 429 Too Many Requests", "Proxy-Status: relay; error=http_request_denied")
        self.assertEqual(told, ["192.0.2.1"])
        talk.is_over()

    def test_literal(self) -> None:
        """An address is not looked up."""
        talk = Ruled(self, *self.RULES)
        client = talk.client()
        client.sends(connecting("10.0.0.9:443"))
        client.sees_answer(*DENIED)
        self.assertEqual(talk.names.asked, [])
        talk.is_over()

    def test_no_answer(self) -> None:
        """Name servers that are silent cost the client `connect_timeout`; what they say later is too late."""
        talk = Ruled(self, *self.RULES)
        client = talk.client()
        client.sends(connecting("a.example:443"))
        talk.waits(5.1)
        client.sees_answer("HTTP/1.1 504 Gateway Timeout", "Proxy-Status: relay; error=dns_timeout")
        talk.names.answer("198.51.100.1")
        client.sees_nothing()
        talk.nobody_is_dialled()
        talk.is_over()

    def test_client_leaves(self) -> None:
        """Nobody is dialled for a client that is gone."""
        talk = Ruled(self, *self.RULES)
        client = talk.client()
        client.sends(connecting("a.example:443"))
        client.aborts()
        talk.names.answer("198.51.100.1")
        talk.nobody_is_dialled()
        talk.is_over()
