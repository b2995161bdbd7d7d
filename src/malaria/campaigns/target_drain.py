"""Give a target that malaria may not restart time to get rid of what a trial left behind, before the next one begins.

The trial's clients are gone by then. The target has drained when it lets a client in about as quickly as before the
first trial. What it still keeps without being slow is not seen from outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from malaria.attacks.interrupt import Interrupt
from malaria.clock import NS_PER_S, Clock, now_ns
from malaria.transport.probe import Answer

REST_S: Final = 2.0
"""The shortest pause between two trials."""
MOST_S: Final = 30.0
PROBE_S: Final = 5.0
TIMES_USUAL: Final = 3
LEAST_LIMIT_S: Final = 0.5
"""A connect that takes less than this is quick, whatever it took before the first trial."""
LOOK_S: Final = 0.1

type ProbeTarget = Callable[[float], Answer]
"""Connects one client within so many seconds."""


class TargetDrain:
    """The pauses of one search."""

    def __init__(
        self, interrupt: Interrupt, clock: Clock = now_ns, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._interrupt = interrupt
        self._clock = clock
        self._sleep = sleep
        self._usual_s: float | None = None

    def wait(self, probe: ProbeTarget) -> str:
        """Wait until the target has drained, at most MOST_S. Return how long in words; "" before the first trial."""
        if self._usual_s is None:
            answered_s = self._answered_s(probe)
            self._usual_s = PROBE_S if answered_s is None else answered_s
            return ""
        began_ns = self._clock()
        self._rest(REST_S)
        limit_s = max(LEAST_LIMIT_S, TIMES_USUAL * self._usual_s)
        while not self._interrupt.count:
            answered_s = self._answered_s(probe)
            waited_s = (self._clock() - began_ns) / NS_PER_S
            if answered_s is not None and answered_s <= limit_s:
                return f"it had {waited_s:.0f} s to drain"
            if waited_s >= MOST_S:
                return f"it had {waited_s:.0f} s to drain, and was not yet as quick as before"
            self._rest(1.0)
        return ""

    def _answered_s(self, probe: ProbeTarget) -> float | None:
        """Return how long the target took to let a client in; None if it did not."""
        began_ns = self._clock()
        answer = probe(PROBE_S)
        return None if answer.problem else (self._clock() - began_ns) / NS_PER_S

    def _rest(self, seconds: float) -> None:
        # short looks, so that Ctrl-C does not wait
        end_ns = self._clock() + round(seconds * NS_PER_S)
        while self._clock() < end_ns and not self._interrupt.count:
            self._sleep(LOOK_S)
