"""Print the output of commands.

Promises: no control character of a file name, a file, a target or a stored run reaches the terminal; an output that
cannot encode a character gets a replacement for it; a reader that leaves, or a closed stdout, costs no record and gives
no traceback: the attack under way finishes as after Ctrl-C, and the exit code is 4.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final, TextIO

from malaria.printable import printable_lines

if TYPE_CHECKING:
    from rich.console import Console

    from malaria.attack.interrupt import Interrupt

STDOUT: Final = "-"
"""The name of standard output among options that name a file."""


@dataclass(slots=True)
class _OutputReader:
    """The reader of standard output or error: whether it is gone, and the attack to finish when it goes."""

    gone: bool = False
    interrupt: Interrupt | None = None


_READER: Final = _OutputReader()


def prepare_streams() -> None:
    """Open the standard streams that are closed, and let them replace what they cannot encode.

    Without it a closed descriptor 1 would be given to the next file that is opened: the records of a run.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stream of a test, or none
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def print_error(message: str, remedy: str = "") -> None:
    """Print an error and what to do about it."""
    margin = " " * 7
    print_line(f"error: {indent(printable_lines(message), margin).lstrip()}", error=True)
    if remedy:
        print_line(indent(remedy, margin), error=True)


def print_line(text: str, *, error: bool = False) -> None:
    """Print text from outside to standard output or error."""
    write_text(f"{printable_lines(text)}\n", error=error)


def write_text(text: str, *, error: bool = False) -> None:
    """Write text that is clean: figures for other programs."""
    stream: TextIO | None = sys.stderr if error else sys.stdout
    try:
        if stream is not None:
            stream.write(text)
            stream.flush()
    except BrokenPipeError:
        note_reader_gone()


def expect_reader() -> None:
    """Begin a command: its reader is there, as far as is known."""
    _READER.gone = False


def reader_gone() -> bool:
    return _READER.gone


def note_reader_gone() -> None:
    """Send what is yet to be printed to nowhere, and let the attack under way finish."""
    _READER.gone = True
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # no descriptor: a stream of a test, or none
            if not _is_open(stream):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if _READER.interrupt is not None:
        _READER.interrupt.count = max(_READER.interrupt.count, 1)


def _is_open(stream: TextIO) -> bool:
    """Tell whether a stream still takes what it has buffered."""
    try:
        stream.flush()
    except OSError:
        return False
    return True


@contextmanager
def finishing_without_reader(interrupt: Interrupt) -> Iterator[None]:
    """Treat a reader that leaves during the block as Ctrl-C."""
    _READER.interrupt = interrupt
    try:
        yield
    finally:
        _READER.interrupt = None


def console(json_file: str | None) -> Console:
    """Return where people read: stdout, unless the JSON of a command goes there."""
    from rich.console import Console
    from rich.segment import Segment

    class CleanConsole(Console):
        """A console that prints no control characters but its own."""

        def render(self, *arguments: Any, **options: Any) -> Iterator[Segment]:
            for segment in super().render(*arguments, **options):
                # the text of a control segment is the console's own
                yield segment if segment.control else segment._replace(text=printable_lines(segment.text))

        def on_broken_pipe(self) -> None:
            self.quiet = True
            note_reader_gone()

    return CleanConsole(stderr=json_file == STDOUT)
