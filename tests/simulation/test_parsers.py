"""How the values of scenarios are written: what is understood, what is refused and with which help."""

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.config.option import AnyParser, Parser
from twisted_relay.config.words import BadValue, Span, Text, Value, Word
from twisted_relay.simulation.latency import Latency
from twisted_relay.simulation.parsers import ACTION, CURVE, EXPONENT, FACTOR, LATENCY, METHODS, STATUSES
from twisted_relay.simulation.values import CLIENT_ACTIONS, SERVER_ACTIONS, Action, rate_at


def value(text: str) -> Value:
    """A value as it stands in a file, from column 1 of line 1 on."""
    lines = tuple(Text.plain(line, Span("f", number, 1)) for number, line in enumerate(text.splitlines(), 1))
    return Value(Word("key", Span("f", 1, 1)), lines)


#: parser, as it is written, what it means
UNDERSTOOD: tuple[tuple[AnyParser, str, object], ...] = (
    (CURVE, "100/s", ((0.0, 100.0),)),
    (CURVE, "30/m", ((0.0, 0.5),)),
    (CURVE, "36/h", ((0.0, 0.01),)),
    (CURVE, "0s 20/s\n8h 100/s", ((0.0, 20.0), (28800.0, 100.0))),
    (CURVE, "1h 20/s", ((3600.0, 20.0),)),
    (LATENCY, "constant 20ms", Latency("constant", 0.02)),
    (LATENCY, "uniform 10ms 30ms", Latency("uniform", 0.01, 0.03)),
    (LATENCY, "exponential 1s", Latency("exponential", 1.0)),
    (LATENCY, "lognormal median=20ms p99=200ms", Latency("lognormal", 0.02, 0.2)),
    (FACTOR, "0.5x", 0.5),
    (EXPONENT, "1.1", 1.1),
    (METHODS, "GET", (("GET", 1.0),)),
    (METHODS, "GET:90% POST:10%", (("GET", 0.9), ("POST", 0.1))),
    (STATUSES, "404:25% 200", (("404", 0.25), ("200", 0.75))),
    (ACTION, "crash", Action("crash")),
    (ACTION, "slow 10x", Action("slow", 10.0)),
    (ACTION, "errors 50%", Action("errors", 0.5, 500)),
    (ACTION, "errors 0.5% 503", Action("errors", 0.005, 503)),
    (ACTION, "flap 10s", Action("flap", 10.0)),
    (ACTION, "rate 5x", Action("rate", 5.0)),
    (ACTION, "rate 300/s", Action("rate", 300.0, is_rate=True)),
)

#: parser, what is wrong, line and column of the place, and a part of the message or its help
REFUSED: tuple[tuple[AnyParser, str, tuple[int, int], str], ...] = (
    (CURVE, "100", (1, 1), "write a rate such as 100/s"),
    (CURVE, "100 / s", (1, 1), "write a time and a rate"),
    (CURVE, "0s 20/s\n8h", (2, 1), "write a time and a rate"),
    (CURVE, "8h 20/s\n4h 10/s", (2, 1), "does not rise"),
    (CURVE, "8 20/s", (1, 1), "write a time with a unit"),
    (LATENCY, "gaussian 20ms", (1, 1), "write constant 20ms"),
    (LATENCY, "exponentail 20ms", (1, 1), 'did you mean "exponential"?'),
    (LATENCY, "uniform 10ms", (1, 1), "write constant 20ms"),
    (LATENCY, "uniform 30ms 10ms", (1, 14), "must be longer"),
    (LATENCY, "lognormal 20ms 200ms", (1, 1), "lognormal median=20ms"),
    (LATENCY, "lognormal median=0 p99=1s", (1, 11), "at least 1ms"),
    (FACTOR, "2", (1, 1), "write a factor such as 10x"),
    (FACTOR, "0x", (1, 1), "write a factor such as 10x"),
    (EXPONENT, "x", (1, 1), "write a number"),
    (METHODS, "get", (1, 1), "methods have capital letters"),
    (METHODS, "GET POST", (1, 5), "has no share"),
    (METHODS, "GET:50% POST:40%", (0, 0), "add up to 90%, not 100%"),
    (METHODS, "GET:80% POST:40%", (0, 0), "add up to 120%, not 100%"),
    (METHODS, "GET:150%", (1, 1), "from 0% to 100%"),
    (STATUSES, "OK", (1, 1), "write status codes"),
    (STATUSES, "200 099:1%", (1, 5), "write status codes"),
    (ACTION, "explode", (1, 1), "write one of crash, hang"),
    (ACTION, "crach", (1, 1), 'did you mean "crash"?'),
    (ACTION, "crash now", (1, 7), "is too much"),
    (ACTION, "slow", (1, 1), "slow needs more"),
    (ACTION, "slow 10", (1, 6), "write a factor"),
    (ACTION, "errors half", (1, 8), "from 0% to 100%"),
    (ACTION, "errors 50% 600", (1, 12), "a status code from 200 to 599"),
    (ACTION, "flap 0", (1, 6), "at least 1ms"),
    (ACTION, "rate 5", (1, 6), "write a rate"),
)


class ParserTests(SynchronousTestCase):
    """Each kind of value."""

    def test_understood(self) -> None:
        """What the reference page says can be written means what it says."""
        for parser, text, meaning in UNDERSTOOD:
            self.assertEqual(parser.read(value(text)), meaning, text)

    def test_shown(self) -> None:
        """What is shown means the same when it is read again."""
        for parser, text, meaning in UNDERSTOOD:
            assert isinstance(parser, Parser)
            self.assertEqual(parser.read(value(parser.show(meaning))), meaning, text)

    def test_refused(self) -> None:
        """Every mistake is shown at its place, with what would be right."""
        for parser, text, place, said in REFUSED:
            bad = self.assertRaises(BadValue, parser.read, value(text))
            (fault,) = bad.faults
            self.assertIn(said, f"{fault.message} {fault.help}", text)
            self.assertEqual((fault.span.line, fault.span.column) if fault.span else (0, 0), place, text)

    def test_all_actions(self) -> None:
        """Whatever can happen can be written."""
        amounts = {"slow": " 2x", "errors": " 1%", "flap": " 1s", "rate": " 2x"}
        for kind in SERVER_ACTIONS | CLIENT_ACTIONS:
            self.assertEqual(ACTION.read(value(kind + amounts.get(kind, ""))).kind, kind)

    def test_rates_between_the_points(self) -> None:
        """A rate changes evenly between two times, and stays before the first and after the last."""
        curve = CURVE.read(value("1h 10/s\n2h 30/s\n3h 0/s"))
        for hours, expected in (
            (0.0, 10.0),
            (1.0, 10.0),
            (1.5, 20.0),
            (2.0, 30.0),
            (2.5, 15.0),
            (3.0, 0.0),
            (9.0, 0.0),
        ):
            self.assertEqual(rate_at(curve, hours * 3600), expected, hours)
