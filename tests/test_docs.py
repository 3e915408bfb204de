"""What the documents say exists: configurations, links, options, metrics, commands, modules.

Fences: ```ini holds a whole configuration, which must be accepted without a warning; ```ini fragment holds a part of
one, whose options and values must be right. Pages under docs/reference/ are made from tables that have their own tests.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import trustme
from twisted.trial.unittest import SynchronousTestCase

from tests.support.child import ROOT, free_ports, start_relay
from twisted_relay.cli import COMMANDS
from twisted_relay.config import Diagnostic, load
from twisted_relay.config.build import OPTIONS
from twisted_relay.config.tree import BackendOptions
from twisted_relay.config.values import Address, ServerSpec
from twisted_relay.metrics.table import METRICS
from twisted_relay.simulation.scenario import load_scenario
from twisted_relay.simulation.sections import SCENARIO

AT_THE_ROOT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
GENERATED = ROOT / "docs" / "reference"
PAGES = (*(ROOT / name for name in AT_THE_ROOT), *sorted((ROOT / "docs").rglob("*.md")))
WRITTEN = tuple(page for page in PAGES if page.parent != GENERATED)

ENVIRONMENT = {"API_TOKEN": "t0ken"}
#: What a part of a configuration may lack or leave unused.
ELSEWHERE = {"no-such-name", "no-listener", "no-destination", "missing-option", "unused-section"}

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")
_OPTION = re.compile(r"([a-z][a-z0-9_]*) =(?: |$)")
_METRIC = re.compile(r"\brelay_[a-z_]+\b")
_SUFFIX = re.compile(r"_(?:bucket|sum|count)$")
_COMMAND = re.compile(r"(?:^|&& |; |exec )(?:\S*/)?relay ([a-z]+(?:-[a-z]+)*)\b")
_MODULE = re.compile(r"(?:twisted_relay/)?([a-z_0-9]+(?:/[a-z_0-9]+)*)(?:\.py|/)?")
_STATE = re.compile(r"server \S+ of backend \S+ is (?:up|down): .*")
TUTORIAL = ROOT / "docs" / "tutorial" / "first-relay.md"
FAMILIES = {path.name for path in (ROOT / "twisted_relay").iterdir() if (path / "__init__.py").exists()}


def fences(page: Path) -> Iterator[tuple[str, str]]:
    """Info string and content of every fenced block."""
    return ((info.strip(), text) for info, text in _FENCE.findall(page.read_text()))


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def code_words(page: Path) -> list[str]:
    """What stands in backticks, line breaks as spaces."""
    return [" ".join(code.split()) for code in _CODE.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """The names of a page's headings in links, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _varying(line: str) -> str:
    """A line about a server without the names, path and address that differ from one to the next."""
    line = re.sub(r"^server \S+ of backend \S+ ", "server S of backend B ", line)
    return re.sub(r"GET \S+: [0-9.]+:[0-9]+:", "GET PATH: ADDRESS:", line)


def _made_once(text: str) -> str:
    """Without the identifiers that are made anew each time."""
    return re.sub(r"(?<=X-Request-Id: )\S+|(?<=Via: 1\.1 web-)\S+", "x", text)


