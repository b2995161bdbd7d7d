"""Who has gone silent. A state machine without I/O: words and the clock in, names out.

The conductor keeps it over its bees and a bee over its conductor, each by the age of what it heard last: a connection
can look well for a quarter of a minute after the other end is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S

BEE_PATIENCE_NS: Final = 3 * NS_PER_S
"""How long the conductor waits for a word of a bee."""
CONDUCTOR_PATIENCE_NS: Final = 4 * NS_PER_S
"""How long a bee makes load without a word of its conductor: longer than the conductor waits for the bee, so that a bee
that stops has been given up before, and short enough to have stopped within 5 s."""
START_PATIENCE_NS: Final = 30 * NS_PER_S
"""Both, until the workers are ready: there is no load yet, and hosts are busy with starting them."""
BEAT_NS: Final = 500 * NS_PER_MS
"""A bee that has nothing to say says so this often."""
WORD_S: Final = 1.0
"""And so does the conductor; its questions for the time count, too."""


GATHER_NS: Final = 250 * NS_PER_MS
SMALL: Final = 200
"""Bees up to which everybody speaks at the usual pace. Beyond it they speak more rarely, so that the conductor, who
hears them all, has no more to do; the longest pauses leave four words within the shortest patience."""
LONGEST: Final = 2
"""Times the usual pause between reports."""


def gather_s(bees: int) -> float:
    """How long a bee gathers what its workers say before it sends it."""
    return GATHER_NS / NS_PER_S * min(LONGEST, max(1.0, bees / SMALL))


class Heartbeats:
    """The age of the last word of each name."""

    def __init__(self, names: Iterable[str], at_ns: int, patience_ns: int) -> None:
        self._heard_ns = dict.fromkeys(names, at_ns)
        self._patience_ns = patience_ns

    def heard(self, name: str, at_ns: int) -> None:
        """A word came. Of one who was given up it changes nothing."""
        if name in self._heard_ns:
            self._heard_ns[name] = max(at_ns, self._heard_ns[name])

    def gone(self, at_ns: int) -> list[str]:
        """Who has been silent for too long; each is told once."""
        silent = [name for name, heard_ns in self._heard_ns.items() if at_ns - heard_ns > self._patience_ns]
        for name in silent:
            del self._heard_ns[name]
        return silent

    def watch_closely(self, at_ns: int, patience_ns: int) -> None:
        """From now on whoever is still here has so long, and begins anew."""
        self._heard_ns = dict.fromkeys(self._heard_ns, at_ns)
        self._patience_ns = patience_ns

    def dismiss(self, name: str) -> None:
        """Nobody waits for this one any more."""
        self._heard_ns.pop(name, None)
