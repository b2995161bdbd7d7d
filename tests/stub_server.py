"""One server with a queue before it, whose capacity is known: what the stub broker serves its messages with.

M/M/1 or M/D/1 when the arrivals are Poisson. With a limit, what finds the queue full is dropped. With `slow_past`, it
is metastable: once so many wait, each is served at the slow rate until the queue is empty, which a load over the slow
rate keeps from happening, though it is far under the usual one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Server:
    """Rates are per second; 0 in any field means that there is no such thing."""

    rate: float
    fixed: bool
    limit: int
    slow_past: int
    slow_rate: float
    random: Random
    dropped: int = 0
    _slow: bool = False
    _leaving_ns: deque[int] = field(default_factory=deque)  # of those in the system, in order

    def waiting(self, now_ns: int) -> int:
        """In the system now."""
        while self._leaving_ns and self._leaving_ns[0] <= now_ns:
            self._leaving_ns.popleft()
        return len(self._leaving_ns)

    def serve(self, now_ns: int) -> int | None:
        """When a message that comes now is served; None: it is dropped."""
        waiting = self.waiting(now_ns)
        if self.limit and waiting >= self.limit:
            self.dropped += 1
            return None
        self._slow = bool(waiting) and (self._slow or (self.slow_past > 0 and waiting >= self.slow_past))
        rate = self.slow_rate if self._slow else self.rate
        seconds = 0.0 if not rate else 1 / rate if self.fixed else self.random.expovariate(rate)
        begins_ns = self._leaving_ns[-1] if self._leaving_ns else now_ns
        leaves_ns = begins_ns + int(seconds * NS_PER_S)
        if rate:
            self._leaving_ns.append(leaves_ns)
        return leaves_ns
