"""Options of a backend that contradict each other."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, places

LISTENER = "[listener:web]\nbind = :80\nbackend = app\n"


class ContradictionTests(SynchronousTestCase):
    """Each rule: what it warns of, and what is right."""

    def check(self, *cases: tuple[str, list[str]], servers: int = 2) -> None:
        """What there is to say about options, which begin in line 6."""
        urls = " ".join(f"http://s{number}" for number in range(servers))
        for options, expected in cases:
            loaded = load_files(self.mktemp(), {"relay.ini": f"{LISTENER}[backend:app]\nservers = {urls}\n{options}\n"})
            self.assertEqual(places(loaded), [f"{place}]" for place in expected], options)

    def test_tries_that_are_never_made(self) -> None:
        """Without further tries nothing is to be said of them."""
        self.check(
            ("retries = 0", []),
            ("retries = 0\nretry_on = 503", ["7:1: warning[no-effect"]),
            ("retries = 0\nretry_methods = any\nretry_budget = off", [f"{n}:1: warning[no-effect" for n in (7, 8)]),
            ("retry_on = off", []),
            ("retry_on = off\nretries = 3", ["7:1: warning[no-effect"]),
            ("retry_backoff = 1s\nretry_backoff_max = 1s", []),
            ("retry_backoff = 1s\nretry_backoff_max = 500ms", ["7:21: warning[short-backoff"]),
        )

    def test_defaults_are_no_contradiction(self) -> None:
        """Options of all backends need not fit each of them."""
        text = "[defaults:backend]\nretry_on = 503\nhedge_budget = 2%\n"
        loaded = load_files(
            self.mktemp(), {"relay.ini": f"{LISTENER}[backend:app]\nservers = http://a\nretries = 0\n{text}"}
        )
        self.assertEqual(places(loaded), [])

    def test_content(self) -> None:
        """Methods with content need something to be kept."""
        self.check(
            ("retry_methods = any", []),
            ("retry_methods = any\nretry_buffer = 0", ["6:17: warning[nothing-kept"]),
            ("retry_methods = GET PUT\nretry_buffer = 0", ["6:17: warning[nothing-kept"]),
            ("retry_methods = safe\nretry_buffer = 0", []),
        )

    def test_times_of_tries(self) -> None:
        """One try fits into all, and its parts into one."""
        again = "retry_on = connect timeout\n"
        self.check(
            (f"{again}per_try_timeout = 2s\ntotal_timeout = 6s", []),
            (f"{again}per_try_timeout = 2s\ntotal_timeout = 5s", ["8:17: warning[short-total"]),
            (f"{again}per_try_timeout = 2s\ntotal_timeout = 5s\nretries = 1", []),
            (f"{again}per_try_timeout = 2s\ntotal_timeout = 1s\nretries = 1", ["8:17: warning[short-total"]),
            (f"{again}per_try_timeout = 2s\ntotal_timeout = 1s", ["8:17: warning[short-total"]),
            (f"{again}per_try_timeout = 60s", []),
            (f"{again}per_try_timeout = 61s", ["7:19: warning[long-try"]),
            (f"{again}per_try_timeout = 66s", ["7:19: warning[no-effect"]),
            ("per_try_timeout = 2s", ["6:19: warning[no-second-try"]),
            ("per_try_timeout = 2s\nretries = 0", []),
            ("per_try_timeout = 2s\nretry_on = off", []),
        )

    def test_times_of_waiting(self) -> None:
        """What is within the time for all tries is not longer."""
        self.check(
            ("total_timeout = 3s", []),
            ("total_timeout = 3s\nqueue_timeout = 3s", []),
            ("total_timeout = 3s\nqueue_timeout = 4s", ["7:17: warning[no-effect"]),
            ("total_timeout = 3s\nconnect_timeout = 4s", ["7:19: warning[no-effect"]),
            (
                "retry_on = timeout\nper_try_timeout = 1s\ntotal_timeout = 3s\nconnect_timeout = 4s",
                ["9:19: warning[no-effect"],
            ),
        )

    def test_hedging(self) -> None:
        """A second try needs a second server and a budget."""
        self.check(
            ("hedge = on", []),
            ("hedge = on\nhedge_budget = 0%", ["6:1: warning[no-effect"]),
            ("hedge_budget = 2%", ["6:1: warning[no-effect"]),
        )
        self.check(("hedge = on", ["6:1: warning[no-effect"]), servers=1)

    def test_keys(self) -> None:
        """A key that is mapped to a server, a cookie that names one, and a share that grows."""
        self.check(
            ("sticky = cookie relay", []),
            ("balance = ip-hash\nsticky = cookie relay", ["7:10: warning[two-affinities"]),
            ("balance = hash path\nslow_start = 30s", ["7:1: warning[no-effect"]),
            ("balance = least-connections\nslow_start = 30s", []),
        )

    def test_first(self) -> None:
        """One server after the other is filled only if there is a limit."""
        limit = "max_requests_per_server = 9"
        self.check(("balance = first", ["6:11: warning[no-limit"]), (f"balance = first\n{limit}", []))
        self.check(("balance = first\nadaptive_limit = on", []), ("balance = random", []))
        self.check(("balance = first", []), servers=1)

    def test_slow_start(self) -> None:
        """A check comes before a server has its full share."""
        self.check(
            ("slow_start = 2s", []),
            ("slow_start = 2s\ncheck = GET /", ["6:14: warning[short-slow-start"]),
            ("slow_start = 5s\ncheck = GET /", []),
        )

    def test_limits(self) -> None:
        """A limit that is low for a moment needs a queue."""
        self.check(
            ("adaptive_limit = on", []),
            ("adaptive_limit = on\nqueue_length = 0", ["6:18: warning[no-queue"]),
        )
