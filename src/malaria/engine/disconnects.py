"""Connections that we break on purpose, in small lots, between which the load of the others goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from malaria.clock import NS_PER_MS
from malaria.engine.publish_schedule import NEVER

LOT: Final = 10
LOT_EVERY_NS: Final = 5 * NS_PER_MS


class Disconnects:
    """`cut(client)` breaks a connection. `tick` is to be called at `next_ns`."""

    def __init__(self, cut: Callable[[int], None]) -> None:
        self._cut = cut
        self._ordered: list[tuple[int, list[int]]] = []
        self._storms: list[tuple[int, list[int]]] = []
        self._rows: deque[int] = deque()
        self.next_ns = NEVER

    def order(self, at_ns: int, rows: Iterable[int], *, at_once: bool = False) -> None:
        """Plan to close the connections of these clients at `at_ns`, where they have one; `at_once` in one turn."""
        (self._storms if at_once else self._ordered).append((at_ns, list(rows)))
        self.next_ns = min(self.next_ns, at_ns)

    def cancel(self) -> None:
        """Cancel all planned disconnects."""
        self._ordered.clear()
        self._storms.clear()
        self._rows.clear()
        self.next_ns = NEVER

    def tick(self, now_ns: int) -> None:
        for client in [row for at_ns, rows in self._storms if at_ns <= now_ns for row in rows]:
            self._cut(client)
        self._storms = [later for later in self._storms if later[0] > now_ns]
        for _, rows in (due for due in self._ordered if due[0] <= now_ns):
            self._rows.extend(rows)
        self._ordered = [later for later in self._ordered if later[0] > now_ns]
        for _ in range(min(LOT, len(self._rows))):
            self._cut(self._rows.popleft())
        waits = [at_ns for at_ns, _ in (*self._ordered, *self._storms)] + (
            [now_ns + LOT_EVERY_NS] if self._rows else []
        )
        self.next_ns = min(waits, default=NEVER)
