"""Make the full screen of a command that has --tui."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from malaria.cli.output import STDOUT, print_line
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.report.terminal.live_view import LiveView
    from malaria.tui.full_screen import FullScreen

STDOUT_DESCRIPTOR: Final = 1


def full_screen_of(title: str, plain: Callable[[], LiveView], *, quiet: bool, json_lines: str | None) -> FullScreen:
    """Return the full screen; `plain` makes the view that takes over if it fails.

    Raises OperatorError if it cannot be shown, before anything is done.
    """
    if quiet:
        raise OperatorError("--tui cannot be used with --quiet", "leave one of them out")
    if json_lines == STDOUT and os.isatty(STDOUT_DESCRIPTOR):
        raise OperatorError("--tui and --json-lines - both write to this terminal", "give --json-lines a file")
    from malaria.tui.full_screen import open_screen

    return open_screen(title, plain, lambda text: print_line(text, error=True))
