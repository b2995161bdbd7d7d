"""Count Ctrl-C instead of dying of it: once, finish and report; twice, stop now and report."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interrupt:
    """Counts how often the operator has pressed Ctrl-C.

    Where the count is not polled, `raises_from` is the count from which Ctrl-C raises KeyboardInterrupt.
    """

    count: int = 0
    raises_from: int | None = None


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into an `Interrupt` while the block runs. Under nohup SIGHUP stays ignored."""
    interrupt = Interrupt()

    def on_signal(_: int, __: FrameType | None) -> None:
        interrupt.count += 1
        if interrupt.raises_from is not None and interrupt.count >= interrupt.raises_from:
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
    with _raising(interrupt, 2):
        yield


@contextmanager
def unstarted(interrupt: Interrupt) -> Iterator[None]:
    """Let the first Ctrl-C end the block, which leaves nothing to report. One from before the block ends it, too."""
    with _raising(interrupt, 1):
        if interrupt.count:
            raise KeyboardInterrupt
        yield


@contextmanager
def settled(interrupt: Interrupt) -> Iterator[None]:
    """Let the next Ctrl-C end the block: the load is over and stored, and the rest can be made from the records."""
    with _raising(interrupt, interrupt.count + 1):
        yield


@contextmanager
def _raising(interrupt: Interrupt, count: int) -> Iterator[None]:
    before, interrupt.raises_from = interrupt.raises_from, count
    try:
        yield
    finally:
        interrupt.raises_from = before
