"""The tree of errors: every one knows its side, its answer and its word."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay import errors
from twisted_relay.errors import ClientError, RelayError, ServerError

TREE = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RelayError)]

_WORDS = (
    "dns_timeout dns_error destination_not_found destination_unavailable destination_ip_prohibited "
    "destination_ip_unroutable connection_refused connection_terminated connection_timeout connection_read_timeout "
    "connection_write_timeout connection_limit_reached tls_protocol_error tls_certificate_error tls_alert_received "
    "http_request_error http_request_denied http_response_incomplete http_response_header_section_size "
    "http_response_header_size http_response_body_size http_response_trailer_section_size "
    "http_response_trailer_size http_response_transfer_coding http_response_content_coding http_response_timeout "
    "http_upgrade_failed http_protocol_error proxy_internal_response proxy_internal_error "
    "proxy_configuration_error proxy_loop_detected"
)
PROXY_STATUS = frozenset(_WORDS.split())
"""The error types of RFC 9209 §2.3."""


class ErrorTests(SynchronousTestCase):
    """What every error must say."""

    def test_statuses(self) -> None:
        """What the client did is 4xx, 501, 505 or 508; what a server did is 502 or 504; the rest is ours."""
        for error in TREE:
            if issubclass(error, ClientError):
                self.assertTrue(400 <= error.status < 500 or error.status in (501, 505, 508), error)
                self.assertEqual(error.side, "client")
            elif issubclass(error, ServerError):
                self.assertIn(error.status, (502, 504))
                self.assertEqual(error.side, "server")
            else:
                self.assertIn(error.status, (500, 503))
                self.assertEqual(error.side, "relay")

    def test_words(self) -> None:
        """Reasons are one word for logs and metrics; Proxy-Status has words of RFC 9209; sentences end in a full
        stop."""
        for error in TREE:
            self.assertRegex(error.reason, r"^[a-z_]+$")
            self.assertIn(error.proxy_status, PROXY_STATUS, error)
            self.assertTrue(error.explanation.isascii() and error.explanation.endswith("."), error)

    def test_outside(self) -> None:
        """What a forward proxy says is a sentence about the same: where one word is changed, so is the other."""
        for error in TREE:
            self.assertTrue(error.outside.isascii() and (not error.outside or error.outside.endswith(".")), error)
            if error.outside:
                self.assertNotIn("behind this proxy", error.outside)
                self.assertFalse("explanation" in vars(error) and "outside" not in vars(error), error)

    def test_documented(self) -> None:
        """Every error says what it is."""
        for error in TREE:
            self.assertTrue((error.__doc__ or "").strip(), error)
