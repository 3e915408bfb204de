"""Waiting for another process: what is awaited is asked again and again, and a deadline only ends a failed test."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE = 20.0
PAUSE = 0.01

Found = TypeVar("Found")


def eventually(condition: Callable[[], Found], what: str) -> Found:
    """Return the first true answer of `condition`; the test fails if it stays false."""
    deadline = time.monotonic() + DEADLINE
    never = threading.Event()  # other threads of the test run on meanwhile
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE} s in vain: {what}")
        never.wait(PAUSE)
    return found
