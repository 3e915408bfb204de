"""Times, sizes, counts, booleans, percentages, choices, modes, buckets, names, paths and texts."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import faults_of, parse
from twisted_relay.config import scalars


class TimeTests(SynchronousTestCase):
    """Times need a unit."""

    def test_units(self) -> None:
        """Every unit, fractions, and units one after another."""
        for text, seconds in (
            ("0", 0.0),
            ("500ms", 0.5),
            ("1.5s", 1.5),
            ("10s", 10.0),
            ("5m", 300.0),
            ("1h30m", 5400.0),
            ("7d", 604_800.0),
            ("1d2h3m4s5ms", 93_784.005),
        ):
            self.assertEqual(scalars.parse_time(text), seconds, text)

    def test_a_bare_number_is_asked_about(self) -> None:
        """`2` could be seconds or milliseconds, so the help asks which."""
        for text in ("2", "1.5", "00"):
            (fault,) = faults_of(scalars.TIME, text)
            self.assertEqual(fault.message, f'"{text}" is not valid')
            self.assertIn(f"({text}s or {text}ms?)", fault.help)

    def test_a_unit_that_stands_apart(self) -> None:
        """It is said how the two are written together; what does not become a time that way is only too much."""
        for text, help in (("2 s", "write 2s"), ("1h 30m", "write 1h30m"), ("2 x", ""), ("2s 3s", ""), ("2 3", "")):
            (fault,) = faults_of(scalars.TIME, text)
            self.assertIn("takes one word", fault.message)
            self.assertEqual(fault.help, help, text)

    def test_refused(self) -> None:
        """Unknown, repeated or rising units, signs, and times that no one means."""
        for text in ("10S", "s", "2 s", "-1s", "1m1h", "1s1s", "1e3s", "4000d", "9" * 40 + "s", "٣s", "1.s", "infs"):
            self.assertTrue(faults_of(scalars.ANY_TIME, text), text)

    def test_zero_only_where_it_means_something(self) -> None:
        """A time-out of 0 is refused; a grace of 0 is not."""
        self.assertEqual(parse(scalars.ANY_TIME, "0"), 0.0)
        for text in ("0", "0s"):
            self.assertIn("at least 1ms", faults_of(scalars.TIME, text)[0].help)

    @given(st.integers(1, 10**10))
    def test_round_trip(self, milliseconds: int) -> None:
        """What is shown as a default can be written."""
        seconds = milliseconds / 1000
        self.assertEqual(scalars.parse_time(scalars.show_time(seconds)), seconds)


class SizeTests(SynchronousTestCase):
    """Sizes are bytes or powers of 1024."""

    def test_units(self) -> None:
        """Bare numbers are bytes; letters are powers of 1024, with or without iB."""
        for text, size in (("0", 0), ("512", 512), ("8k", 8192), ("8K", 8192), ("10M", 10 * 1024**2), ("1G", 1024**3)):
            self.assertEqual(scalars.parse_size(text), size, text)
        for text, size in (("8KiB", 8192), ("10MiB", 10 * 1024**2), ("1GiB", 1024**3)):
            self.assertEqual(scalars.parse_size(text), size, text)

    def test_decimal_units_are_refused_with_a_hint(self) -> None:
        """`10MB` could be 1000 or 1024: the help shows how to say it."""
        (fault,) = faults_of(scalars.SIZE, "10MB")
        self.assertEqual(fault.help, "10MB means two things; write 10M or 10MiB (powers of 1024)")
        self.assertIn("write 8k or 8KiB", faults_of(scalars.SIZE, "8kb")[0].help)

    def test_refused(self) -> None:
        """Fractions, signs, other letters, and more than there is."""
        for text in ("1.5M", "-1", "10x", "M", "10 M", "9999999G", "1" * 30, "1TB"):
            self.assertTrue(faults_of(scalars.SIZE, text), text)

    def test_bounds(self) -> None:
        """Both bounds are allowed, beyond them the help names both."""
        parser = scalars.size_between(64, 1024)
        self.assertEqual([parse(parser, text) for text in ("64", "1k")], [64, 1024])
        for text in ("63", "1025"):
            self.assertEqual(faults_of(parser, text)[0].help, "write a size from 64 to 1k")

    @given(st.integers(0, 1024**5))
    def test_round_trip(self, size: int) -> None:
        """What is shown as a default can be written."""
        self.assertEqual(scalars.parse_size(scalars.show_size(size)), size)


class WordTests(SynchronousTestCase):
    """The other values of one word."""

    def test_booleans(self) -> None:
        """Six words, in any case."""
        for text, flag in (
            ("on", True),
            ("off", False),
            ("Yes", True),
            ("no", False),
            ("TRUE", True),
            ("false", False),
        ):
            self.assertIs(parse(scalars.BOOLEAN, text), flag, text)

    def test_other_booleans_are_refused(self) -> None:
        """No guessing."""
        for text in ("enabled", "1", "0", "y", "disable"):
            self.assertIn("write on or off", faults_of(scalars.BOOLEAN, text)[0].help, text)

    def test_counts(self) -> None:
        """Whole numbers within bounds."""
        parser = scalars.count(1, 100)
        self.assertEqual([parse(parser, text) for text in ("1", "100", "007")], [1, 100, 7])
        for text in ("0", "101", "-1", "1.0", "1k", "٣", "9" * 50):
            self.assertEqual(faults_of(parser, text)[0].help, "write a whole number from 1 to 100", text)

    def test_percentages(self) -> None:
        """A fraction is written with its sign, up to 50%."""
        for text, fraction in (("0%", 0.0), ("10%", 0.1), ("12.5%", 0.125), ("50%", 0.5)):
            self.assertEqual(parse(scalars.PERCENT, text), fraction)
        for text in ("10", "51%", "-1%", "%", "0.1"):
            self.assertTrue(faults_of(scalars.PERCENT, text), text)

    def test_choices(self) -> None:
        """The help lists what can be chosen."""
        parser = scalars.choice("common", "combined", "json")
        self.assertEqual(parse(parser, "json"), "json")
        self.assertEqual(faults_of(parser, "xml")[0].help, "write common, combined or json")
        self.assertEqual(faults_of(scalars.choice("one"), "two")[0].help, "write one")

    def test_modes(self) -> None:
        """Octal, as for chmod."""
        self.assertEqual([parse(scalars.MODE, text) for text in ("0660", "666")], [0o660, 0o666])
        for text in ("0o660", "rw-rw----", "0999", "7777"):
            self.assertTrue(faults_of(scalars.MODE, text), text)

    def test_buckets(self) -> None:
        """Rising numbers; the word that does not rise is named."""
        self.assertEqual(parse(scalars.BUCKETS, "0.005 0.1 1\n10"), (0.005, 0.1, 1.0, 10.0))
        for text, wrong in (
            ("0.1 0.1", 11),
            ("1 2 1", 11),
            ("0 1", 7),
            ("1 two", 9),
            ("1s", 7),
            ("1 inf", 9),
            ("nan", 7),
        ):
            (fault,) = faults_of(scalars.BUCKETS, text)
            assert fault.span
            self.assertEqual(fault.span.column, wrong, text)

    def test_names(self) -> None:
        """Names of sections; `off` is a name only where nothing can be switched off."""
        self.assertEqual(parse(scalars.reference("backend"), "a.b-c_9"), "a.b-c_9")
        self.assertEqual(parse(scalars.reference_or_off("log"), "off"), "")
        self.assertEqual(parse(scalars.references("listener"), "a b"), ("a", "b"))
        self.assertTrue(faults_of(scalars.reference("backend"), "a/b"))

    def test_one_word_only(self) -> None:
        """The second word is pointed at."""
        (fault,) = faults_of(scalars.TIME, "1s 2s")
        assert fault.span
        self.assertEqual((fault.message, fault.span.column), ('takes one word; "2s" is too much', 10))


class PathAndTextTests(SynchronousTestCase):
    """Paths and texts."""

    def test_paths_are_relative_to_the_file(self) -> None:
        """A relative path starts in the folder of the file that it stands in; spaces are part of it."""
        self.assertEqual(scalars.absolute("tls/a b.pem", "/etc/relay/relay.ini"), "/etc/relay/tls/a b.pem")
        self.assertEqual(scalars.absolute("/a.pem", "/etc/relay/relay.ini"), "/a.pem")
        self.assertEqual(parse(scalars.PATH, "x y.pem"), os.path.join(os.getcwd(), "x y.pem"))

    def test_one_path_only(self) -> None:
        """A second line is no second path."""
        (fault,) = faults_of(scalars.PATH, "/a\n/b")
        assert fault.span
        self.assertEqual(fault.span.line, 2)

    def test_log_targets(self) -> None:
        """Three words are no paths."""
        for word in ("stderr", "stdout", "off"):
            self.assertEqual(parse(scalars.LOG_TARGET, word), word)
        self.assertEqual(parse(scalars.LOG_TARGET, "/var/log/a.log"), "/var/log/a.log")

    def test_texts(self) -> None:
        r"""Lines and `\n` are line breaks; other backslashes stay."""
        for text, read in ((r"a\nb", "a\nb"), ("a\nb", "a\nb"), (r"a\\nb", r"a\nb"), (r"\d\t", "\\d\t")):
            self.assertEqual(parse(scalars.TEXT, text), read)

    @given(
        st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from("\n\t\\ n"), min_size=1)
    )
    def test_texts_round_trip(self, text: str) -> None:
        """Any text can be written on one line."""
        self.assertEqual(parse(scalars.TEXT, scalars.TEXT.show(text)), text)
