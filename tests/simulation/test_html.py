"""The HTML report: one well-formed page that needs nothing else, and in which names are only text."""

import re
import xml.etree.ElementTree as Tree
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.modelled import USUAL, backend, run, scenario
from twisted_relay.config.values import BalanceSpec
from twisted_relay.simulation.html import as_html
from twisted_relay.simulation.report import Report
from twisted_relay.simulation.style import STATE_COLOURS
from twisted_relay.upstream.server import STATES

CRASH = USUAL + "[event:boom]\ndo = crash\nservers = s2\nat = 10s\nlasts = 20s\n"


class HTMLTests(SynchronousTestCase):
    """The page of one run, or of several."""

    def page(self, *policies: str, text: str = CRASH) -> str:
        made = scenario(self.mktemp(), text)
        runs = []
        for policy in policies or ("round-robin",):
            options = replace(made.backend, balance=BalanceSpec(policy))
            runs.append(run(replace(made, backend=options)))
        return as_html(Report(made, 1, True, runs))

    def parsed(self, page: str) -> Tree.Element:
        """The page as a tree; every element is closed."""
        return Tree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))

    def test_well_formed(self) -> None:
        """Every element is closed, also without any event, and with several policies."""
        for page in (self.page(), self.page(text=USUAL), self.page("round-robin", "least-connections")):
            tree = self.parsed(page)
            self.assertEqual(tree.tag, "html")
            self.assertGreaterEqual(len(tree.findall(".//svg")), 5)
            self.assertTrue(all(len(svg) > 5 for svg in tree.findall(".//svg")))

    def test_needs_nothing_else(self) -> None:
        """No script, no address, nothing to load; it follows the reader's choice of light or dark."""
        page = self.page()
        for word in ("<script", "http:", "https:", "url(", "src=", "href=", "@import", "@font-face"):
            self.assertNotIn(word, page)
        self.assertIn("prefers-color-scheme: dark", page)

    def test_names_are_text(self) -> None:
        """What stands in files, or comes from a server, cannot become part of the page."""
        made = scenario(self.mktemp(), CRASH)
        outcome = run(made)
        evil = "<script>alert('&\"')</script>"
        outcome.policy = evil
        outcome.state_changes = [replace(each, server=evil, reason=evil) for each in outcome.state_changes]
        outcome.total.errors[evil] = 1
        changes = tuple(replace(each, event=evil) for each in made.changes)
        named = replace(made, path=f"/x/{evil}.ini", servers={evil: made.servers["s1"]}, changes=changes)
        page = as_html(Report(named, 1, True, [outcome, outcome]))
        self.assertNotIn("<script", page)
        self.assertIn("&lt;script&gt;", page)
        self.parsed(page)

    def test_side_by_side(self) -> None:
        """With several policies there is a column, and a line in each chart, for each."""
        tree = self.parsed(self.page("round-robin", "least-connections"))
        heads = [cell.text for cell in tree.findall(".//th")]
        self.assertEqual(heads, [None, "round-robin", "least-connections"])
        legends = [["".join(item.itertext()) for item in each] for each in tree.findall(".//ul[@class='legend']")]
        self.assertEqual(legends.count(["round-robin", "least-connections"]), 3)

    def test_what_happened(self) -> None:
        """The crash is shaded in each chart over time, and the server's strip shows that it was down."""
        tree = self.parsed(self.page())
        bands = [rect for rect in tree.iter("rect") if rect.get("class") == "band"]
        self.assertEqual({band.findtext("title") for band in bands}, {"boom"})
        told = {rect.findtext("title") for rect in tree.iter("rect") if (rect.get("class") or "").startswith("state")}
        self.assertLessEqual({"s1: up", "s2: up", "s2: down", "s3: up"}, told)
        self.assertNotIn("s1: down", told)

    def test_every_state_has_a_colour(self) -> None:
        """Each state of a server stands in the key, with a colour of its own."""
        self.assertEqual(set(STATE_COLOURS), set(STATES))
        self.assertEqual(len(set(STATE_COLOURS.values())), len(STATES))

    def test_drawings_stay_within_their_frame(self) -> None:
        """No line leaves its chart."""
        tree = self.parsed(self.page("round-robin", "least-connections"))
        for svg in tree.iter("svg"):
            _, _, width, height = map(float, (svg.get("viewBox") or "").split())
            for path in svg.iter("path"):
                for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", path.get("d") or ""):
                    self.assertTrue(0 <= float(x) <= width and 0 <= float(y) <= height, path.get("d"))

    def test_queue(self) -> None:
        """When requests wait for a server with room, the queue is drawn; otherwise it is not."""
        options = backend(max_connections_per_server=1)
        made = scenario(self.mktemp(), USUAL.replace("constant 20ms", "constant 300ms"), options)
        outcome = run(made)
        self.assertGreater(outcome.total.queue, 3)
        self.assertEqual(outcome.total.queue, max(each.queue for each in outcome.series))
        self.assertIn("requests that wait in relay", as_html(Report(made, 1, True, [outcome])))
        self.assertNotIn("requests that wait in relay", self.page())

    def test_many_servers(self) -> None:
        """A thousand servers are shown as a curve, and only those that changed their state have a strip."""
        made = scenario(self.mktemp(), CRASH.replace("1m", "20s\ngenerated_servers = 1000"), backend(check=None))
        page = as_html(Report(made, 1, True, [run(made)]))
        self.assertLess(len(page), 100_000)
        self.assertNotIn("s999", page)
        labels = [text.text for text in self.parsed(page).iter("text")]
        self.assertLessEqual({"0", "100", "1,000"}, set(labels))
