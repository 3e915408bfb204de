"""What is said to a parent, and what its answers mean."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.values import Address
from twisted_relay.errors import BadResponse, ParentDenied, ParentFailed, ParentRefused, ServerError
from twisted_relay.upstream.talks import ConnectTalk, SocksTalk, Talk

NAMED = Address("a.example", 443)
OPEN = b"HTTP/1.1 200 OK\r\n\r\n"
GRANTED = b"\5\0\0\1" + bytes(6)


def hold(talk: Talk, *answers: bytes) -> tuple[list[bytes], bool, str]:
    """What is said, whether the way is open at the end, and the kind of error."""
    said = [talk.begin()]
    for answer in answers:
        try:
            reply = talk.hear(answer)
        except ServerError as error:
            return said, False, type(error).__name__
        if reply is None:
            return said, True, ""
        if reply:
            said.append(reply)
    return said, False, ""


class ConnectTests(SynchronousTestCase):
    """CONNECT."""

    def test_words(self) -> None:
        """The destination as authority and Host, the credentials if there are any, and nothing of the client."""
        self.assertEqual(
            ConnectTalk(Address("2001:db8::1", 8443), [b"Proxy-Authorization: Basic YTpi"]).begin(),
            b"CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n"
            b"Proxy-Authorization: Basic YTpi\r\n\r\n",
        )
        self.assertEqual(ConnectTalk(NAMED).begin(), b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")

    def test_answers(self) -> None:
        """Only 2xx opens the way, whatever fields it has; octet by octet too."""
        for answer, is_open, error in (
            (OPEN, True, ""),
            (b"HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\n", True, ""),
            (b"HTTP/1.1 204 x\r\nContent-Length: 7\r\n\r\n", True, ""),
            (b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 103 x\r\nLink: a\r\n\r\n" + OPEN, True, ""),
            (b"HTTP/1.1 200 OK\r\n", False, ""),
            (b"HTTP/1.1 302 Found\r\nLocation: http://a/\r\n\r\n", False, "ParentRefused"),
            (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", False, "ParentRefused"),
            (b"HTTP/1.1 503 x\r\n\r\n", False, "ParentRefused"),
            (b"HTTP/1.0 401 x\r\n\r\n", False, "ParentDenied"),
            (b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=a\r\n\r\n", False, "ParentDenied"),
            (b"HTTP/1.1 101 x\r\n\r\n", False, "BadResponse"),
            (b"HTTP/1.1 100 x\r\n\r\n" * 40, False, "BadResponse"),
            (b"SSH-2.0-x\r\n", False, "BadResponse"),
            (b"HTTP/1.1 200 OK\n\n", False, "BadResponse"),
            (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000, False, "BadResponse"),
            (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", False, "BadResponse"),
        ):
            self.assertEqual(hold(ConnectTalk(NAMED), answer)[1:], (is_open, error), answer[:40])
            if len(answer) < 2000:
                octets = [bytes([octet]) for octet in answer]
                self.assertEqual(hold(ConnectTalk(NAMED), *octets)[1:], (is_open, error), answer[:40])

    def test_rest(self) -> None:
        """What comes behind the answer is the destination's."""
        talk = ConnectTalk(NAMED)
        hold(talk, OPEN[:5], OPEN[5:] + b"220 hello")
        self.assertEqual(talk.rest, b"220 hello")


class SocksTests(SynchronousTestCase):
    """SOCKS5."""

    def test_words(self) -> None:
        """Names as names, addresses as addresses; credentials only if asked for."""
        for destination, wish in (
            (NAMED, b"\5\1\0\3\x09a.example\1\xbb"),
            (Address("192.0.2.1", 80), b"\5\1\0\1\xc0\0\2\1\0\x50"),
            (Address("2001:db8::1", 80), b"\5\1\0\4\x20\1\x0d\xb8" + bytes(11) + b"\1\0\x50"),
        ):
            self.assertEqual(hold(SocksTalk(destination, b"", b""), b"\5\0", GRANTED), ([b"\5\1\0", wish], True, ""))
        self.assertEqual(
            hold(SocksTalk(NAMED, b"me", b"pw"), b"\5\2", b"\1\0", GRANTED)[0][:2], [b"\5\2\0\2", b"\1\2me\2pw"]
        )
        self.assertEqual(len(hold(SocksTalk(NAMED, b"me", b"pw"), b"\5\0", GRANTED)[0]), 2)

    def test_answers(self) -> None:
        """Each step is read strictly, octet by octet too."""
        for answers, is_open, error in (
            ([b"\5\2", b"\1\0", b"\5\0\0\3\4host\0\x50"], True, ""),
            ([b"\5\2", b"\1\0", b"\5\0\0\4" + bytes(18)], True, ""),
            ([b"\5\xff"], False, "ParentDenied"),
            ([b"\5\2", b"\1\1"], False, "ParentDenied"),
            ([b"\5\1"], False, "ParentFailed"),
            ([b"\4\0"], False, "BadResponse"),
            ([b"HTTP/1.1 400 x"], False, "BadResponse"),
            ([b"\5\2", b"\5\0"], False, "BadResponse"),
            ([b"\5\0", b"\5\0\1\1" + bytes(6)], False, "BadResponse"),
            ([b"\5\0", b"\5\0\0\2" + bytes(6)], False, "BadResponse"),
            *(([b"\5\0", bytes([5, code]) + b"\0\1" + bytes(6)], False, "ParentRefused") for code in (1, 2, 5, 8, 99)),
            ([b"\5\0" + GRANTED], False, "ParentFailed"),
        ):
            self.assertEqual(hold(SocksTalk(NAMED, b"me", b"pw"), *answers)[1:], (is_open, error), answers)
            if error != "ParentFailed":
                octets = [bytes([octet]) for answer in answers for octet in answer]
                self.assertEqual(hold(SocksTalk(NAMED, b"me", b"pw"), *octets)[1:], (is_open, error), answers)

    def test_password_that_nobody_asked_for(self) -> None:
        """Without credentials the way that needs them was not offered."""
        self.assertEqual(hold(SocksTalk(NAMED, b"", b""), b"\5\2")[1:], (False, "ParentFailed"))

    def test_rest(self) -> None:
        """What comes behind the answer is the destination's."""
        talk = SocksTalk(NAMED, b"", b"")
        hold(talk, b"\5\0", GRANTED + b"220 hello")
        self.assertEqual(talk.rest, b"220 hello")


class ErrorTests(SynchronousTestCase):
    """What the errors say."""

    def test_no_secrets(self) -> None:
        """The log names what the parent said, not what it was told."""
        talk = ConnectTalk(NAMED, [b"Proxy-Authorization: Basic c2VjcmV0"])
        error = self.assertRaises(ParentDenied, talk.hear, b"HTTP/1.1 407 Who?\r\n\r\n")
        self.assertEqual(str(error), "the parent wants other credentials: it answered '407 Who?'")

    def test_whose_fault(self) -> None:
        """That a destination cannot be reached is no fault of the proxy; all else is."""
        self.assertFalse(ParentRefused("x").is_held_against_servers)
        for kind in (ParentDenied, ParentFailed, BadResponse):
            self.assertTrue(kind("x").is_held_against_servers)
