"""The rate that is due in the course of an attack, step by step: what the warhead plans and what has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from malaria.model.warhead import Warhead
from malaria.plan.surge_schedule import LoadChange, SurgeTimes, rate_steps
from malaria.records.run_meta import RateStep


class DueRate:
    """The steps of the due rate of one attack. Times are run time in nanoseconds; no clock, no I/O."""

    def __init__(self, warhead: Warhead, workers: int, *, stepwise: bool = False) -> None:
        """`stepwise`: the surges of the warhead come and go when `steps` is told so, whatever their times say."""
        self._warhead = warhead
        self._workers = workers
        self._steps = rate_steps(warhead, workers, surges=() if stepwise else None)
        self._told: tuple[object, ...] = ((), () if stepwise else None)  # what is in the steps besides the plan

    def steps(
        self,
        start_ns: int | None,
        end_ns: int | None,
        changes: Sequence[LoadChange],
        surges: Sequence[SurgeTimes] | None = None,
    ) -> tuple[RateStep, ...] | None:
        """Return (run time, messages per second) of each step before `end_ns`.

        `start_ns` and `end_ns` bound the measured time; `changes` are those so far and, where the load does not go by
        its warhead alone, `surges` those that have come, all in run time. None in a closed loop, without publishers,
        and as long as the measured time has not been set.
        """
        self.learn(start_ns, changes, surges)
        if self._steps is None or start_ns is None:
            return None
        steps = ((start_ns + after_ns, per_s) for after_ns, per_s in self._steps)
        return tuple(step for step in steps if end_ns is None or step[0] < end_ns)

    def learn(
        self, start_ns: int | None, changes: Sequence[LoadChange], surges: Sequence[SurgeTimes] | None = None
    ) -> None:
        """Take the changes and surges so far, as `steps` does."""
        if self._steps is None or start_ns is None:
            return
        told = (tuple(changes), None if surges is None else tuple(surges))
        if told != self._told:
            self._told = told
            since = [replace(change, at_ns=change.at_ns - start_ns) for change in changes]
            come = None if surges is None else [surge.moved(-start_ns) for surge in surges]
            self._steps = rate_steps(self._warhead, self._workers, since, come) or ()

    def at(self, at_ns: int, start_ns: int | None) -> float | None:
        """Return the messages per second that are due at `at_ns` by what was learned of changes until now.

        Before the measured time those of the first step.
        """
        if self._steps is None:
            return None
        since_ns = at_ns - (at_ns if start_ns is None else start_ns)
        return next((per_s for after_ns, per_s in reversed(self._steps) if after_ns <= since_ns), self._steps[0][1])
