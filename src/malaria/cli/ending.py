"""The signals that ask the command to end, and what it says and returns when nothing was done.

Imports nothing but `signal`: until the signals are handled, Ctrl-C ends in a traceback of Python.
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOTHING_DONE = "aborted before there was anything to report"
ABORTED = 4


def handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Install a handler for the signals that ask to end. One that is ignored, as under nohup, stays ignored."""
    for number in SIGNALS:
        # nohup wants the command to outlive its terminal
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
