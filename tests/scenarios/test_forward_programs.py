"""Programs that people have, through the forward proxy: pip, npm, git, and Python's clients.

Every site is on this machine, and its name is known to the relay alone; the rules let nothing else out.
"""

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.scenarios.origins import ATTENDED, PROGRAMS, content
from tests.scenarios.outside import Outside
from tests.scenarios.relays import relay
from tests.support.child import free_ports

RELAY = """\
[listener:proxy]
bind = 127.0.0.1:${PROXY}
mode = forward
connect_ports = ${SECURE} ${PLAIN}
allow_destination = .office.test:${SECURE},${PLAIN}
rules = egress

[rules:egress]
rule =
    allow domain .office.test
    deny all

[dns]
hosts = ${HOSTS}
"""
WHEEL = {
    "greeting.py": "WORDS = 'hello from afar'\n",
    "greeting-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.2\n",
    "greeting-1.2.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
PACKAGE = {
    "package/package.json": '{"name": "greeting", "version": "1.2.0", "main": "index.js"}',
    "package/index.js": "module.exports = 'hello from afar';\n",
}


class ProgramsTests(SynchronousTestCase):
    """Each of them has no other way to the sites."""

    def setUp(self) -> None:
        """The sites, and the proxy."""
        self.outside = Outside(self)
        self.folder = self.outside.folder
        [port] = map(str, free_ports(1))
        self.proxy = f"http://127.0.0.1:{port}"
        relay(
            self,
            RELAY,
            PROXY=port,
            SECURE=self.outside.secure,
            PLAIN=self.outside.plain,
            HOSTS=self.outside.hosts,
        )

    def run_program(self, *command: str | Path, **environment: str) -> str:
        """What a program prints that must succeed; it knows nothing of how this machine is set up."""
        settings = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment}
        done = subprocess.run(
            [*ATTENDED, *map(str, command)],
            env=settings,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_pip(self) -> None:
        """pip finds a package in an index, and installs its wheel."""
        wheel = wheel_of(WHEEL)
        self.outside.file("pypi", "greeting-1.2-py3-none-any.whl").write_bytes(wheel)
        digest = hashlib.sha256(wheel).hexdigest()
        self.outside.file("pypi", "simple/greeting/index.html").write_text(
            f'<a href="/greeting-1.2-py3-none-any.whl#sha256={digest}">greeting-1.2-py3-none-any.whl</a>'
        )
        self.run_program(
            *(sys.executable, "-m", "pip", "install", "--isolated", "--no-cache-dir", "--disable-pip-version-check"),
            *("--proxy", self.proxy, "--cert", self.outside.authority, "--retries", "0"),
            *("--index-url", self.outside.url("pypi", "simple/"), "--target", self.folder / "installed", "greeting"),
            PIP_CONFIG_FILE=os.devnull,
        )
        self.assertEqual((self.folder / "installed" / "greeting.py").read_text(), WHEEL["greeting.py"])

    def test_npm(self) -> None:
        """npm reads what a registry knows of a package, and installs its archive."""
        archive = archive_of(PACKAGE)
        self.outside.file("npm", "greeting-1.2.0.tgz").write_bytes(archive)
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        tarball = self.outside.url("npm", "greeting-1.2.0.tgz")
        version = {"name": "greeting", "version": "1.2.0", "dist": {"tarball": tarball, "integrity": integrity}}
        known = {"name": "greeting", "dist-tags": {"latest": "1.2.0"}, "versions": {"1.2.0": version}}
        self.outside.file("npm", "greeting").write_text(json.dumps(known))
        project = self.folder / "project"
        project.mkdir()
        self.run_program(
            *("npm", "install", "--prefix", project, "greeting"),
            npm_config_userconfig=os.devnull,
            npm_config_globalconfig=str(self.folder / "npmrc"),
            npm_config_registry=self.outside.url("npm"),
            npm_config_https_proxy=self.proxy,
            npm_config_cafile=str(self.outside.authority),
            npm_config_cache=str(self.folder / "cache"),
            npm_config_audit="false",
            npm_config_update_notifier="false",
            npm_config_fetch_retries="0",
        )
        self.assertEqual(
            self.run_program("node", "-p", "require('./project/node_modules/greeting')"), "hello from afar\n"
        )

    def test_git(self) -> None:
        """git clones over https; the server has files only, so it asks for many of them."""
        source, bare = self.folder / "source", self.outside.file("git", "project.git")
        identity = ("-c", "user.name=Ann", "-c", "user.email=ann@office.test")
        self.run_program("git", "init", "--quiet", source)
        for number in range(12):
            (source / f"file{number}").write_text(f"{number}\n" * 1000)
            self.run_program("git", "-C", source, "add", ".")
            self.run_program("git", "-C", source, *identity, "commit", "--quiet", "--message", f"file {number}")
        self.run_program("git", "clone", "--quiet", "--bare", source, bare)
        self.run_program("git", "-C", bare, "update-server-info")
        self.run_program(
            *("git", "clone", "--quiet", self.outside.url("git", "project.git"), self.folder / "clone"),
            https_proxy=self.proxy,
            GIT_SSL_CAINFO=str(self.outside.authority),
            GIT_TERMINAL_PROMPT="0",
        )
        last = [
            self.run_program("git", "-C", each, "log", "--format=%H %s") for each in (source, self.folder / "clone")
        ]
        self.assertEqual(last[0], last[1])
        self.assertEqual((self.folder / "clone" / "file11").read_text(), "11\n" * 1000)

    def visit(self, program: str, secure: str, plain: str) -> object:
        """What one of our programs prints of two sites; the arguments are their URLs, without what all have."""
        scheme, _, path = secure.partition(" ")
        urls = [f"{scheme}://www.office.test:{self.outside.secure}{path}"]
        scheme, _, path = plain.partition(" ")
        urls.append(f"{scheme}://www.office.test:{self.outside.plain}{path}")
        return json.loads(
            self.run_program(sys.executable, PROGRAMS / program, self.proxy, self.outside.authority, *urls)
        )

    def test_requests(self) -> None:
        """requests, with one session for everything, over a tunnel and without; it understands refusals."""
        visited = {"names": ["node\n"] * 20, "arrived": True, "sha256": hashlib.sha256(content(3000000)).hexdigest()}
        found = self.visit("requests_client.py", "https /node", "http /node")
        self.assertEqual(found, {"https": visited, "http": visited, "refused": {"https": True, "http": 403}})

    def test_aiohttp(self) -> None:
        """aiohttp, with everything at once; over http its WebSocket needs no tunnel."""
        visited = {
            "names": ["node\n"] * 20,
            "arrived": True,
            "sha256": hashlib.sha256(content(3000000)).hexdigest(),
            "live": ["one", "two", "drei: ü"],
        }
        self.assertEqual(self.visit("aiohttp_through_proxy.py", "https ", "http "), {"https": visited, "http": visited})

    def test_websockets(self) -> None:
        """A WebSocket client opens tunnels for wss and for ws, and gets its messages back."""
        self.assertEqual(self.visit("websockets_client.py", "wss /live", "ws /live"), [True, True])


def wheel_of(files: dict[str, str]) -> bytes:
    """A wheel made by hand."""
    record = "".join(f"{name},,\n" for name in files)
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w") as archive:
        for name, text in {**files, "greeting-1.2.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return octets.getvalue()


def archive_of(files: dict[str, str]) -> bytes:
    """An archive as npm packs it."""
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return octets.getvalue()
