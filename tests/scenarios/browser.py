"""Chromium without a window, as a client of a scenario: a page is loaded, and what it became is looked at."""

import subprocess
from pathlib import Path

from tests.scenarios.origins import ATTENDED

CHROMIUM = (
    *ATTENDED,
    "chromium",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
    "--no-first-run",
    "--timeout=20000",
    "--dump-dom",
)


def page_in_chromium(folder: Path, url: str, *options: str) -> str:
    """The page at a URL as HTML when its scripts have run, or Chromium's complaint; its profile is in `folder`."""
    command = [*CHROMIUM, f"--user-data-dir={folder / 'chromium'}", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    return done.stdout or done.stderr
