"""The rules of the package's shape, read from its sources.

1. Down only: a module imports from its own family and from rows below it in LAYERS; no cycles; only what people start
   imports `service`; nothing of our own is imported inside a function.
2. Pure where it decides: what stands in PURE, and all it imports, stays clear of `twisted.internet`.
3. Downstream does not know upstream: families in one row of LAYERS do not know each other.
4. Who connects to somewhere does so through `upstream.dial`, where a guard can judge it; the others stand in DIALLING.
"""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "twisted_relay"

#: From the top down: (families side by side, why they stand here). A family is a module or a folder of the package.
LAYERS = (
    (("tap",), "`twistd relay`; its --check is `relay check`"),
    (("cli",), "the `relay` command; nothing but what people start imports it"),
    (("service",), "the wiring: the only one that knows all below it"),
    (("traffic",), "the way of every request, put together from options; it does not know the daemon"),
    (("simulation",), "a backend in virtual time, with modelled clients and servers; it does not know the daemon"),
    (("admin", "web"), "faces beside the proxy itself: they show what it is and offer it to other programs"),
    (
        ("health", "discovery", "feeds"),
        "watch servers and say what they saw, find servers and let them join, keep lists up to date; what is watched "
        "does not know it",
    ),
    (("downstream", "upstream"), "the two sides of an exchange; a callable joins them, made by the wiring"),
    (("filters",), "steps around an exchange, whoever received it and whoever answers it"),
    (("auth",), "who a client is, for whoever asks: a route or a forward proxy"),
    (("cache", "balancing"), "decisions about an exchange: may it be stored, which server is best"),
    (("metrics", "access_log", "accounting"), "views of finished exchanges; nothing that is seen knows who looks"),
    (
        ("net", "tls", "signals", "names"),
        "the operating system and the network's names: transports, deadlines, contexts; not whose bytes they carry",
    ),
    (("routing", "rules"), "which route takes a request, which rule decides about it"),
    (("conditions",), "one condition of a route"),
    (("guard",), "which addresses may be dialled for a client; whoever dials asks it"),
    (("exchange", "networks", "histogram"), "one request and its response, addresses, counts: they decide nothing"),
    (
        ("http", "socks"),
        "the messages of RFC 9110 and 9112, and those of RFC 1928 and 1929, without I/O: both sides of the proxy "
        "speak them",
    ),
    (("peek",), "what clients say first in tunnels, without I/O; exchanges carry who looks at it"),
    (("summary", "pac"), "the configuration in words, for the daemon's log, and in JavaScript, for browsers"),
    (("config",), "what the file says, before anything is made of it"),
    (
        ("lists",),
        "names and networks of block lists: how they are written, and sets of them; the configuration names some",
    ),
    (("errors", "histogram"), "everyone may raise one, or count"),
    ((PACKAGE,), "the version"),
)
#: What people start; only these may import the wiring.
STARTERS = ("tap", "cli")
#: These decide; clock, randomness and I/O come to them as arguments.
PURE = (
    "errors",
    "lists",
    "config",
    "http",
    "socks",
    "exchange",
    "peek",
    "networks",
    "guard",
    "histogram",
    "conditions",
    "routing",
    "rules",
    "summary",
    "pac",
    "metrics",
    "accounting",
    "cache",
    "balancing",
)
#: Single modules that are pure within a family that is not, and the other way round.
PURE_MODULES = (
    "auth.credentials",
    "auth.hashes",
    "auth.lockout",
    "auth.proven",
    "auth.user",
    "discovery.answer",
    "discovery.changes",
    "names.host",
    "net.bucket",
    "names.hosts",
    "names.known",
    "names.order",
    "names.reply",
    "names.resolv_conf",
    "names.watched_file",
    "upstream.budget",
    "upstream.circuit",
    "upstream.gradient",
    "upstream.hedging",
    "upstream.recent_times",
    "upstream.replay",
    "upstream.retry",
    "upstream.talks",
)
IMPURE_MODULES = ("cache.stores",)

#: Words by which a connection is opened, or datagrams are sent.
DIALS = frozenset(
    [
        "connectTCP",
        "connectUNIX",
        "connectSSL",
        "listenUDP",
        "dial_tcp",
        "dial_unix",
        "connect_ex",
        "create_connection",
        "Connector",
        "SOCK_DGRAM",
        "HTTPConnection",
        "HTTPSConnection",
        "HostnameEndpoint",
        "clientFromString",
        "wrapClientTLS",
        "Agent",
        "urlopen",
        "getaddrinfo",
        "treq",
        "TCP4ClientEndpoint",
        "TCP6ClientEndpoint",
        "UNIXClientEndpoint",
        "SSL4ClientEndpoint",
        "open_connection",
        "create_datagram_endpoint",
    ]
)
#: Who may use them: the one connector, and whoever cannot go through it, with the reason.
DIALLING = {
    "net.transport": "what the connector is made of",
    "upstream.dial": "the connector: traffic, checks, lists, parents",
    "names.nameservers": "name servers, which only the operator names, by address; the connector needs them itself",
    "names.routes": "asks the system for a route; nothing is sent",
    "net.interfaces": "asks the system for its addresses; nothing is sent",
    "cli.daemon": "the command, not the daemon: asks it over its socket",
}

