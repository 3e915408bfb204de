"""Options about servers that fail, which contradict each other."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import load_files, only, places

LISTENER = "[listener:web]\nbind = :80\nbackend = app\n"


class FailingTests(SynchronousTestCase):
    """Ejection and the circuit breaker."""

    def places(self, options: str, servers: int = 2) -> list[str]:
        """What there is to say about these options, which begin in line 6."""
        urls = " ".join(f"http://s{number}" for number in range(servers))
        loaded = load_files(self.mktemp(), {"relay.ini": f"{LISTENER}[backend:app]\nservers = {urls}\n{options}\n"})
        return places(loaded)

    def test_nothing_is_ejected(self) -> None:
        """Times of ejections without anything that ejects."""
        for options, expected in (
            ("eject_for = 20s", []),
            ("eject_for = 20s\neject_after = off", ["6:1: warning[no-effect]"]),
            ("eject_percent = 20%\neject_max = 1m\neject_after = off", [f"{n}:1: warning[no-effect]" for n in (6, 7)]),
        ):
            self.assertEqual(sorted(self.places(options)), expected, options)
        self.assertEqual(self.places("eject_max = 1m\neject_after = off\neject_outliers = on", 5), [])

    def test_shortest_and_longest_time(self) -> None:
        """The longest time is not shorter than the first."""
        for options, expected in (
            ("eject_for = 20s\neject_max = 20s", []),
            ("eject_for = 20s\neject_max = 10s", ["7:13: warning[short-ejection]"]),
            ("eject_for = 10m", ["6:13: warning[short-ejection]"]),
        ):
            self.assertEqual(self.places(options), expected, options)

    def test_until_check(self) -> None:
        """Without a check none is ever good."""
        self.assertEqual(self.places("eject_until_check = on"), ["6:1: warning[no-effect]"])
        self.assertEqual(self.places("eject_until_check = off"), [])
        self.assertEqual(self.places("eject_until_check = on\ncheck = GET /"), [])

    def test_outliers(self) -> None:
        """There must be servers enough, and of N servers one is at most the root of N - 1 deviations below the mean."""
        for options, servers, expected in (
            ("eject_outliers = on", 5, []),
            ("eject_outliers = on", 4, ["6:18: warning[no-effect]"]),
            ("eject_outliers = on servers=4", 4, ["6:18: warning[no-effect]"]),
            ("eject_outliers = 1.7 stdev servers=4", 4, []),
            ("eject_outliers = 3 stdev", 10, ["6:18: warning[no-effect]"]),
            ("eject_outliers = 3 stdev", 11, []),
            ("eject_outliers = on\ndiscover = dns+a://api.internal:80", 2, []),
        ):
            self.assertEqual(self.places(options, servers), expected, options)

    def test_breaker(self) -> None:
        """A breaker that one failure opens, one that never sees what is slow, and times of none."""
        for options, expected in (
            ("breaker = 50% errors in 10s", []),
            ("breaker = 5% errors in 10s", ["6:11: warning[nervous-breaker]"]),
            ("breaker = 50% errors in 10s min=2", ["6:11: warning[nervous-breaker]"]),
            ("breaker = 50% errors in 10s min=3 slow=59s", []),
            ("breaker = 50% errors in 10s slow=1m", ["6:11: warning[no-effect]"]),
            ("breaker_open = 5s\nbreaker_recovery = 5s", ["6:1: warning[no-effect]", "7:1: warning[no-effect]"]),
        ):
            self.assertEqual(self.places(options), expected, options)

    def test_the_bound_is_said(self) -> None:
        """The help says what would be right."""
        text = f"{LISTENER}[backend:app]\nservers = http://a http://b http://c\neject_outliers = on servers=3\n"
        self.assertEqual(only(load_files(self.mktemp(), {"relay.ini": text})).help, "write less than 1.41 stdev")
