"""Own the terminal while the full screen is shown, and give it back as it was.

Promises: Ctrl-C stays a signal, whatever the screen does; a terminal that takes nothing holds only its writer, and one
that is gone takes everything and shows nothing; `restore` may be called from any thread, again and again.
"""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from malaria.errors import OperatorError

REMEDY: Final = "run it in a terminal, or leave --tui out: progress then comes as lines"
ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?7l"
"""Alternate screen, no cursor, pasted text marked as such, no wrapping of long lines."""
LEAVE: Final = "\x1b[0m\x1b[?7h\x1b[?2004l\x1b[?1049l\x1b[?25h"
WAIT_S: Final = 0.1
PATIENCE_S: Final = 1.0
"""How long a terminal may take nothing while the screen is left; then the rest is dropped."""
PIECE: Final = 512
"""Bytes written at once. A kernel that says that a terminal is writable may have room for few."""
DISABLED: Final = b"\x00"
"""The character that stands for none (_POSIX_VDISABLE)."""


class OwnTerminal:
    """A terminal with a descriptor of its own, so that it can be read and written without waiting."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = Lock()
        self._before: list[Any] | None = None
        self._shown = False
        self._hurry = self._stalled = False
        self.gone = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            columns, lines = os.get_terminal_size(self._descriptor)
        except OSError:
            return 80, 24
        return columns or 80, lines or 24

    def enter(self) -> None:
        """Show an empty screen, and take keys as they are pressed."""
        with self._lock:
            if self._shown:
                return
            with suppress(termios.error):
                termios.tcflush(
                    self._descriptor, termios.TCIFLUSH
                )  # what was typed before was meant for no key of ours
                self._before = termios.tcgetattr(self._descriptor)
                termios.tcsetattr(self._descriptor, termios.TCSANOW, _by_key(self._before))
            self._shown = True
        self.write(ENTER)

    def restore(self) -> None:
        """Show what was there before the screen, and take lines again."""
        with self._lock:
            if not self._shown:
                return
            self._shown = False
            if self._before is not None:
                with suppress(termios.error):
                    termios.tcflush(self._descriptor, termios.TCIFLUSH)  # keys that nobody reads any more
                    termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
        self._hurry = True
        self.write(LEAVE)

    def hurry(self) -> None:
        """Do not wait for a terminal that takes nothing: the screen is left."""
        self._hurry = True

    def write(self, text: str) -> None:
        """Write all of `text`; nothing of it once the terminal is gone."""
        rest = memoryview(text.encode("utf-8", "replace"))
        stalled_s = time.monotonic()
        while rest and not self.gone:
            try:
                _, writable, _ = select.select([], [self._descriptor], [], WAIT_S)
                if writable:
                    rest = rest[os.write(self._descriptor, rest[:PIECE]) :]
                    stalled_s = time.monotonic()
            except BlockingIOError:
                continue
            except OSError:
                self.gone = True
            if self._hurry and (self._stalled or time.monotonic() - stalled_s > PATIENCE_S):
                self._stalled = True  # one wait for all that is still to be written
                return

    def read(self) -> bytes:
        """Return the keys that were pressed; nothing after WAIT_S without any. Never raises."""
        try:
            readable, _, _ = select.select([self._descriptor], [], [], WAIT_S)
            keys = os.read(self._descriptor, 4096) if readable else b""
        except BlockingIOError:
            return b""
        except (OSError, ValueError):
            self.gone = True
            return b""
        if readable and not keys:
            self.gone = True
        return keys

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)


def open_terminal(descriptors: Sequence[int]) -> OwnTerminal:
    """Return the terminal behind the first of these descriptors that is one. Raises OperatorError."""
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise OperatorError("--tui needs a terminal that can draw: TERM is not set, or dumb", REMEDY)
    descriptor = next((one for one in descriptors if os.isatty(one)), None)
    if descriptor is None:
        raise OperatorError("--tui needs a terminal: the output goes to a file or a pipe", REMEDY)
    own = _reopened(descriptor)
    try:
        in_background = os.tcgetpgrp(own) != os.getpgrp()
    except OSError:
        in_background = True  # it is not the terminal of this session: no key would arrive
    if in_background:
        os.close(own)
        raise OperatorError("--tui needs the terminal, and this command runs in the background", REMEDY)
    return OwnTerminal(own)


def _reopened(descriptor: int) -> int:
    """Return a descriptor with flags of its own: others share those of standard output."""
    try:
        return os.open(os.ttyname(descriptor), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # in some containers the terminal has no name
        return os.dup(descriptor)


def _by_key(attributes: list[Any]) -> list[Any]:
    """Return the attributes of a terminal that gives each key at once and shows none.

    Ctrl-C stays a signal, so that it works even if the screen does not. Ctrl-Z and Ctrl-\\ would leave the terminal
    as the screen needs it.
    """
    changed = [*attributes[: tty.CC], list(attributes[tty.CC])]
    changed[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    changed[tty.LFLAG] |= termios.ISIG
    changed[tty.IFLAG] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
    for place in (termios.VSUSP, termios.VQUIT):
        changed[tty.CC][place] = DISABLED
    changed[tty.CC][termios.VMIN], changed[tty.CC][termios.VTIME] = 1, 0
    return changed
