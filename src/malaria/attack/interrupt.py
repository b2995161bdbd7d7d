"""Count Ctrl-C instead of dying of it: once, finish and report; twice, stop now and report."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interrupt:
    """How often the operator has pressed Ctrl-C.

    Set `impatient` while nothing polls the count: the second Ctrl-C then raises KeyboardInterrupt, and with `unstarted`
    the first one does.
    """

    count: int = 0
    impatient: bool = False
    unstarted: bool = False


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into an `Interrupt` while the block runs. Under nohup SIGHUP stays ignored."""
    interrupt = Interrupt()

    def on_signal(_: int, __: FrameType | None) -> None:
        interrupt.count += 1
        if interrupt.unstarted or (interrupt.impatient and interrupt.count > 1):
            raise KeyboardInterrupt

    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # nohup ignores it
    heard = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hangs_up else ()))
    before = {number: signal.signal(number, on_signal) for number in heard}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def impatient(interrupt: Interrupt) -> Iterator[None]:
    """Let the second Ctrl-C end the block, which takes its time and does not look at the count."""
    before, interrupt.impatient = interrupt.impatient, True
    try:
        yield
    finally:
        interrupt.impatient = before


@contextmanager
def unstarted(interrupt: Interrupt) -> Iterator[None]:
    """Let the first Ctrl-C end the block, which leaves nothing to report. One from before the block ends it, too."""
    interrupt.unstarted = True
    try:
        if interrupt.count:
            raise KeyboardInterrupt
        yield
    finally:
        interrupt.unstarted = False
