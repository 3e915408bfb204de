"""Policies and what they map to servers."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.balance import BALANCE, POLICY_NAMES
from twisted_relay.config.values import BalanceSpec

#: (as it is written, what it means, how it is shown if not so)
BALANCES = (
    ("round-robin", BalanceSpec("round-robin"), ""),
    ("random", BalanceSpec("random"), ""),
    ("random-two", BalanceSpec("random-two"), ""),
    ("least-connections", BalanceSpec("least-connections"), ""),
    ("least-time", BalanceSpec("least-time"), ""),
    ("first", BalanceSpec("first"), ""),
    ("ip-hash", BalanceSpec("ip-hash"), ""),
    ("ip-hash bound=150%", BalanceSpec("ip-hash", bound=1.5), ""),
    ("hash header:X-Tenant", BalanceSpec("hash", "header", "x-tenant"), "hash header:x-tenant"),
    (
        "hash cookie:Session fallback=round-robin bound=125% ring=ketama",
        BalanceSpec("hash", "cookie", "Session", "ketama", 1.25, "round-robin"),
        "hash cookie:Session ring=ketama bound=125% fallback=round-robin",
    ),
    ("hash query:user[id]", BalanceSpec("hash", "query", "user[id]"), ""),
    ("hash path ring=rendezvous", BalanceSpec("hash", "path"), "hash path"),
    ("hash client-ip", BalanceSpec("hash", "client-ip"), ""),
    ("maglev path bound=100%", BalanceSpec("maglev", "path", bound=1.0), ""),
)
#: (as it is written, the column of the word that is wrong, a part of what is said)
REFUSED = (
    ("leastconn", 7, 'did you mean "least-connections"?'),
    ("p2c", 7, 'did you mean "random-two"?'),
    ("uri", 7, 'did you mean "hash path"?'),
    ("round_robin", 7, 'did you mean "round-robin"?'),
    ("rendom", 7, 'did you mean "random"?'),
    ("chaos", 7, "write one of round-robin, random, "),
    ("round-robin path", 19, "takes nothing more"),
    ("hash", 7, "needs a key"),
    ("maglev", 7, "needs a key"),
    ("hash heeder:X", 12, 'did you mean "header"?'),
    ("hash header", 12, "header:NAME"),
    ("hash header:", 12, "header:NAME"),
    ("hash header:X(1)", 12, "header:NAME"),
    ("hash cookie:a;b", 12, "cookie:NAME"),
    ("hash query:a=b", 12, "query:NAME"),
    ("hash path:/a", 12, "path"),
    ("hash client-ip:1", 12, "client-ip"),
    ("hash ring=ketama", 12, "header:NAME"),
    ("ip-hash path", 15, "ring=…, bound=…, fallback=…"),
    ("hash path ring", 17, "ring="),
    ("hash path rings=ketama", 17, 'did you mean "ring"?'),
    ("hash path ring=ketema", 17, 'did you mean "ketama"?'),
    ("hash path ring=ketama ring=ketama", 29, "ring= is repeated"),
    ("maglev path ring=ketama", 19, "bound=…, fallback=…"),
    ("hash path bound=1.5", 17, "bound=150%"),
    ("hash path bound=99%", 17, "100% to 10000%"),
    ("hash path bound=10001%", 17, "100% to 10000%"),
    ("hash path bound=150", 17, "bound=150%"),
    ("hash path fallback=hash", 17, "write one of round-robin, random, "),
    ("hash path fallback=leest-time", 17, 'did you mean "least-time"?'),
)


class BalanceTests(SynchronousTestCase):
    """How they are written."""

    def test_balances(self) -> None:
        """A policy, the key that it maps, and its settings in any order."""
        for text, spec, shown in BALANCES:
            self.assertEqual(parse(BALANCE, text), spec)
            self.assertEqual(BALANCE.show(spec), shown or text)
            self.assertEqual(parse(BALANCE, BALANCE.show(spec)), spec)

    def test_every_policy_is_covered(self) -> None:
        """Each of the names stands in the table above."""
        self.assertEqual({spec.policy for _, spec, _ in BALANCES}, set(POLICY_NAMES))

    def test_refused(self) -> None:
        """The word that is wrong is pointed at, and what would be right is said."""
        for text, column, said in REFUSED:
            (fault,) = faults_of(BALANCE, text)
            assert fault.span
            self.assertEqual(fault.span.column, column, text)
            self.assertIn(said, f"{fault.message}; {fault.help}", text)
