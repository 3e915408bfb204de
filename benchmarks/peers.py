"""The proxies that are compared: one row each, with what tells that it is installed and how it is started.

The configurations, in `configurations/` and `programs/`, are meant to do the same: one core, connections to the origin
kept alive, X-Forwarded-* set, bodies streamed, a check of the origin where the proxy has one, no access log.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from origins import fill_in
from processes import Cores, descriptors, free_port, running

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
PYTHON = sys.executable
PROBE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Peer:
    """One proxy. `{configuration}`, `{port}`, `{origin_port}` and `{directory}` in `command` are filled in."""

    name: str
    title: str
    probe: tuple[str, ...]
    """A command that succeeds when the peer is installed, and prints its version."""
    command: tuple[str, ...]
    template: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A peer that runs."""

    pid: int
    port: int
    command: str


def _program(name: str, interpreter: str = PYTHON) -> tuple[str, ...]:
    return (interpreter, str(HERE / "programs" / name), "{port}", "{origin_port}")


_RELAY_VERSION = "import twisted_relay, twisted_relay.tap; print(twisted_relay.__version__)"
_TWISTED_VERSION = "import twisted; print(twisted.__version__)"
_AIOHTTP_VERSION = """
import aiohttp
try:
    import uvloop
except ImportError:
    print(aiohttp.__version__)
else:
    print(aiohttp.__version__, "with uvloop", uvloop.__version__)
"""
_NODE_VERSION = """
const version = (name) => require(`${process.env.NODE_PATH}/${name}/package.json`).version;
const middleware = version("http-proxy-middleware");
console.log(version("express"), "with http-proxy-middleware", middleware, "on Node", process.version);
"""
_PYTHON_PACKAGES = {"PYTHONPATH": str(CACHE / "python")}
_NODE_PACKAGES = {"NODE_PATH": str(CACHE / "node" / "node_modules"), "NODE_ENV": "production"}
_ENVOY = str(CACHE / "python" / "envoy" / "_bin" / "envoy")

_ROWS = (
    Peer(
        "relay",
        "twisted_relay",
        (PYTHON, "-c", _RELAY_VERSION),
        (str(Path(PYTHON).with_name("twistd")), "-n", "--pidfile=", "relay", "--config", "{configuration}"),
        "relay.ini",
        {"PYTHONPATH": str(HERE.parent)},  # this tree, whatever is installed
    ),
    Peer("nginx", "nginx", ("nginx", "-v"), ("nginx", "-e", "stderr", "-c", "{configuration}"), "nginx.conf"),
    Peer("haproxy", "HAProxy", ("haproxy", "-v"), ("haproxy", "-db", "-f", "{configuration}"), "haproxy.cfg"),
    Peer(
        "envoy",
        "Envoy",
        (_ENVOY, "--version"),
        (_ENVOY, "--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c", "{configuration}"),
        "envoy.yaml",
    ),
    Peer(
        "caddy",
        "Caddy",
        ("caddy", "version"),
        ("caddy", "run", "--adapter", "caddyfile", "--config", "{configuration}"),
        "Caddyfile",
        {"GOMAXPROCS": "1"},
    ),
    Peer("squid", "Squid", ("squid", "-v"), ("squid", "-N", "-f", "{configuration}"), "squid.conf"),
    Peer(
        "aiohttp",
        "aiohttp",
        (PYTHON, "-c", _AIOHTTP_VERSION),
        _program("aiohttp_proxy.py"),
        environment=_PYTHON_PACKAGES,
    ),
    Peer(
        "express",
        "Express + http-proxy-middleware",
        ("node", "-e", _NODE_VERSION),
        _program("express_proxy.js", "node"),
        environment=_NODE_PACKAGES,
    ),
    Peer(
        "twisted-web",
        "twisted.web ReverseProxyResource",
        (PYTHON, "-c", _TWISTED_VERSION),
        _program("twisted_web_proxy.py"),
    ),
)

PEERS: Mapping[str, Peer] = {peer.name: peer for peer in _ROWS}


def chosen(names: str) -> list[Peer]:
    """The peers of a comma-separated list; a wrong name ends the program with the right ones."""
    unknown = [name for name in names.split(",") if name not in PEERS]
    if unknown:
        sys.exit(f"unknown peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return [PEERS[name] for name in names.split(",")]


def versions(peers: Sequence[Peer]) -> dict[str, str]:
    """The version of each peer that is installed, by name."""
    return {peer.name: version for peer in peers if (version := _version(peer))}


def _version(peer: Peer) -> str:
    """The version as the peer prints it, or "" when it is not installed."""
    if shutil.which(peer.probe[0]) is None:
        return ""
    try:
        probe = subprocess.run(
            ("env", *(f"{name}={value}" for name, value in peer.environment.items()), *peer.probe),
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            cwd=HERE.parent,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return ""
    printed = (probe.stdout + probe.stderr).strip()
    if printed[:1].isdigit() and "\n" not in printed:
        return printed
    found = re.search(r"(?<![\w.])\d+\.\d+[\w.+-]*", printed.replace("/", " "))
    return found.group() if found else "unknown version"


@contextmanager
def proxying(peer: Peer, origin_port: int, cores: Cores, directory: Path) -> Iterator[Proxy]:
    """Run a peer in front of an origin while the block runs. Raises StartFailed."""
    port = free_port()
    configuration = directory / (peer.template or "none")
    values = {
        "PORT": str(port),
        "ORIGIN_PORT": str(origin_port),
        "ADMIN_PORT": str(free_port()),
        "DIRECTORY": str(directory),
        "DESCRIPTORS": str(descriptors()),
        "MAX_CONNECTIONS": str((descriptors() - 300) // 2),
    }
    if peer.template:
        template = (HERE / "configurations" / peer.template).read_text()
        configuration.write_text(fill_in(template, values))
    words = {"configuration": str(configuration), "port": str(port), "origin_port": str(origin_port)}
    command = [*cores.prefix, *(word.format(**words) for word in peer.command)]
    own_folders = {"XDG_CONFIG_HOME": str(directory), "XDG_DATA_HOME": str(directory)}
    with running(command, port, directory / f"{peer.name}.log", {**own_folders, **peer.environment}) as pid:
        yield Proxy(pid, port, " ".join(command).replace(f"{HERE.parent}/", ""))
