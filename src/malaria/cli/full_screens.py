"""Make the full screen of a command that has --tui."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from malaria.cli.output import print_line
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.report.terminal.live_view import LiveView
    from malaria.tui.full_screen import FullScreen


def full_screen_of(title: str, plain: Callable[[], LiveView], *, quiet: bool) -> FullScreen:
    """Return the full screen; `plain` makes the view that takes over if it fails.

    Raises OperatorError if it cannot be shown, before anything is done.
    """
    if quiet:
        raise OperatorError("--tui cannot be used with --quiet", "leave one of them out")
    from malaria.tui.full_screen import open_screen

    return open_screen(title, plain, lambda text: print_line(text, error=True))
