"""Scenario files: what they come to for a backend, and the mistakes that are found in them."""

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, backend, loaded, scenario
from twisted_relay.config.values import DiscoverSpec
from twisted_relay.simulation.scenario import load_scenario
from twisted_relay.simulation.values import Action

EVENT = USUAL + "[event:e]\nat = 10s\n"

#: (text, code, a part of the message or its help)
MISTAKES = (
    ("", "missing-section", "there is no [scenario] section"),
    ("[scenario]\nduration = 1m\n", "missing-section", "there is no [clients:NAME] section"),
    ("[scenario]\n", "missing-option", 'needs the option "duration"'),
    (USUAL.replace("rate", "rates"), "unknown-option", 'did you mean "rate"?'),
    (USUAL.replace("[clients:web]", "[client:web]"), "unknown-section", 'did you mean "clients"?'),
    (USUAL.replace("[clients:web]", "[clients]"), "bad-section", "[clients] needs a name"),
    (USUAL + "[servers:s1]\n", "bad-section", "[servers:s1] takes no name"),
    (USUAL + "[server:s9]\ncapacity = 1\n", "no-such-name", "there are: s1, s2, s3"),
    (EVENT + "do = crash\n", "missing-option", 'needs the option "servers"'),
    (EVENT + "do = crash\nservers = t*\n", "no-such-name", 'no server of [backend:app] is called "t*"'),
    (EVENT + "do = crash\nservers = s11\n", "no-such-name", 'did you mean "s1"?'),
    (EVENT + "do = crash\nservers = s1\nclients = web\n", "no-effect", "crash happens to servers"),
    (EVENT + "do = rate 2x\nservers = s1\n", "no-effect", "rate happens to clients"),
    (EVENT + "do = rate 2x\nclients = wep\n", "no-such-name", 'did you mean "web"?'),
    (EVENT + "do = restart\nservers = s1\n", "missing-option", "a restart without lasts never ends"),
    (EVENT + "do = crash\nservers = s1\nlasts = 9s\nevery = 9s\n", "overlap", "every must be longer than lasts"),
)


class ScenarioTests(SynchronousTestCase):
    """What is read."""

    def test_mistakes(self) -> None:
        """Each is reported with its place and what would be right, and there is no scenario then."""
        for text, code, said in MISTAKES:
            found = loaded(self.mktemp(), text)
            self.assertIsNone(found.scenario, text)
            matching = [each for each in found.diagnostics if each.code == code]
            self.assertTrue(any(said in f"{each.message} {each.help}" for each in matching), (text, found.diagnostics))

    def test_a_missing_file(self) -> None:
        """It is reported as such, and nothing else is."""
        found = load_scenario(self.mktemp(), {}, backend())
        self.assertEqual([each.code for each in found.diagnostics], ["cannot-read"])
        self.assertIsNone(found.scenario)

    def test_good(self) -> None:
        """A scenario without a mistake has nothing said about it."""
        self.assertEqual(loaded(self.mktemp(), USUAL).diagnostics, ())

    def test_too_many_events(self) -> None:
        """What happens too often to be looked at is refused, and what happens to nobody takes no time."""
        day = EVENT.replace("1m", "1d")
        for text, code in (
            ("do = flap 1ms\nservers = *\n", "too-many-events"),
            ("do = crash\nservers = *\nlasts = 1ms\nevery = 2ms\n", "too-many-events"),
            ("do = crash\nlasts = 1ms\nevery = 2ms\n", "missing-option"),
        ):
            self.assertEqual([each.code for each in loaded(self.mktemp(), day + text).diagnostics], [code], text)

    def test_after_the_end(self) -> None:
        """An event that comes too late is doubtful."""
        found = loaded(self.mktemp(), EVENT.replace("10s", "1h") + "do = crash\nservers = s1\n")
        self.assertEqual([each.severity for each in found.diagnostics], ["warning"])
        self.assertEqual(found.scenario and found.scenario.changes, ())

    def test_servers(self) -> None:
        """Options of [servers] hold for all, those of [server:NAME] for one, where it says something."""
        made = scenario(self.mktemp(), USUAL + "capacity = 7\n[server:s2]\nspeed = 0.5x\n")
        self.assertEqual(list(made.servers), ["s1", "s2", "s3"])
        self.assertEqual(
            {name: (each.capacity, each.speed) for name, each in made.servers.items()},
            {"s1": (7, 1.0), "s2": (7, 0.5), "s3": (7, 1.0)},
        )
        self.assertEqual(made.servers["s2"].latency, made.servers["s1"].latency)

    def test_generated_servers(self) -> None:
        """As many as are wanted take the place of the backend's, each with an address of its own."""
        made = scenario(self.mktemp(), USUAL.replace("1m", "1m\ngenerated_servers = 10000"))
        self.assertEqual(len(made.servers), 10_000)
        self.assertEqual(len({spec.address for spec in made.backend.servers}), 10_000)
        self.assertEqual([spec.name for spec in made.backend.servers][:2], ["s1", "s2"])

    def test_discovered_servers(self) -> None:
        """Servers that would be looked up are not known here: the scenario must generate some."""
        options = backend(0, discover=DiscoverSpec("dns+a", "app.example", 80))
        self.assertEqual([each.code for each in loaded(self.mktemp(), USUAL, options).diagnostics], ["no-servers"])

    def times(self, text: str) -> list[tuple[float, str, bool, tuple[str, ...]]]:
        return [
            (change.time, change.action.kind, change.begins, change.names)
            for change in scenario(self.mktemp(), EVENT + text).changes
        ]

    def test_events(self) -> None:
        """An event begins and ends, at once or one server after the other, once or again and again."""
        for text, expected in (
            ("do = crash\nservers = s1\n", [(10.0, "crash", True, ("s1",))]),
            (
                "do = hang\nservers = s1 s3\nlasts = 5s\n",
                [(10.0, "hang", True, ("s1", "s3")), (15.0, "hang", False, ("s1", "s3"))],
            ),
            (
                "do = maint\nservers = s?\nlasts = 5s\nstagger = 10s\n",
                [
                    (start + part, "maint", begins, (name,))
                    for start, name in ((10.0, "s1"), (20.0, "s2"), (30.0, "s3"))
                    for part, begins in ((0.0, True), (5.0, False))
                ],
            ),
            (
                "do = crash\nservers = s2\nlasts = 5s\nevery = 20s\n",
                [
                    (start + part, "crash", begins, ("s2",))
                    for start in (10.0, 30.0, 50.0)
                    for part, begins in ((0.0, True), (5.0, False))
                ],
            ),
            ("do = rate 2x\nlasts = 5s\n", [(10.0, "rate", True, ("web",)), (15.0, "rate", False, ("web",))]),
            (
                "do = flap 2s\nservers = s1\nlasts = 7s\n",
                [
                    (time, "crash", begins, ("s1",))
                    for time, begins in ((10.0, True), (12.0, False), (14.0, True), (16.0, False))
                ],
            ),
        ):
            self.assertEqual(self.times(text), expected, text)

    def test_what_happens(self) -> None:
        """The amount of what happens comes along."""
        (change,) = scenario(self.mktemp(), EVENT + "do = slow 3x\nservers = *\n").changes
        self.assertEqual((change.event, change.action, change.names), ("e", Action("slow", 3.0), ("s1", "s2", "s3")))
