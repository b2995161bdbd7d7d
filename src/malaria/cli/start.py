"""Begin the command `malaria`: handle signals, then import the rest, which takes a quarter of a second.

Promises: a signal that comes before the command has begun ends the process at once, without a traceback, with exit
code 4. Imports nothing that is slow before it handles signals.
"""

from __future__ import annotations

import os
from contextlib import suppress
from types import FrameType

from malaria.cli.ending import ABORTED, NOTHING_DONE, handle


def run() -> None:
    """Run the command line."""
    handle(_leave)
    from malaria.cli.main import run as run_command

    run_command()


def _leave(_: int, __: FrameType | None) -> None:
    """End at once: an exception in the middle of an import would leave through code that cannot handle it."""
    with suppress(OSError):
        os.write(2, f"{NOTHING_DONE}\n".encode())
    os._exit(ABORTED)
