"""`relay explain`."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.canned import Daemon, answer, call
from tests.cli.test_explained import ANSWER

RELAY = """\
[listener:web]
bind = 127.0.0.1:8080
backend = app

[route:admin]
host = admin.example.org
respond = 403

[route:api]
path = /api/*
header = X-Key
strip_prefix = /api
backend = app

[backend:app]
servers =
    one http://127.0.0.1:3001
    two https://two.example.org
sticky = cookie relay
sticky_secret_file = {secret}
"""


class OfflineTests(SynchronousTestCase):
    """A file is asked."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        secret = self.folder / "secret"
        secret.write_text("0123456789abcdef")
        secret.chmod(0o600)
        self.path = self.folder / "relay.ini"
        self.write(RELAY)

    def write(self, text: str) -> None:
        self.path.write_text(text.replace("{secret}", str(self.folder / "secret")))

    def explain(self, *argv: str) -> tuple[int, str, str]:
        status, output, errors = call("explain", *argv, "-c", str(self.path))
        return status, output.replace(f"{self.folder}/", ""), errors.replace(f"{self.folder}/", "")

    def test_users(self) -> None:
        """Who may pass is said; nobody needs to read the file of users for that."""
        users = self.folder / "users"
        users.write_text("alice:$2y$12$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK\n")
        users.chmod(0o600)
        text = "[listener:web]\nbind = 127.0.0.1:80\n"
        text += "[listener:out]\nbind = 127.0.0.1:3128\nmode = forward\nauth = staff\n"
        self.write(f"{text}[route:a]\nrespond = 204\nauth = staff\n[auth:staff]\nusers_file = users\n")
        for asked in (("GET", "http://a.example/", "--listener", "web"), ("CONNECT", "a.example:443")):
            status, output, _ = self.explain(*asked)
            self.assertEqual(status, 0, output)
            self.assertIn("only for users of [auth:staff]; for one of them:\n", output)
        users.unlink()
        status, output, errors = self.explain("GET", "http://a.example/", "--listener", "web")
        self.assertEqual(status, 0, errors)
        self.assertIn("explained without it", errors)

    def test_taken(self) -> None:
        """Status 0; each route with its place in the file, and the request as the server would get it."""
        status, output, errors = self.explain("GET", "http://a.example/api/x", "-H", "X-Key: 1", "--client", "::1")
        self.assertEqual((status, errors), (0, ""))
        for line in (
            "http request from ::1 to listener web (relay.ini:1:1), with every server up and idle",
            "  ✗  admin  relay.ini:5:1  host is a.example, wanted admin.example.org",
            "  ✓  api    relay.ini:9:1  takes it",
            "    1 more is not asked",
            "sent to one",
            "  GET /x HTTP/1.1",
            "  X-Forwarded-For: ::1",
            "backend app (relay.ini:15:1), round-robin: it goes to one",
        ):
            self.assertIn(f"{line}\n", output)

    def test_not_taken(self) -> None:
        """Status 1 if no route takes it, or the request is refused before."""
        self.write(RELAY.replace("backend = app\n", "", 1))
        status, output, _ = self.explain("GET", "http://a.example/api/x")
        self.assertEqual(status, 1)
        self.assertIn("  ✗  api    relay.ini:8:1  header x-key is absent, wanted any value\n", output)
        status, output, _ = self.explain("GET", "http://a.example/", "-H", "A : b")
        self.assertEqual(
            (status, output.splitlines()[-1]), (1, "refused: 400 (bad_request): a field name is not a token")
        )

    def test_json(self) -> None:
        """`--format json` has the same for programs."""
        status, output, _ = self.explain("GET", "/api", "--listener", "web", "-H", "Host: x", "--format", "json")
        found = json.loads(output)
        self.assertEqual((status, found["route"], found["live"]), (0, "", False))
        self.assertEqual(found["forwarded"]["head"][:2], ["GET /api HTTP/1.1", "Host: x"])

    def test_wrong_use(self) -> None:
        """Status 2 for what is no question, with what would be right."""
        for argv, part in (
            (("GET", "example.org"), "write http://HOST/PATH"),
            (("GET", "/", "--listener", "wbe"), 'did you mean "web"?'),
            (("GET", "/", "--client", "me"), '"me" is not an IP address'),
            (("GET", "/", "-H", "nonsense"), '"nonsense" is not NAME: VALUE'),
            (("GET", "/", "-H", "A: b\nC: d"), "each field is a line of its own"),
            (("GET", "/", "--socket", "/x"), "not allowed with"),
        ):
            status, _, errors = self.explain(*argv)
            self.assertEqual(status, 2, argv)
            self.assertIn(part, errors)
        status, _, errors = call("explain", "GET", "/")
        self.assertEqual(status, 2)
        self.assertIn("--config FILE is needed, or --live", errors)

    def test_a_bad_configuration(self) -> None:
        """Its errors are shown and nothing is explained."""
        self.write(RELAY.replace("respond = 403", "respond = 4"))
        status, output, errors = self.explain("GET", "/")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("relay.ini:7:11: error[bad-value]", errors)

    def test_files_of_the_daemon(self) -> None:
        """Keys, certificates, secrets and pages that cannot be read are done without, and it is said."""
        text = RELAY.replace("backend = app\n", "backend = app\ntls = www\n", 1).replace(
            "{secret}", "/nonexistent/secret"
        )
        text += "tls_ca = /nonexistent/ca\n[tls:www]\ncert = /nonexistent/cert\nkey = /nonexistent/key\n"
        self.write(text.replace("respond = 403", "respond = 403\nrespond_file = /nonexistent/page"))
        status, output, errors = self.explain("GET", "https://admin.example.org/")
        self.assertEqual(status, 0, errors)
        self.assertIn("relay answers itself: 403", output)
        for name in ("cert", "key", "ca", "page", "secret"):
            self.assertRegex(errors, rf'relay.ini:\d+:\d+: \w+: cannot read "\S*{name}": No such .*; explained without')


class LiveTests(SynchronousTestCase):
    """The daemon is asked."""

    def test_asked(self) -> None:
        """The question goes over the control socket as it was put, and the answer is shown."""
        there = Daemon(self, answer(ANSWER))
        status, output, _ = call(
            "explain", "GET", "/x", "-H", "A:  b ", "--client", "::1", "--live", "--socket", there.path
        )
        self.assertEqual(status, 0)
        self.assertIn("as the running daemon would take it now", output)
        head, _, content = there.asked[0].partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"POST /api/explain HTTP/1.1\r\n"))
        question = {"method": "GET", "url": "/x", "fields": [["A", "b"]], "client": "::1"}
        self.assertEqual(json.loads(content), question)

    def test_refused(self) -> None:
        """A question that the daemon does not understand is wrong use; one that it cannot answer is a failure."""
        for status, expected in ((400, 2), (500, 1)):
            there = Daemon(self, answer({"error": "no", "help": "yes"}, status))
            self.assertEqual(
                call("explain", "GET", "/x", "--live", "--socket", there.path), (expected, "", "relay: no\n  yes\n")
            )