class DocumentsTests(SynchronousTestCase):
    """Every page, and the files at the root."""

    def place(self) -> Path:
        """A folder with the files that configurations in the documents name."""
        folder = Path(self.mktemp()).absolute()
        (folder / "tls").mkdir(parents=True)
        authority = trustme.CA()
        pair = authority.issue_cert("www.example.org")
        files = {
            "maintenance.html": b"Back soon.\n",
            "blocked.html": "".join(text for page in WRITTEN for info, text in fences(page) if info == "html").encode(),
            "htpasswd": b"alice:$2y$12$WYZ89ebzVMj63Y/RU4nhaOZ/7IkydYsZgMfgeI.90fclS9Lh8t9dK\n",
            "office-password": b"secret\n",
            "servers.txt": b"http://10.0.0.11:8000\n",
            "tls/internal-ca.pem": authority.cert_pem.bytes(),
            **dict.fromkeys(("tls/fullchain.pem", "tls/client.pem"), pair.cert_chain_pems[0].bytes()),
            **dict.fromkeys(("tls/privkey.pem", "tls/client.key"), pair.private_key_pem.bytes()),
        }
        for name, content in files.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        return folder

    def read(self, folder: Path, text: str) -> tuple[Diagnostic, ...]:
        """All that there is to say about a configuration."""
        path = folder / "relay.ini"
        path.write_text(text.replace("/etc/relay/", f"{folder}/").replace("/var/log/relay/", f"{folder}/"))
        return load(str(path), ENVIRONMENT).diagnostics

    def test_whole_configurations(self) -> None:
        """A configuration that a reader copies is accepted as it stands, without a warning."""
        folder = self.place()
        for page in WRITTEN:
            for info, text in fences(page):
                if info == "ini":
                    self.assertEqual(self.read(folder, text), (), f"{page}:\n{text}")

    def test_parts_of_configurations(self) -> None:
        """What is shown of a configuration has options that exist, with values that are understood."""
        folder = self.place()
        for page in WRITTEN:
            for info, text in fences(page):
                if info == "ini fragment":
                    wrong = [each for each in self.read(folder, text) if each.code not in ELSEWHERE]
                    self.assertEqual(wrong, [], f"{page}:\n{text}")

    def test_scenarios(self) -> None:
        """A scenario that a reader copies is accepted as it stands."""
        specs = tuple(ServerSpec(f"s{n}", "http", Address("10.0.0.1", n)) for n in range(1, 6))
        folder = self.place()
        for page in PAGES:
            for info, text in fences(page):
                if info == "ini scenario":
                    (folder / "scenario.ini").write_text(text)
                    path = str(folder / "scenario.ini")
                    self.assertEqual(load_scenario(path, {}, BackendOptions(servers=specs)).diagnostics, (), page)

    def test_kinds_of_fences(self) -> None:
        """Every block says what it is, so that no configuration escapes the tests."""
        known = {"ini", "ini fragment", "ini scenario", "console", "text", "yaml", "js", "python", "html", "mermaid"}
        for page in WRITTEN:
            self.assertEqual({info for info, _ in fences(page)} - known, set(), page)

    def test_links(self) -> None:
        """Every link to another file, and to a heading, leads somewhere."""
        for page in PAGES:
            for target in _LINK.findall(prose(page)):
                if "://" in target:
                    continue
                name, _, anchor = target.partition("#")
                other = (page.parent / name).resolve() if name else page
                self.assertTrue(other.exists(), f"{page}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(other), f"{page}: {target}")

    def test_the_map_is_complete(self) -> None:
        """Every page can be reached from docs/index.md."""
        found = {ROOT / "docs" / "index.md"}
        waiting = list(found)
        while waiting:
            page = waiting.pop()
            targets = {(page.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(prose(page))}
            new = {target for target in targets if target.suffix == ".md" and target.exists()} - found
            found |= new
            waiting += new
        self.assertEqual({page for page in PAGES if page not in found}, set())

    def test_options(self) -> None:
        """Every `option = value` in the text is an option of some section."""
        known = {key for options in (*OPTIONS.values(), *SCENARIO.options.values()) for key in options}
        for page in WRITTEN:
            named = {match[1] for code in code_words(page) if (match := _OPTION.match(code))}
            self.assertEqual(named - known, set(), page)

    def test_metrics(self) -> None:
        """Every metric that is named is in the table."""
        known = {metric.name for metric in METRICS}
        for page in WRITTEN:
            named = {_SUFFIX.sub("", name) for name in _METRIC.findall(page.read_text())}
            self.assertEqual({name for name in named if not any(each.startswith(name) for each in known)}, set(), page)

    def test_commands(self) -> None:
        """Every `relay` sub-command that is shown exists."""
        for page in WRITTEN:
            shown = [text for info, text in fences(page) if info == "console"]
            typed = [line[1:].strip() for text in shown for line in text.splitlines() if line.startswith(("$", "#"))]
            typed += [code for code in code_words(page) if code.startswith("relay ")]
            named = {name for line in typed for name in _COMMAND.findall(line)}
            self.assertEqual(named - set(COMMANDS), set(), page)

    def test_modules(self) -> None:
        """Every module of the package that is named exists."""
        for page in WRITTEN:
            for code in code_words(page):
                match = _MODULE.fullmatch(code)
                if match is None or match[1].split("/")[0] not in FAMILIES or "/" not in code:
                    continue
                path = ROOT / "twisted_relay" / match[1]
                self.assertTrue(path.is_dir() or path.with_suffix(".py").is_file(), f"{page}: {code}")

    def test_what_the_daemon_says_of_a_server(self) -> None:
        """The line of a server that is down is the real one, but for names, path and address."""
        text = next(text for info, text in fences(TUTORIAL) if info == "ini")
        text = text.replace(":8080", ":0").replace(":9180", ":0").replace(":8001", f":{free_ports(1)[0]}")
        text = text.replace("check_interval = 2s", "check_interval = 20ms")
        relay = start_relay(self, text)
        printed = relay.read_until("server one of backend site is down")
        real = _STATE.findall(printed)[0]
        for page in (TUTORIAL, ROOT / "docs" / "howto" / "health-and-failover.md"):
            shown = [line for line in _STATE.findall(page.read_text()) if "down" in line]
            self.assertEqual([_varying(line) for line in shown], [_varying(real)], page)

    def test_decisions_are_numbered(self) -> None:
        """Decision records have each number once, their title begins with it, and their three parts are there."""
        records = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
        numbers = [record.name[:4] for record in records]
        self.assertEqual(numbers, sorted(set(numbers)))  # gaps are no harm: who wrote side by side kept apart
        for record in records:
            text = record.read_text()
            self.assertTrue(text.startswith(f"# {record.name[:4]}: "), record)
            self.assertEqual(re.findall(r"^## (.*)$", text, re.MULTILINE), ["Context", "Decision", "Price"], record)

    def test_an_explained_request(self) -> None:
        """What the how-to shows of `relay explain` is what it prints, but for what is made anew for each request."""
        page = ROOT / "docs" / "howto" / "explain-a-request.md"
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "relay.ini").write_text(next(text for info, text in fences(page) if info == "ini"))
        shown = [text for info, text in fences(page) if info == "console" and text.startswith("$ relay explain")]
        for text in shown[:2]:
            command, expected = text[2:].split("\n", 1)
            program = "import sys; from twisted_relay.cli import main; sys.exit(main())"
            done = subprocess.run(
                [sys.executable, "-c", program, *shlex.split(command)[1:]],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            expected, said = _made_once(expected).removesuffix("…\n"), _made_once(done.stdout)
            self.assertEqual(said[: len(expected)], expected)
