"""Write requirements-dev.lock: what the project needs to run, to be checked and to be tested, pinned with hashes.

Usage: python tools/lock.py PIP_COMPILE. The file names no index and no path, so it is the same on every machine.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.lock"
WANTED = ROOT / "build" / "dev.in"
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--strip-extras",
    "--allow-unsafe",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
)
HEADER = """\
# Everything that `make install` puts into .venv, pinned with hashes: what the package needs to run and what its
# checks and tests need. Made by `make lock` from pyproject.toml; do not edit.
"""


def main(pip_compile: str) -> int:
    """Compile the lock from pyproject.toml; a version that is locked already stays where it still fits."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    WANTED.parent.mkdir(exist_ok=True)
    WANTED.write_text("\n".join(wanted) + "\n")
    subprocess.run([pip_compile, *OPTIONS, "--output-file", LOCK, WANTED], check=True)
    LOCK.write_text(HEADER + LOCK.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
