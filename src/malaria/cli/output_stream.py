"""Standard output and error that never fail: what they do not take any more is dropped, and remembered.

Promises: a reader that leaves, a full disk or a terminal that is gone costs no record and gives no traceback, whichever
library prints. While a load runs, a reader that stands still does not stop the load: progress is dropped and counted.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Buffer, Callable
from dataclasses import dataclass
from typing import Final, TextIO

STDOUT: Final = 1
STDERR: Final = 2
READERS_TIME_MS: Final = 100
"""How long a write waits for a reader that stands still, while a load runs."""
AT_ONCE_BYTES: Final = 4096
"""A pipe that is writable takes this many bytes without waiting (PIPE_BUF of Linux)."""


@dataclass(slots=True)
class OutputState:
    """The state of the output of the command under way."""

    gone: bool = False  # the reader has left
    failure: str = ""  # why standard output took no more, if that was not the reader
    keeps_time: bool = False  # a load runs: do not wait for a slow reader
    made_load: bool = False
    verdict: int | None = None  # the exit code of a load that is over
    dropped_bytes: int = 0
    on_reader_gone: Callable[[], None] | None = None

    def note(self, error: OSError, descriptor: int) -> None:
        """Note that a stream takes no more. Errors that cannot be printed are lost, and fail nothing."""
        # a reader that leaves (`| head`) is no fault; a full disk is one
        if error.errno == errno.EPIPE:
            self.gone = True
            if self.on_reader_gone is not None:
                self.on_reader_gone()
        elif descriptor == STDOUT:
            self.failure = error.strerror or str(error)


class SteadyFile(io.FileIO):
    """The file below standard output or error. After the first failure it takes everything and writes nothing."""

    def __init__(self, descriptor: int, state: OutputState) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._state = state
        self._failed = False
        self._stalled = False

    def write(self, data: Buffer, /) -> int:
        """Write all of `data`, or drop the rest of it. Never raises OSError."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest and not self._failed:
            # a screen that stands still must not hold up the load
            if not self._is_taken():
                self._state.dropped_bytes += len(rest)
                break
            try:
                # small pieces: each is taken at once if `_is_taken` says so
                rest = rest[super().write(rest[:AT_ONCE_BYTES]) or 0 :]
            except OSError as error:
                self._failed = True
                self._state.note(error, self.fileno())
        return size

    def _is_taken(self) -> bool:
        """Wait until the stream takes bytes; while a load runs, not for long, and not again until it does."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        # one wait per pause of the reader, not one per line
        limit_ms = (0 if self._stalled else READERS_TIME_MS) if self._state.keeps_time else None
        self._stalled = not poll.poll(limit_ms)
        return not self._stalled


def make_steady(state: OutputState) -> None:
    """Replace standard output and error by streams that never fail, and open those that are closed.

    Without it a closed descriptor 1 would be given to the next file that is opened: the records of a run. Characters
    that a stream cannot encode are replaced.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    # after the descriptors are open: a file needs one to stand on
    sys.stdout = _steady(sys.stdout, STDOUT, state)
    sys.stderr = _steady(sys.stderr, STDERR, state)


def _steady(stream: TextIO | None, descriptor: int, state: OutputState) -> TextIO:
    """Return the steady stream of a descriptor, with the encoding of the one that Python made; None: it was closed."""
    return io.TextIOWrapper(
        io.BufferedWriter(SteadyFile(descriptor, state)),
        encoding=stream.encoding if stream is not None else "utf-8",
        errors="replace",
        line_buffering=descriptor == STDERR or (stream is not None and stream.isatty()),
    )
