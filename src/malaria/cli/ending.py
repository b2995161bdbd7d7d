"""The signals that ask the command to end, and what it says and returns when nothing was done. Imports nothing slow."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOTHING_DONE: Final = "aborted before there was anything to report"
ABORTED: Final = 4


def handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Install a handler for the signals that ask to end. One that is ignored, as under nohup, stays ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
