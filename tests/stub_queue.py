"""A queue with one server of known capacity: the stub broker serves its messages with it.

It is M/M/1 or M/D/1 when the arrivals are Poisson. With a limit, messages that find the queue full are dropped. With
`slow_past` it is metastable: once so many wait, each is served at the slow rate until the queue is empty. A load above
the slow rate keeps that from happening, though it is far below the usual one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class ServerQueue:
    """Rates are per second. 0 switches a feature off."""

    rate: float
    fixed: bool
    limit: int
    slow_past: int
    slow_rate: float
    random: Random
    dropped: int = 0
    _slow: bool = False
    _leaving_ns: deque[int] = field(default_factory=deque)  # of the messages in the system, in order

    def waiting(self, now_ns: int) -> int:
        """Return how many messages are in the system."""
        while self._leaving_ns and self._leaving_ns[0] <= now_ns:
            self._leaving_ns.popleft()
        return len(self._leaving_ns)

    def serve(self, now_ns: int) -> int | None:
        """Return when a message that arrives now is served, or None if it is dropped."""
        waiting = self.waiting(now_ns)
        if self.limit and waiting >= self.limit:
            self.dropped += 1
            return None
        self._slow = bool(waiting) and (self._slow or (self.slow_past > 0 and waiting >= self.slow_past))
        rate = self.slow_rate if self._slow else self.rate
        seconds = 0.0 if not rate else 1 / rate if self.fixed else self.random.expovariate(rate)
        begins_ns = self._leaving_ns[-1] if self._leaving_ns else now_ns
        leaves_ns = begins_ns + round(seconds * NS_PER_S)
        if rate:
            self._leaving_ns.append(leaves_ns)
        return leaves_ns
