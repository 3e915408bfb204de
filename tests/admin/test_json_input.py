"""JSON that somebody sent."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.admin.json_input import Refused, check_keys, read_object, read_text

#: (content, part of the reason)
BAD = (
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff", "not JSON"),
    (b'{"a": 1, "b": 2, "a": 3}', '"a" stands there twice'),
    (b'{"a": {"b": 1, "b": 1}}', '"b" stands there twice'),
    (b'{"a": NaN}', "NaN is no number"),
    (b'{"a": 1} x', "not JSON"),
    (b"[" * 60000, "not JSON"),
    (b"[]", "not an object"),
    (b"null", "not an object"),
)


class InputTests(SynchronousTestCase):
    """What is understood, and what is said of the rest."""

    def refusal(self, function: object, *arguments: object) -> Refused:
        error = self.assertRaises(Refused, function, *arguments)
        assert isinstance(error, Refused)
        return error

    def test_good(self) -> None:
        """An object is read as it is."""
        self.assertEqual(read_object('{"a": "ä", "b": [1]}'.encode()), {"a": "ä", "b": [1]})

    def test_bad(self) -> None:
        """Everything else is refused with the reason, also what other readers would take."""
        for content, part in BAD:
            refused = self.refusal(read_object, content)
            self.assertIn(part, refused.message)
            self.assertEqual(refused.status, 400)

    def test_keys(self) -> None:
        """An unknown key is refused; the nearest is offered, or all."""
        check_keys({"mode": 1}, ("mode", "weight"))
        self.assertEqual(self.refusal(check_keys, {"wieght": 1}, ("mode", "weight")).help, 'did you mean "weight"?')
        self.assertEqual(self.refusal(check_keys, {"xyz": 1}, ("mode", "weight")).help, "there are: mode, weight")

    def test_texts(self) -> None:
        """A text is short and on one line: it goes into the log."""
        self.assertEqual(read_text({"a": "b"}, "a", 3), "b")
        self.assertEqual(read_text({}, "a", 3), "")
        for value in (1, None, "a\nb", "\x1b[31m", "abcd"):
            self.refusal(read_text, {"a": value}, "a", 3)
