"""What the options of a health check say about each other."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, only, places

LISTENER = "[listener:web]\nbind = :80\nbackend = app\n"
PLAIN = "[backend:app]\nservers = http://a\n"
TLS = "[backend:app]\nservers =\n  https://a\n  https://b\n"
MIXED = "[backend:app]\nservers = https://a http://b\n"
UNIX = "[backend:app]\nservers = unix:/run/app.sock\n"
#: (backend, further lines from line 6 on, what is said).
FITTING: tuple[tuple[str, str], ...] = (
    (PLAIN, "check = GET /\ncheck_host = a\ncheck_header = A: b\ncheck_expect_header = A\ncheck_expect_body = x"),
    (PLAIN, "check = GET /\ncheck_reuse = off\ncheck_port = 81\ncheck_rise = 1\ncheck_fall = 1"),
    (PLAIN, "check = tcp\ncheck_send = PING\\r\\n\ncheck_expect = +PONG"),
    (PLAIN, "check = HEAD /"),
    (PLAIN, "check = GET /\ncheck_window = 3 of 8\ncheck_initial = checking\ncheck_grace = 5s"),
    (TLS, "check = tls\ncheck_initial = down"),
    (TLS, "check = tcp"),
    (PLAIN, "check = GET /\nqueue_length = 0\ncheck_initial = up"),
    (PLAIN, "queue_length = 0"),
    (UNIX, "check = GET /"),
)
DOUBTFUL: tuple[tuple[str, str, list[str]], ...] = (
    (PLAIN, "check_timeout = 6s", ["6:1: warning[no-effect]"]),
    (PLAIN, "check = off\ncheck_send = x", ["7:1: warning[no-effect]"]),
    (PLAIN, "check = GET /\ncheck_timeout = 6s", ["7:17: warning[slow-check]"]),
    (PLAIN, "check = GET /\ncheck_interval = 1s", ["7:18: warning[slow-check]"]),
    (PLAIN, "check = GET /\ncheck_fast_interval = 6s", ["7:1: warning[no-effect]"]),
    (PLAIN, "check = GET /\ncheck_initial = up\ncheck_grace = 5s", ["8:1: warning[no-effect]"]),
    (
        PLAIN,
        "check = GET /\ncheck_window = 3 of 8\ncheck_rise = 2\ncheck_fall = 3",
        ["8:1: warning[no-effect]", "9:1: warning[no-effect]"],
    ),
    (PLAIN, "check = GET /\nqueue_length = 0", ["7:16: warning[no-queue]"]),
    (UNIX, "check = GET /\ncheck_port = 81", ["7:1: warning[no-effect]"]),
    (PLAIN, "check = GET /\ncheck_send = x", ["7:1: error[check-kind]"]),
    (PLAIN, "check = tcp\ncheck_host = a", ["7:1: error[check-kind]"]),
    (TLS, "check = tls\ncheck_expect_body = a\ncheck_send = x", ["9:1: error[check-kind]", "10:1: error[check-kind]"]),
    (PLAIN, "check = HEAD /\ncheck_expect_body = a", ["7:21: error[check-kind]"]),
    (MIXED, "check = tls", ["6:9: error[check-kind]"]),
)


class CheckHealthTests(SynchronousTestCase):
    """`checking.py`."""

    def test_fitting(self) -> None:
        """What fits together is taken without a word."""
        for backend, lines in FITTING:
            self.assertEqual(places(load_files(self.mktemp(), {"relay.ini": LISTENER + backend + lines})), [], lines)

    def test_doubtful(self) -> None:
        """What has no effect is a warning, what can never work an error; it is pointed at."""
        for backend, lines, said in DOUBTFUL:
            self.assertEqual(places(load_files(self.mktemp(), {"relay.ini": LISTENER + backend + lines})), said, lines)

    def test_inherited(self) -> None:
        """What comes from `[defaults:backend]` is meant for those backends that it fits."""
        text = "[defaults:backend]\ncheck_host = a\ncheck_send = x\n" + LISTENER + PLAIN
        for check in ("check = tcp", "check = GET /", ""):
            self.assertEqual(places(load_files(self.mktemp(), {"relay.ini": text + check})), [], check)

    def test_help(self) -> None:
        """The message says what the option belongs to."""
        loaded = load_files(self.mktemp(), {"relay.ini": LISTENER + PLAIN + "check = GET /\ncheck_send = x"})
        diagnostic = only(loaded)
        self.assertEqual(diagnostic.message, "check_send does not go with check = GET")
        self.assertEqual(diagnostic.help, "it belongs to check = tcp")
