"""Note when this machine stood still, so that a test of time can tell its own fault from the machine's.

A process of its own wants to wake up every 10 ms and writes down each time at which it could not. Who measures time on
a real machine asks `paused_since`; in `conftest.py` such a test is run once more when the machine had paused.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

STEP_S: Final = 0.01
PAUSE_S: Final = 0.1
"""A wake-up that comes later than this is a pause: ten steps lost."""
PLACE: Final = "MALARIA_TEST_PAUSES"
"""The environment variable that tells the test processes where the pauses are written down."""


def watch(path: Path, parent: int) -> None:
    """Write a line `begin end` (s, monotonic clock) for each pause, until the parent process is gone."""
    with path.open("a", buffering=1) as file:
        before_s = time.monotonic()
        while os.getppid() == parent:
            time.sleep(STEP_S)
            now_s = time.monotonic()
            if now_s - before_s > PAUSE_S:
                file.write(f"{before_s} {now_s}\n")
            before_s = now_s


def start_watching(path: Path) -> subprocess.Popen[bytes]:
    """Start the process and let all test processes know about its notes."""
    path.touch()
    os.environ[PLACE] = str(path)
    return subprocess.Popen([sys.executable, __file__, str(path), str(os.getpid())])


def longest_pause_s(since_s: float) -> float:
    """Return the longest pause that ended after `since_s` (monotonic clock), 0.0 if there was none."""
    place = os.environ.get(PLACE)
    lines = Path(place).read_text().splitlines() if place else []
    pauses = [tuple(map(float, line.split())) for line in lines]
    return max((end_s - begin_s for begin_s, end_s in pauses if end_s > since_s), default=0.0)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]))
