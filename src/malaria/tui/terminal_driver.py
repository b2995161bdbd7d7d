"""Let textual draw on a terminal from a thread of its own.

Textual's driver handles signals, which only the main thread may do. Here they stay with the command: they end the load,
whatever state the screen is in.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from threading import Event, Thread
from typing import Any

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.events import Resize
from textual.geometry import Size

from malaria.tui.own_terminal import OwnTerminal


class TerminalDriver(Driver):
    """Draws on the terminal of `app.terminal`. The mouse is left to the terminal, which can mark and copy text."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._terminal: OwnTerminal = app.terminal  # type: ignore[attr-defined]
        self._ended = Event()
        self._reader = Thread(target=self._read_keys, name="tui-keys", daemon=True)
        self._told: tuple[int, int] | None = None

    def write(self, data: str) -> None:
        # textual resets the pointer and rings after it has stopped: that would reach the normal screen
        if not self._ended.is_set():
            self._terminal.write(data)

    def start_application_mode(self) -> None:
        self._terminal.enter()
        self._reader.start()

    def disable_input(self) -> None:
        self._ended.set()
        if self._reader.is_alive():
            self._reader.join()

    def stop_application_mode(self) -> None:
        self.disable_input()
        self._terminal.restore()

    def _read_keys(self) -> None:
        """Pass keys on, and the size of the terminal whenever it is another."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        while not self._ended.is_set() and not self._terminal.gone:
            self._tell_size()
            text = decode(self._terminal.read())
            for message in (*(parser.feed(text) if text else ()), *parser.tick()):
                self.process_message(message)

    def _tell_size(self) -> None:
        if self._terminal.size != self._told:
            self._told = self._terminal.size
            self.send_message(Resize(Size(*self._told), Size(*self._told)))
