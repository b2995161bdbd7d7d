"""Begin the command `malaria`: handle signals, then import the rest, which takes a quarter of a second.

Promises: a signal that comes before the command has begun ends the process at once, without a traceback, with exit
code 4. Does not promise it for the start of Python itself, some 20 ms, in which Python has its own handler.
"""

from __future__ import annotations

import os

from malaria.cli.ending import ABORTED, NOTHING_DONE, handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


def run() -> None:
    """Run the command line."""
    handle(_leave)
    # only now, with the signals handled: imports take a quarter of a second
    from malaria.cli.main import run as run_command

    run_command()


def _leave(_: int, __: FrameType | None) -> None:
    """End at once: an exception in the middle of an import would leave through code that cannot handle it."""
    try:
        os.write(2, f"{NOTHING_DONE}\n".encode())
    finally:
        os._exit(ABORTED)
