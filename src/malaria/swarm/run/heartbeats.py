"""Find out who has gone silent. A state machine without I/O: the clock comes in, names come out.

The conductor watches its bees and a bee watches its conductor, each by the age of the last message: a TCP connection
can look well for a quarter of a minute after the other end is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S

BEE_PATIENCE_NS: Final = 3 * NS_PER_S
"""How long the conductor waits for a message of a bee."""
CONDUCTOR_PATIENCE_NS: Final = 4 * NS_PER_S
"""How long a bee makes load without a message of its conductor. Longer than the conductor waits for the bee, so that a
bee that stops has been given up before; short enough that the load has stopped within 5 s."""
START_PATIENCE_NS: Final = 30 * NS_PER_S
"""Both, until the workers are ready: there is no load yet, and hosts are busy with starting them."""
BEE_HEARTBEAT_NS: Final = 500 * NS_PER_MS
"""How often a bee sends a batch, also an empty one."""
CONDUCTOR_HEARTBEAT_S: Final = 1.0
"""How often the conductor sends a command, also an empty one; a question for the time counts as one."""
GATHER_NS: Final = 250 * NS_PER_MS
FEW_BEES: Final = 200
"""With more bees each sends more rarely, so that the conductor, who hears them all, has no more to do."""
LONGEST_FACTOR: Final = 2
"""The longest pause between batches still leaves four of them within the shortest patience."""


def gather_s(bees: int) -> float:
    """Return how long a bee gathers what its workers report before it sends a batch."""
    return GATHER_NS / NS_PER_S * min(LONGEST_FACTOR, max(1.0, bees / FEW_BEES))


class Heartbeats:
    """The time at which each name was heard last."""

    def __init__(self, names: Iterable[str], at_ns: int, patience_ns: int) -> None:
        self._heard_ns = dict.fromkeys(names, at_ns)
        self._patience_ns = patience_ns

    def heard(self, name: str, at_ns: int) -> None:
        """Note a message. It changes nothing for a name that was given up."""
        if name in self._heard_ns:
            self._heard_ns[name] = max(at_ns, self._heard_ns[name])

    def silent(self, at_ns: int) -> list[str]:
        """Return the names that have been silent for too long, and give them up: each is returned once."""
        silent = [name for name, heard_ns in self._heard_ns.items() if at_ns - heard_ns > self._patience_ns]
        for name in silent:
            del self._heard_ns[name]
        return silent

    def restart(self, at_ns: int, patience_ns: int) -> None:
        """Set another patience, which begins anew for every name that has not been given up."""
        self._heard_ns = dict.fromkeys(self._heard_ns, at_ns)
        self._patience_ns = patience_ns

    def dismiss(self, name: str) -> None:
        """Stop waiting for a name."""
        self._heard_ns.pop(name, None)
