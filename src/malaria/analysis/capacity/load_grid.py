"""The loads that a search may try: whole numbers in geometric steps, so that an answer is a pair of neighbours."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class LoadGrid:
    """Whole numbers from `smallest` to `greatest`, each at most `width` above the one before, or by 1.

    `start`, `smallest` and `greatest` are on the grid; `width` is a share: 0.05 for steps of 5 %.
    """

    def __init__(self, width: float, smallest: int, start: int, greatest: int) -> None:
        self.loads = (*reversed(list(_down(width, start, smallest))), *_up(width, start, greatest))

    def at_most(self, load: float) -> int:
        """Return the greatest load of the grid that is at most this; the smallest of the grid if there is none."""
        return self.loads[max(0, bisect_right(self.loads, load) - 1)]

    def next_above(self, load: int) -> int | None:
        position = bisect_right(self.loads, load)
        return self.loads[position] if position < len(self.loads) else None

    def next_below(self, load: int) -> int | None:
        position = bisect_left(self.loads, load)
        return self.loads[position - 1] if position else None

    def between(self, low: int, high: int) -> int | None:
        """Return the load in the middle between two, counted in steps; None when they are neighbours."""
        first, last = bisect_left(self.loads, low), bisect_left(self.loads, high)
        return self.loads[(first + last) // 2] if last - first > 1 else None


def _up(width: float, start: int, greatest: int) -> Iterator[int]:
    load = start
    while load < greatest:
        yield load
        load = max(load + 1, int(load * (1 + width)))
    yield greatest


def _down(width: float, start: int, smallest: int) -> Iterator[int]:
    """Yield the loads below the start, from great to small."""
    load = start
    while load > smallest:
        load = max(smallest, min(load - 1, math.ceil(load / (1 + width))))
        yield load
