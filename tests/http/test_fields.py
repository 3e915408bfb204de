"""Field sections: order, case and repetition."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support import octets
from twisted_relay.errors import InvalidField
from twisted_relay.http.fields import FIELD_VALUE, TOKEN, Fields

LINES = [b"Host: a", b"set-cookie:x=1", b"Set-Cookie: \ty=2 ", b"Empty:", b"X: a:b"]


class FieldsTests(SynchronousTestCase):
    """What can be asked and changed."""

    def setUp(self) -> None:
        """A section as it came."""
        self.fields = Fields(LINES.copy())

    def test_pairs(self) -> None:
        """Names come as they were written, values without the white space around them."""
        pairs = [(b"Host", b"a"), (b"set-cookie", b"x=1"), (b"Set-Cookie", b"y=2"), (b"Empty", b""), (b"X", b"a:b")]
        self.assertEqual(list(self.fields), pairs)
        self.assertEqual(len(self.fields), 5)
        self.assertIn("Set-Cookie", repr(self.fields))

    def test_get(self) -> None:
        """The first value; names have no case."""
        self.assertEqual(self.fields.get(b"SET-COOKIE"), b"x=1")
        self.assertEqual(self.fields.get(b"empty"), b"")
        self.assertIsNone(self.fields.get(b"Set"))
        self.assertIsNone(self.fields.get(b""))
        self.assertIn(b"host", self.fields)
        self.assertNotIn(b"hos", self.fields)

    def test_get_all(self) -> None:
        """Every value, in order; they are never joined."""
        self.assertEqual(self.fields.get_all(b"set-cookie"), [b"x=1", b"y=2"])
        self.assertEqual(self.fields.get_all(b"none"), [])

    def test_changes(self) -> None:
        """What is not named stays where it is, octet for octet."""
        self.fields.set(b"Set-Cookie", b"z=3")
        self.assertEqual(self.fields.lines, [b"Host: a", b"Empty:", b"X: a:b", b"Set-Cookie: z=3"])
        self.fields.remove(b"x")
        self.fields.remove(b"none")
        self.fields.add(b"X", b"")
        self.assertEqual(self.fields.lines, [b"Host: a", b"Empty:", b"Set-Cookie: z=3", b"X: "])

    def test_copy(self) -> None:
        """A copy has a life of its own."""
        copy = self.fields.copy()
        self.assertEqual(copy, self.fields)
        copy.add(b"Y", b"z")
        self.assertNotEqual(copy, self.fields)
        self.assertNotEqual(self.fields, LINES)

    def test_refused(self) -> None:
        """Nothing gets in that would be another line, or none."""
        for name, value in (
            (b"", b"x"),
            (b"a b", b"x"),
            (b"a:", b"x"),
            (b"a\r\nb", b"x"),
            (b"\xe4", b"x"),
            (b"a", b"x\r\nb: y"),
            (b"a", b"x\ny"),
            (b"a", b"x\ry"),
            (b"a", b"\0"),
            (b"a", b"\x7f"),
        ):
            self.assertRaises(InvalidField, self.fields.add, name, value)
            self.assertRaises(InvalidField, Fields.of, [(name, value)])
        self.assertEqual(self.fields.lines, LINES)


Steps = list[tuple[str, bytes, bytes]]
FEW = st.sampled_from([b"A", b"a", b"B", b"b-b", b"X"])


class ModelTests(SynchronousTestCase):
    """Compared with a plain list of pairs."""

    @given(st.lists(st.tuples(st.sampled_from(["add", "set", "remove"]), FEW, octets.values), max_size=12))
    def test_like_a_list(self, steps: Steps) -> None:
        """Any changes leave the rest in its order."""
        fields = Fields()
        model: list[tuple[bytes, bytes]] = []
        for what, name, value in steps:
            if what != "add":
                model = [pair for pair in model if pair[0].lower() != name.lower()]
            if what != "remove":
                model.append((name, value))
            _change(fields, what, name, value)
            self.assertEqual(list(fields), model)
            same = [value for other, value in model if other.lower() == name.lower()]
            self.assertEqual(fields.get_all(name), same)
            self.assertEqual(fields.get(name), same[0] if same else None)

    @given(st.binary(max_size=8), st.binary(max_size=12))
    def test_any_octets(self, name: bytes, value: bytes) -> None:
        """What gets in can be read back; everything else is refused."""
        fields = Fields()
        if TOKEN.fullmatch(name) and FIELD_VALUE.fullmatch(value):
            fields.add(name, value)
            self.assertEqual(list(fields), [(name, value.strip(b" \t"))])
        else:
            self.assertRaises(InvalidField, fields.add, name, value)


def _change(fields: Fields, what: str, name: bytes, value: bytes) -> None:
    if what == "add":
        fields.add(name, value)
    elif what == "set":
        fields.set(name, value)
    else:
        fields.remove(name)
