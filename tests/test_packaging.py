"""The wheel: built as a user's pip would build it, and installed where the source tree cannot be seen."""

import ast
import email
import functools
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_relay import __version__

ROOT = Path(__file__).resolve().parent.parent
TWISTD = "from twisted.scripts.twistd import run; run()"


@functools.cache
def built_wheel() -> Path:
    """Build the source archive, and the wheel from that, once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir=Path.cwd()))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return next(folder.glob("*.whl"))


def new_environment(name: str, *options: str | Path) -> Path:
    """A new environment into which pip, with these options, has installed the wheel."""
    wheel = built_wheel()
    environment = wheel.parent / name
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *options, wheel)
    return environment


@functools.cache
def installed() -> Path:
    """The bin folder of a new environment with the wheel in it.

    What the wheel depends on comes from the environment of the tests, so that no network is needed; a working copy
    installed there as editable does not come along, because `.pth` files count only in a site folder itself.
    """
    environment = new_environment("environment", "--no-deps", "--no-index")
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin"


def run(*command: str | Path) -> str:
    """Standard output of a command that must succeed, without the ways of this process to find modules."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    finished = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise AssertionError(f"{command}: status {finished.returncode}\n{finished.stdout}{finished.stderr}")
    return finished.stdout


class WheelTests(SynchronousTestCase):
    """What is in the wheel and what it gives."""

    def test_nothing_but_ours(self) -> None:
        """The wheel adds one file to Twisted's plugins and never replaces a file of Twisted."""
        names = zipfile.ZipFile(built_wheel()).namelist()
        outside = [name for name in names if not name.startswith(("twisted_relay/", f"twisted_relay-{__version__}."))]
        self.assertEqual(outside, ["twisted/plugins/twisted_relay_plugin.py"])
        for name in ("twisted_relay/py.typed", "twisted_relay/quickstart.ini"):
            self.assertIn(name, names)

    def test_no_package_marker_in_the_plugin_folders(self) -> None:
        """An `__init__.py` there would hide Twisted, or its plugins, from a working copy."""
        self.assertEqual(list((ROOT / "twisted").rglob("__init__.py")), [])

    def test_twistd_lists_relay(self) -> None:
        """`twistd --help` of an environment with the wheel names `relay`."""
        listing = run(installed() / "python", "-c", TWISTD, "--help")
        self.assertRegex(listing, r"(?m)^ +relay +A reverse proxy and load balancer")

    def test_the_relay_command(self) -> None:
        """The command is there, knows its version, and carries the demonstration."""
        relay = installed() / "relay"
        self.assertIn(f"relay {__version__}\n", run(relay, "version"))
        self.assertEqual(run(relay, "demo", "--print-config"), (ROOT / "etc" / "quickstart.ini").read_text())

    def test_the_package_is_the_installed_one(self) -> None:
        """These tests look at the wheel, not at the working copy."""
        where = run(installed() / "python", "-c", "import twisted_relay; print(twisted_relay.__file__)")
        self.assertTrue(where.startswith(str(installed().parent)), where)


class DependencyTests(SynchronousTestCase):
    """What the wheel asks pip for."""

    WANTED = {
        "twisted[tls]": ">=26.10",
        "service-identity": ">=24.2",
        "pyopenssl": ">=26.2",
        "prometheus-client": ">=0.22",
        "bcrypt": ">=5.0",
        "cryptography": ">=46",
        "idna": ">=3.7",
    }

    def test_metadata(self) -> None:
        """The wheel wants Twisted with TLS and six more packages; the one called `trial` is something else."""
        archive = zipfile.ZipFile(built_wheel())
        metadata = archive.read(f"twisted_relay-{__version__}.dist-info/METADATA").decode()
        wanted = email.message_from_string(metadata).get_all("Requires-Dist", [])
        self.assertEqual(sorted(wanted), sorted(name + version for name, version in self.WANTED.items()))
        self.assertNotRegex((ROOT / "requirements-dev.lock").read_text(), r"(?m)^trial\b")

    def test_every_import_is_covered(self) -> None:
        """What the package imports is Python's own, or comes with what the wheel wants, itself or one step further."""
        covered = {name.partition("[")[0] for name in self.WANTED}
        covered |= {name_of(each) for name in covered for each in requires(name) or () if "extra ==" not in each}
        providers = packages_distributions()
        for module in imported_modules() - sys.stdlib_module_names - {"twisted_relay"}:
            found = {name_of(provider) for provider in providers.get(module, ())}
            self.assertTrue(found & covered, f"{module} comes with {found}; the wheel brings {covered}")

    def test_a_fresh_installation(self) -> None:
        """In an empty environment pip brings all: `twistd` has `relay`, and the demonstration is valid."""
        pinned = built_wheel().parent / "pinned.txt"
        lock = (ROOT / "requirements-dev.lock").read_text()
        pinned.write_text(re.sub(r"\[.*?\]", "", "\n".join(re.findall(r"(?m)^\S+==\S+", lock))))
        programs = new_environment("fresh", "--no-compile", "--constraint", pinned) / "bin"
        self.assertRegex(run(programs / "twistd", "--help"), r"(?m)^ +relay +A reverse proxy and load balancer")
        self.assertIn("quickstart.ini: ok", run(programs / "relay", "check", ROOT / "etc" / "quickstart.ini"))


def name_of(requirement: str) -> str:
    """The name of a distribution as an index normalizes it, from the requirement or the name."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_modules() -> set[str]:
    """The first names of all modules that the package and its plugin import."""
    found = set()
    for path in [*(ROOT / "twisted_relay").rglob("*.py"), *(ROOT / "twisted").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


class LockTests(SynchronousTestCase):
    """requirements-dev.lock."""

    def test_names_everything_with_hashes_and_no_place(self) -> None:
        """All direct dependencies are pinned, each with hashes, and neither an index nor a path is written down."""
        lock = (ROOT / "requirements-dev.lock").read_text()
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        for wanted in project["project"]["dependencies"] + project["dependency-groups"]["dev"]:
            name = wanted.partition(">")[0].partition("[")[0].lower()
            self.assertRegex(lock, rf"(?m)^{name}(\[\w+\])?==\S+ \\\n    --hash=sha256:")
        self.assertNotRegex(lock, r"(?m)^-|://|@ |^#.*/\w+/")

    def test_the_environment_is_the_locked_one(self) -> None:
        """The tests run with the versions that the lock names."""
        lock = (ROOT / "requirements-dev.lock").read_text()
        pinned = [line.partition(" ")[0] for line in lock.splitlines() if "==" in line]
        here = run(sys.executable, "-m", "pip", "list", "--format=freeze").lower().replace("_", "-").splitlines()
        normal = {line.replace(".", "-", line.partition("==")[0].count(".")) for line in here}
        self.assertEqual([each for each in pinned if each not in normal], [])
