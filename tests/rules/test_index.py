"""The look-up finds what reading rule by rule finds."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.rules.reading import Names, rules_of
from twisted_relay.rules import NEEDS_ADDRESSES, Asked, Ruling
from twisted_relay.rules.conditions import _Domain

HOSTS = ("a", "x.a", "b.x.a", "xa", "c", "x.c", "y.x.c", "10.0.0.1", "192.0.2.1", "::1")
ADDRESSES = ("10.0.0.1", "10.1.0.1", "192.0.2.1", "::1", "2001:db8::1", "::ffff:10.0.0.1")
CLIENTS = ("", *ADDRESSES)
NETWORKS = ("10.0.0.0/8", "10.0.0.0/16", "10.0.0.1", "0.0.0.0/0", "::/0", "::1", "2001:db8::/32", "::ffff:10.0.0.0/104")
LISTS = {"one": Names("a", "x.c"), "two": Names("10.0.0.1", "b.x.a", has_networks=True)}
URLS = ("", "http://a/", "http://a/x.exe")


def some(*values: str) -> st.SearchStrategy[str]:
    """One or more of these."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=3).map(" ".join)


CONDITIONS = {
    "user": some("anna", "ben"),
    "group": some("staff", "ops"),
    "client": some(*NETWORKS),
    "domain": some("a", ".a", "x.a", ".x.a", ".c", "y.x.c", ".b.x.a"),
    "destination": some(*NETWORKS),
    "port": some("80", "443", "440-450", "25"),
    "method": some("GET", "CONNECT"),
    "url": some("*.exe", "http://a/", "~http://[ab]/"),
    "list": some("one", "two"),
    "time": some("Thu", "Fri", "12:00-13:00"),
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A line with one to three conditions."""
    kinds = draw(st.lists(st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=3, unique=True))
    conditions = [draw(st.sampled_from(("", "not "))) + kind + " " + draw(CONDITIONS[kind]) for kind in kinds]
    return f"{draw(st.sampled_from(('allow', 'deny')))} {' '.join(conditions)}"


WISHES = st.builds(
    Asked,
    client=st.sampled_from(CLIENTS),
    host=st.sampled_from(HOSTS),
    port=st.sampled_from((25, 80, 443, 445)),
    method=st.sampled_from(("GET", "CONNECT")),
    url=st.sampled_from(URLS),
    user=st.sampled_from(("", "anna", "carl")),
    groups=st.sampled_from((frozenset[str](), frozenset({"staff"}), frozenset({"ops", "staff"}))),
)


class IndexTests(SynchronousTestCase):
    """Many rules."""

    @settings(max_examples=400, deadline=None)
    @given(st.lists(rules(), max_size=12), WISHES, st.none() | st.lists(st.sampled_from(ADDRESSES), max_size=3))
    def test_as_read_rule_by_rule(self, lines: list[str], asked: Asked, addresses: list[str] | None) -> None:
        """The rule that decides, for each address, is the first that matches."""
        made = rules_of(*lines, "allow all", lists=LISTS)
        ruling = made.judge(asked, None if addresses is None else tuple(addresses), 0.0)
        if addresses is None:
            *_, last = made.explain(asked, None, 0.0)
            if last.matches is None:
                self.assertIs(ruling, NEEDS_ADDRESSES)
            else:
                assert isinstance(ruling, Ruling)
                self.assertEqual(ruling.rule, last.rule.where)
            return
        assert isinstance(ruling, Ruling)
        deciding = [list(made.explain(asked, address, 0.0))[-1].rule for address in addresses or [""]]
        first = next((rule for rule in deciding if rule.allow), deciding[0])
        self.assertEqual((ruling.rule, ruling.allowed), (first.where, first.allow))
        if ruling.addresses is not None:
            allowed = [each for each, rule in zip(addresses, deciding, strict=False) if rule.allow]
            self.assertEqual(ruling.addresses, tuple(allowed))

    def test_few_are_asked(self) -> None:
        """Of a thousand rules for domains only those are asked that can match."""
        asked: list[str] = []
        made = rules_of(*(f"deny domain .s{n}.example not domain .x.s{n}.example" for n in range(1000)), "allow all")
        real = _Domain.holds

        def counted(self: _Domain, wish: Asked, address: str | None, when: float) -> bool:
            asked.append(wish.host)
            return real(self, wish, address, when)

        self.patch(_Domain, "holds", counted)
        for host, line in (("a.s7.example", 8), ("a.x.s7.example", 1001), ("example", 1001), ("other", 1001)):
            ruling = made.judge(Asked("", host, 443, "CONNECT"), None, 0.0)
            assert isinstance(ruling, Ruling)
            self.assertEqual(ruling.rule.line, line, host)
        self.assertEqual(asked, ["a.s7.example", "a.x.s7.example"])

    def test_long_names(self) -> None:
        """A name with many labels costs no more than the rules have."""
        made = rules_of("deny domain .a.example", "allow all")
        ruling = made.judge(Asked("", "x." * 120 + "a.example", 443, "CONNECT"), None, 0.0)
        assert isinstance(ruling, Ruling)
        self.assertEqual(ruling.rule.line, 1)