REACTOR = "twisted.internet"


@dataclass(frozen=True, slots=True)
class Import:
    """`importer` imports `imported`, in that line, inside a function or not."""

    importer: str
    imported: str
    line: int
    inside_function: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


Sources = Mapping[str, str]
"""The text of each module by its dotted name."""


def sources() -> Sources:
    """The package as it is."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return found


def imports(modules: Sources) -> list[Import]:
    """Every import statement, for types too: to know a name is to know the module."""
    return [found for name, text in modules.items() for found in _imports_of(name, ast.parse(text), modules)]


def _imports_of(name: str, tree: ast.Module, modules: Sources) -> Iterator[Import]:
    within = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for target in sorted(set(_targets(node, modules))):
                yield Import(name, target, node.lineno, id(node) in within)


def _targets(node: ast.Import | ast.ImportFrom, modules: Sources) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.level:
        yield "." * node.level + (node.module or "")
    else:
        for alias in node.names:
            # `from package import name`: the name is a module of it, or something that the package itself holds.
            submodule = f"{node.module}.{alias.name}"
            yield submodule if submodule in modules or node.module == "twisted" else str(node.module)


def is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(PACKAGE + ".")


def family(name: str) -> str:
    """`twisted_relay.http.fields` belongs to `http`; the package itself is a family of its own."""
    return name.split(".")[1] if "." in name else name


def row(name: str) -> int:
    """How far down the module stands in LAYERS, from 0; -1 when it has no place."""
    return next((index for index, (families, _) in enumerate(LAYERS) if family(name) in families), -1)


def is_pure(name: str) -> bool:
    inner = name.removeprefix(PACKAGE + ".")
    return inner in PURE_MODULES or (family(name) in PURE and inner not in IMPURE_MODULES)


def upward(modules: Sources) -> list[str]:
    """Imports that do not go down, and modules that have no place in LAYERS."""
    wrong = [f"{name} has no place in LAYERS: give it one, with the reason" for name in modules if row(name) < 0]
    for each in imports(modules):
        if each.imported.startswith("."):
            wrong.append(f"{each}: write the whole name")
        elif is_ours(each.imported) and not _goes_down(each):
            wrong.append(f"{each}: {LAYERS[row(each.imported)][1]}")
    return wrong


def _goes_down(each: Import) -> bool:
    """Whether it does, as far as both have a place; one without is reported by itself."""
    importer, imported = row(each.importer), row(each.imported)
    return family(each.importer) == family(each.imported) or importer < imported or imported < 0


def cycles(modules: Sources) -> list[str]:
    """Modules that need each other."""
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for each in imports(modules):
        if is_ours(each.imported):
            graph[each.importer].add(each.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" → ".join(reversed(error.args[1]))]
    return []


def hidden(modules: Sources) -> list[str]:
    """Imports of our own package inside a function, where no reader looks for them."""
    return [str(each) for each in imports(modules) if each.inside_function and is_ours(each.imported)]


def knowing_the_wiring(modules: Sources) -> list[str]:
    """Imports of `service` by anyone but what people start."""
    return [str(i) for i in imports(modules) if family(i.imported) == "service" and family(i.importer) not in STARTERS]


def impure(modules: Sources) -> list[str]:
    """For each pure module that reaches the reactor: the imports that lead there."""
    edges: dict[str, list[str]] = {}
    for each in imports(modules):
        edges.setdefault(each.importer, []).append(each.imported)
    chains = (_chain_to_reactor(name, edges) for name in modules if is_pure(name))
    return [" → ".join(chain) for chain in chains if chain]


def _chain_to_reactor(start: str, edges: Mapping[str, Iterable[str]]) -> list[str]:
    paths, seen = [[start]], {start}
    for path in paths:
        for imported in edges.get(path[-1], ()):
            if imported == REACTOR or imported.startswith(REACTOR + "."):
                return [*path, imported]
            if is_ours(imported) and imported not in seen:
                seen.add(imported)
                paths.append([*path, imported])
    return []


def dialling(modules: Sources) -> list[str]:
    """Modules that connect to somewhere by themselves."""
    wrong = []
    for name, text in modules.items():
        if name.removeprefix(PACKAGE + ".") not in DIALLING:
            wrong += [f"{name}:{line}: {word} goes past upstream.dial" for line, word in _words(ast.parse(text))]
    return wrong


def _words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The words of DIALS that a module uses, with their lines: also as an attribute, or when it imports them."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=word) | ast.Name(id=word) | ast.alias(name=word) if word in DIALS:
                yield node.lineno, word
            case ast.ImportFrom(module=module) | ast.Import(names=[ast.alias(name=module), *_]) if module is not None:
                yield from ((node.lineno, part) for part in module.split(".") if part in DIALS)


class PackageTests(SynchronousTestCase):
    """The package keeps the rules."""

    def check(self, wrong: list[str]) -> None:
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_imports_go_down(self) -> None:
        """Who changes a module need only think of the modules above it; the two sides of the proxy are strangers."""
        self.check(upward(sources()))

    def test_no_import_cycles(self) -> None:
        """Each module can be understood, and tested, after those that it imports."""
        self.check(cycles(sources()))

    def test_nothing_of_ours_is_imported_inside_a_function(self) -> None:
        """What a module depends on stands at its head."""
        self.check(hidden(sources()))

    def test_only_what_people_start_knows_the_wiring(self) -> None:
        """`service` knows everyone, so nobody below may know it."""
        self.check(knowing_the_wiring(sources()))

    def test_what_decides_is_pure(self) -> None:
        """Decisions are plain functions of their arguments, as far as the imports in our own sources lead."""
        self.check(impure(sources()))

    def test_one_connector(self) -> None:
        """Whoever opens a connection does it where a guard can judge the address; exceptions have a reason."""
        self.check(dialling(sources()))

    def test_exceptions_are_needed(self) -> None:
        """Nobody stands in DIALLING without need."""
        found = sources()
        needed = {name for name in DIALLING if list(_words(ast.parse(found[f"{PACKAGE}.{name}"])))}
        self.assertEqual(needed, set(DIALLING))

    def test_what_decides_runs_without_the_reactor(self) -> None:
        """The same when they are really loaded, whatever other packages import in turn."""
        names = [name for name in sources() if is_pure(name)]
        program = f"import sys, {', '.join(names)}; print([n for n in sys.modules if n.startswith({REACTOR!r})])"
        loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual((loaded.stdout, loaded.stderr), ("[]\n", ""))


def package(**modules: str) -> Sources:
    """A package of which each rule can be asked; `__` in a name stands for the dot."""
    return {f"{PACKAGE}.{name.replace('__', '.')}": text for name, text in modules.items()}


OURS = f"from {PACKAGE}"
#: (a rule, a package that keeps it, a package that does not)
RULES = (
    (upward, package(http=f"{OURS}.errors import X", errors=""), package(http=f"{OURS}.routing import X", routing="")),
    (upward, package(http__a=f"{OURS}.http.b import X", http__b=""), package(http__a="from .b import X", http__b="")),
    (upward, package(service=f"import {PACKAGE}.upstream"), package(downstream=f"{OURS}.upstream import X")),
    (upward, package(tap=f"{OURS} import service", service=""), package(net=f"{OURS} import service", service="")),
    (upward, package(), package(toolbox="")),
    (cycles, package(errors=f"{OURS}.http import X", http=""), package(a=f"{OURS}.b import X", b=f"{OURS} import a")),
    (hidden, package(a="def f():\n  import json"), package(a=f"def f():\n  if 1:\n    {OURS}.b import X")),
    (
        knowing_the_wiring,
        package(cli__run=f"{OURS} import service", service=""),
        package(web=f"{OURS}.service import X"),
    ),
    (dialling, package(upstream__dial="r.connectTCP(a)"), package(feeds="r.connectTCP(a)")),
    (dialling, package(http="x = connect()"), package(http="from twisted.web.client import Agent")),
    (dialling, package(cli__daemon="import treq"), package(admin="import treq")),
    (impure, package(net="from twisted.internet import tcp"), package(routing="from twisted.internet import task")),
    (impure, package(http="from twisted.logger import Logger"), package(http="from twisted import internet")),
    (
        impure,
        package(balancing=f"{OURS}.http.b import X", http__b="import math"),
        package(balancing=f"{OURS}.http.b import X", http__b="import twisted.internet.task"),
    ),
)


class RuleTests(SynchronousTestCase):
    """Each rule finds what it is there to find."""

    def test_rules_can_fail(self) -> None:
        """A package that keeps a rule passes, one that breaks it does not."""
        for rule, kept, broken in RULES:
            self.assertEqual(rule(kept), [], kept)
            self.assertNotEqual(rule(broken), [], broken)
