"""`realm` and `user_header`."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config.realm import OWN_FIELD_NAME, REALM


class RealmTests(SynchronousTestCase):
    """How they are written."""

    def test_realm(self) -> None:
        """Printable ASCII on one line."""
        self.assertEqual(parse(REALM, 'Example "Ltd" proxy'), 'Example "Ltd" proxy')
        for text in ("Büro", "a\x01b", "r" * 101, "a\nb"):
            self.assertEqual(len(faults_of(REALM, text)), 1, ascii(text))

    def test_user_header(self) -> None:
        """The name of one field, neither of the connection nor one that carries credentials."""
        self.assertEqual(parse(OWN_FIELD_NAME, "X-User"), "X-User")
        for text in ("X User", "X-User:", "Connection", "Host", "Authorization", "cookie"):
            self.assertEqual(len(faults_of(OWN_FIELD_NAME, text)), 1, text)
