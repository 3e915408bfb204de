"""The wheel: built as a user's pip would build it, and installed where the source tree cannot be seen."""

import functools
import os
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
import zipfile
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


@functools.cache
def installed() -> Path:
    """The bin folder of a new environment with the wheel in it.

    What the wheel depends on comes from the environment of the tests, so that no network is needed; a working copy
    installed there as editable does not come along, because `.pth` files count only in a site folder itself.
    """
    wheel = built_wheel()
    environment = wheel.parent / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
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
