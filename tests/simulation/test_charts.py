"""Charts: axes with round numbers, lines where the values are, and gaps where there are none."""

import re
import xml.etree.ElementTree as Tree

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay.simulation.charts import HEIGHT, Band, Line, Times, bar_chart, line_chart, state_strips


def drawn(chart: str) -> Tree.Element:
    """A chart, with its legend, as a tree."""
    return Tree.fromstring(f"<div>{chart}</div>")


def labels(chart: str, anchor: str) -> list[str]:
    """What stands at an axis: `end` for levels, `middle` for times."""
    return [text.text or "" for text in drawn(chart).iter("text") if text.get("text-anchor") == anchor]


def plain(value: float) -> str:
    return f"{value:g}"


class ChartTests(SynchronousTestCase):
    """One chart."""

    def levels(self, *values: float, logarithmic: bool = False) -> list[str]:
        chart = line_chart(Times(10.0), [Line("a", values, 0)], 1.0, plain, logarithmic=logarithmic)
        return labels(chart, "end")

    def test_levels(self) -> None:
        """They are round, few, and hold all values."""
        for values, expected in (
            ((), ["0", "0.5", "1"]),
            ((0.0, 0.0), ["0", "0.5", "1"]),
            ((1.0, 7.0), ["0", "2", "4", "6", "8"]),
            ((220.0,), ["0", "100", "200", "300"]),
            ((0.0013,), ["0", "0.0005", "0.001", "0.0015"]),
        ):
            self.assertEqual(self.levels(*values), expected, values)

    def test_logarithmic_levels(self) -> None:
        """They are 1, 2 and 5 times powers of ten, or powers alone when these are many."""
        for values, expected in (
            ((), ["0.01", "0.02", "0.05", "0.1"]),
            ((0.02, 0.3), ["0.02", "0.05", "0.1", "0.2", "0.5"]),
            ((0.003, 60.0), ["0.002", "0.01", "0.1", "1", "10", "100"]),
        ):
            self.assertEqual(self.levels(*values, logarithmic=True), expected, values)

    def test_times(self) -> None:
        """At most eleven moments, in units that fit the length."""
        for duration, first, last in (
            (60.0, "0:00", "1:00"),
            (600.0, "0:00", "10:00"),
            (86400.0, "0:00", "24h"),
            (5400.0, "0:00", "1h30"),
            (30 * 86400.0, "0:00", "720h"),
        ):
            shown = labels(line_chart(Times(duration), [], 1.0, plain), "middle")
            self.assertEqual((shown[0], shown[-1]), (first, last))
            self.assertLessEqual(len(shown), 11)

    def test_lines(self) -> None:
        """A line goes through its values, from left to right, and has gaps where there is none, or no logarithm."""
        for logarithmic, values in ((False, (1.0, 2.0, None, 4.0, 3.0)), (True, (1.0, 2.0, 0.0, 4.0, 3.0))):
            chart = line_chart(Times(5.0), [Line("a", values, 3)], 1.0, plain, logarithmic=logarithmic)
            paths = [path.get("d") or "" for path in drawn(chart).iter("path")]
            points = [[tuple(map(float, pair.split())) for pair in re.split("[ML]", path)[1:]] for path in paths]
            self.assertEqual([len(each) for each in points], [2, 2])
            xs = [x for each in points for x, _ in each]
            self.assertEqual(xs, sorted(xs))
            (_, one), (_, two), (_, four), (_, three) = (point for each in points for point in each)
            self.assertTrue(four < three < two < one < HEIGHT)

    def test_bars(self) -> None:
        """Each name has a bar of each group, as high as its value."""
        chart = bar_chart(["s1", "s2"], [("a", [1.0, 2.0]), ("b", [3.0, 4.0])], plain)
        bars = {bar.findtext("title"): float(bar.get("height") or 0) for bar in drawn(chart).iter("rect")}
        self.assertEqual(set(bars), {"s1, a: 1", "s2, a: 2", "s1, b: 3", "s2, b: 4"})
        self.assertAlmostEqual(bars["s2, b: 4"], 4 * bars["s1, a: 1"], 0)

    def test_strips(self) -> None:
        """A state lasts until the next one, the last one to the end."""
        chart = state_strips(Times(100.0), [("s1", [(0.0, "up"), (25.0, "down"), (75.0, "up")])])
        widths = [float(rect.get("width") or 0) for rect in drawn(chart).iter("rect")]
        self.assertAlmostEqual(widths[1], 2 * widths[0], 0)
        self.assertAlmostEqual(widths[0], widths[2], 0)

    def test_bands(self) -> None:
        """Events are shaded from their beginning to their end, however short, and named while there is room."""
        for count, named in ((2, True), (20, False)):
            bands = [Band(f"e{number}", number, number) for number in range(count)]
            chart = line_chart(Times(100.0, bands), [], 1.0, plain)
            shaded = [rect for rect in drawn(chart).iter("rect") if rect.get("class") == "band"]
            self.assertEqual(len(shaded), count)
            self.assertGreater(min(float(rect.get("width") or 0) for rect in shaded), 1.0)
            self.assertEqual("e1" in labels(chart, "start"), named)

    def test_legend(self) -> None:
        """With more than one line, each is named."""
        lines = [Line("<a>", (1.0,), 0), Line("b", (1.0,), 1, dashed=True)]
        items = ["".join(item.itertext()) for item in drawn(line_chart(Times(1.0), lines, 1.0, plain)).iter("li")]
        self.assertEqual(items, ["<a>", "b"])
        self.assertEqual(list(drawn(line_chart(Times(1.0), lines[:1], 1.0, plain)).iter("li")), [])
