"""Actions that a worker does at stated times, in the order of these times."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

from malaria.engine.publish_schedule import NEVER


class TimedActions:
    """`tick` is to be called at `next_ns`. Times are on the worker's clock."""

    def __init__(self) -> None:
        self._ordered: list[tuple[int, Callable[[], None]]] = []

    @property
    def next_ns(self) -> int:
        return self._ordered[0][0] if self._ordered else NEVER

    def order(self, at_ns: int, action: Callable[[], None]) -> None:
        insort(self._ordered, (at_ns, action), key=lambda one: one[0])

    def cancel(self) -> None:
        self._ordered.clear()

    def tick(self, now_ns: int) -> None:
        while self._ordered and self._ordered[0][0] <= now_ns:
            self._ordered.pop(0)[1]()
