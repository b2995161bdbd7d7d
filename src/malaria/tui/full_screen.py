"""Show a load full-screen on a thread of its own, while the attack runs on the command's.

Promises: the terminal is restored however the block ends, within a few seconds even if it takes nothing; signals keep
their meaning; if the screen fails, the load goes on and is shown as without --tui.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from malaria.extras import TUI_REMEDY, need_extra
from malaria.tui.load_watch import LoadWatch
from malaria.tui.own_terminal import OwnTerminal, open_terminal

if TYPE_CHECKING:
    from malaria.attacks.interrupt import Interrupt
    from malaria.records.rows import Progress
    from malaria.report.terminal.live_view import LiveView
    from malaria.tui.load_app import LoadApp

STREAMS: Final = {"stdout": 1, "stderr": 2}
LEAVE_S: Final = 3.0
"""How long leaving may take: a terminal that takes nothing is given up after a second."""
FAILED: Final = "the full screen failed ({}); the load goes on, and Ctrl-C ends it"


class FullScreen:
    """Begins with the first attack, so that what is refused before it is read on the normal screen.

    `plain` makes the view that takes over if the screen fails; `tell` prints a line, after the screen is left. `piped`
    names the streams that are no terminal.
    """

    def __init__(
        self,
        watch: LoadWatch,
        terminal: OwnTerminal,
        plain: Callable[[], LiveView],
        tell: Callable[[str], None],
        piped: Collection[str] = (),
    ) -> None:
        self.watch = watch
        self._piped = piped
        self._terminal = terminal
        self._plain, self._tell = plain, tell
        self._interrupt: Interrupt | None = None
        self._app: LoadApp | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams = sys.stdout, sys.stderr
        self._started, self._left = Event(), Event()
        self._thread: Thread | None = None
        self._failure = ""
        self._leaving = False
        self._views = ExitStack()
        self._view: LiveView | None = None

    def under(self, interrupt: Interrupt) -> FullScreen:
        """Let `q` know how often the end was asked for."""
        self._interrupt = interrupt
        return self

    def __enter__(self) -> FullScreen:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._views.close()
            self._leave()
        finally:
            self._terminal.restore()
            self._terminal.close()
        for text in self.watch.take_told():
            self._tell(text)
        if self._failure and self._view is None:
            self._tell(FAILED.format(self._failure))

    def open(self) -> None:
        """Show the screen, unless it is shown."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="tui", daemon=True)
            self._thread.start()

    def next_attack(self, title: str, place: str) -> None:
        """Show that another attack is prepared."""
        self.watch.announce(title, place)
        self.open()
        if self._view is not None:
            self._views.close()
            self._view = self._views.enter_context(self._plain())

    def update(self, progress: Progress) -> None:
        """Show the state of the attack: the screen takes it from its watch, the view that took over from here."""
        self.open()
        if self._failure and self._view is None:
            self._terminal.restore()
            self._tell(FAILED.format(self._failure))
            self._view = self._views.enter_context(self._plain())
        if self._view is not None:
            self._view.update(progress)

    # --- the thread of the screen ------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._show())
        except Exception as error:  # whatever fails in the screen, the load goes on
            self._failure = f"{type(error).__name__}: {error}"
        finally:
            self._terminal.restore()
            self._left.set()
            self._started.set()

    async def _show(self) -> None:
        from malaria.tui.load_app import Controls, LoadApp, reason_of  # textual takes a third of a second
        from malaria.tui.terminal_driver import TerminalDriver

        self._loop = asyncio.get_running_loop()
        controls = Controls(_press_ctrl_c, lambda: 0 if self._interrupt is None else self._interrupt.count)
        self._app = app = LoadApp(self.watch, controls, self._terminal, TerminalDriver, self._piped)
        app.ready = self._started
        await app.run_async(mouse=False)
        if not self._leaving:  # what fails while it is left hides nothing
            self._failure = reason_of(app) or "it was closed"

    def _leave(self) -> None:
        if self._thread is None:
            return
        self._started.wait(LEAVE_S)
        self._leaving = True
        self._terminal.hurry()
        if self._loop is not None and self._app is not None and not self._left.is_set():
            with suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._app.exit)
        if not self._left.wait(LEAVE_S):
            sys.stdout, sys.stderr = self._streams  # a screen that is stuck has not put them back
        if self._app is not None:
            for line in "".join(self._app.printed).splitlines():
                self._tell(line)


def open_screen(title: str, plain: Callable[[], LiveView], tell: Callable[[str], None]) -> FullScreen:
    """Make the full screen of a command. Raises OperatorError without textual, or without a terminal."""
    need_extra("textual", TUI_REMEDY)
    terminal = open_terminal(tuple(STREAMS.values()))
    piped = [name for name, descriptor in STREAMS.items() if not os.isatty(descriptor)]
    return FullScreen(LoadWatch(title), terminal, plain, tell, piped)


def _press_ctrl_c() -> None:
    """Do what Ctrl-C does: the handler runs in the main thread, whatever it waits for."""
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGINT)
