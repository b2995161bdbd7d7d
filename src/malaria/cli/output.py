"""Print the output of commands.

Promises: no control character of a file name, a file, a target or a stored run reaches the terminal; an output that
cannot encode a character gets a replacement for it; a reader that leaves, or a closed stdout, costs no record and gives
no traceback: the attack under way finishes as after Ctrl-C, and the exit code is 4. An output that fails otherwise (a
full disk) is not written any more, and the load keeps its verdict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final, TextIO

from malaria.cli.ending import ABORTED
from malaria.cli.output_stream import OutputState, make_steady
from malaria.printable import printable_lines
from malaria.units import format_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from malaria.attacks.interrupt import Interrupt

STDOUT: Final = "-"
"""The name of standard output among options that name a file."""
BAD_COMMAND: Final = 2
_OUTPUT: Final = OutputState()


def prepare_streams() -> None:
    """Let standard output and error take whatever is printed, and never fail."""
    make_steady(_OUTPUT)


def print_error(message: str, remedy: str = "") -> None:
    """Print an error and what to do about it."""
    margin = " " * 7
    print_line(f"error: {indent(printable_lines(message), margin).lstrip()}", error=True)
    # below the message, aligned with it
    if remedy:
        print_line(indent(remedy, margin), error=True)


def print_line(text: str, *, error: bool = False) -> None:
    """Print text from outside to standard output or error."""
    write_text(f"{printable_lines(text)}\n", error=error)


def write_text(text: str, *, error: bool = False) -> None:
    """Write text that is clean: figures for other programs."""
    stream: TextIO | None = sys.stderr if error else sys.stdout
    if stream is not None:
        stream.write(text)
        stream.flush()


def output_lost() -> bool:
    """Tell whether the reader has left, or standard output takes no more."""
    return _OUTPUT.gone or bool(_OUTPUT.failure)


def note_verdict(exit_code: int | None) -> None:
    """Note the exit code of a load that is over (None: no load is), with which the command ends from now on."""
    _OUTPUT.verdict = exit_code


def final_code(code: int) -> int:
    """Return the exit code of a command whose own is `code`, and report what could not be printed."""
    if _OUTPUT.dropped_bytes:
        print_line(
            f"{format_bytes(_OUTPUT.dropped_bytes)} of progress were not printed: the reader stood still", error=True
        )
    if _OUTPUT.gone:
        return ABORTED
    if _OUTPUT.failure:
        print_error(f"standard output: {_OUTPUT.failure}; not everything was printed")
        return code if _OUTPUT.made_load else code or BAD_COMMAND
    return code


def verdict_code() -> int | None:
    """Return the exit code of a load that is over; None before."""
    return _OUTPUT.verdict


@contextmanager
def finishing_without_reader(interrupt: Interrupt) -> Iterator[None]:
    """Treat a reader that leaves during the block as Ctrl-C."""

    def finish() -> None:
        interrupt.count = max(interrupt.count, 1)

    if _OUTPUT.gone:
        finish()
    _OUTPUT.on_reader_gone = finish
    try:
        yield
    finally:
        _OUTPUT.on_reader_gone = None


@contextmanager
def keeping_time() -> Iterator[None]:
    """Print progress during the block without waiting for a slow reader: what it does not take is dropped."""
    _OUTPUT.made_load = _OUTPUT.keeps_time = True
    try:
        yield
    finally:
        _OUTPUT.keeps_time = False


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

    return CleanConsole(stderr=json_file == STDOUT)
