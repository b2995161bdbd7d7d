"""Decide the next trial of a capacity search from the trials so far, or that the answer stands.

First short trials double the load until one fails; then full ones halve the steps between what held and what did not;
then neighbours are confirmed until both are proven (RFC 9971). A lower bound counts only below the smallest proven
upper bound: a lucky pass above a proven failure is never the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

from malaria.analysis.capacity.evidence import Bound, LoadEvidence, Trial, weigh
from malaria.analysis.capacity.load_grid import LoadGrid
from malaria.analysis.outcome import Outcome
from malaria.records.search_goal import SearchGoal

GROWTH: Final = 2
"""The factor between loads until one fails."""
LOOKS: Final = (1, 2, 4)
"""Lengths of a hold, as multiples: the next one is taken while it is open whether a queue grows."""
VAIN_TRIALS: Final = 2
"""So many trials without evidence, in a row at one load that nothing greater has given evidence for, end the search."""
MOST_VAIN_TRIALS: Final = 4
"""As many end it at any load."""
NOISE_HOLDS: Final = 2
"""Holds that a lower bound needs besides, once two trials at one load have disagreed."""


class Ending(StrEnum):
    """The reason why a search made no more trials."""

    PROVEN = "proven"  # a lower and an upper bound that are neighbours
    GREATEST = "greatest"  # the greatest load that was allowed is carried
    NOT_EVEN = "not even the smallest"  # the smallest load that was allowed is not carried
    GENERATOR = "generator"  # this machine cannot make more
    NO_EVIDENCE = "no evidence"  # trials stayed unknown
    BUDGET = "budget"  # there was no time for another trial
    INTERRUPTED = "interrupted"  # the operator, or a fault, stopped it


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """The trial to make next."""

    load: int
    hold_s: float


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """The bounds that are proven (None: none is). `monotonic` is False if a load held above one that did not."""

    lower: int | None
    upper: int | None
    ending: Ending
    monotonic: bool = True


def next_trial(goal: SearchGoal, trials: Sequence[Trial]) -> TrialPlan | CapacityAnswer:
    """Return the trial that tells most, or the answer."""
    plan = _Search(goal, trials).decide()
    if isinstance(plan, TrialPlan) and not _fits(goal, trials, plan):
        return answer(goal, trials, Ending.BUDGET)
    return plan


def answer(goal: SearchGoal, trials: Sequence[Trial], ending: Ending) -> CapacityAnswer:
    """Return the bounds that the trials prove so far."""
    return _Search(goal, trials).answer(ending)


def _fits(goal: SearchGoal, trials: Sequence[Trial], plan: TrialPlan) -> bool:
    if goal.budget_s is None:
        return True
    took_s = [trial.hold_s + goal.overhead_s if trial.took_s is None else trial.took_s for trial in trials]
    beyond_s = [took - trial.hold_s for took, trial in zip(took_s, trials, strict=True)]
    overhead_s = sum(beyond_s) / len(beyond_s) if beyond_s else goal.overhead_s
    return sum(took_s) + plan.hold_s + overhead_s <= goal.budget_s


class _Search:
    """The state of a search after some trials."""

    def __init__(self, goal: SearchGoal, trials: Sequence[Trial]) -> None:
        self._goal = goal
        self._trials = trials
        self._grid = LoadGrid(goal.width, goal.smallest, goal.start, goal.greatest)
        self._evidence: Mapping[int, LoadEvidence] = weigh(trials, goal.hold_s)
        self._bad = min((load for load, known in self._evidence.items() if known.leans_bad), default=None)
        below = [load for load, known in self._evidence.items() if known.leans_good and self._is_below(load)]
        self._good = max(below, default=None)

    def _is_below(self, load: int) -> bool:
        return self._bad is None or load < self._bad

    def decide(self) -> TrialPlan | CapacityAnswer:
        ceiling = self._vain_load()
        if ceiling is not None:
            return self._below_ceiling(*ceiling)
        contested = [load for load, known in self._evidence.items() if known.is_contested and self._is_below(load)]
        if contested:
            return self._full(max(contested))
        if self._bad is None:
            return self._upwards()
        if self._good is None:
            return self._downwards(self._bad)
        middle = self._grid.between(self._good, self._bad)
        return self._full(middle) if middle is not None else self._confirm(self._good, self._bad)

    def answer(self, ending: Ending) -> CapacityAnswer:
        bounds = {load: known.bound(self._goal.required_s) for load, known in self._evidence.items()}
        upper = min((load for load, bound in bounds.items() if bound is Bound.UPPER), default=None)
        lowers = [load for load, bound in bounds.items() if bound is Bound.LOWER]
        lower = max((load for load in lowers if upper is None or load < upper), default=None)
        return CapacityAnswer(lower, upper, ending, monotonic=upper is None or all(load < upper for load in lowers))

    # --- steps of the search

    def _upwards(self) -> TrialPlan | CapacityAnswer:
        if self._good is None:
            return self._probe(self._grid.at_most(self._goal.start))
        if self._good == self._goal.greatest:
            return self._prove(self._good, Bound.LOWER) or self.answer(Ending.GREATEST)
        above = self._grid.next_above(self._good)
        assert above is not None
        return self._probe(max(above, self._grid.at_most(self._good * GROWTH)))

    def _downwards(self, bad: int) -> TrialPlan | CapacityAnswer:
        if bad == self._goal.smallest:
            return self._prove(bad, Bound.UPPER) or self.answer(Ending.NOT_EVEN)
        return self._probe(self._grid.at_most(bad / GROWTH))

    def _confirm(self, good: int, bad: int) -> TrialPlan | CapacityAnswer:
        """Prove both neighbours. A lower bound needs more than its classification, for a pass may have been luck."""
        plan = self._prove(good, Bound.LOWER) or self._doubt(good) or self._prove(bad, Bound.UPPER)
        return plan or self.answer(Ending.PROVEN)

    def _doubt(self, good: int) -> TrialPlan | None:
        """Return a trial that would show that the passes of a lower bound were luck; None when enough were made.

        A target that carries a load carries smaller ones too, so the neighbour below is proven as well.
        """
        known = self._evidence[good]
        noisy = any(each.good_s and each.bad_s for each in self._evidence.values())
        lead_s = self._goal.required_s + noisy * NOISE_HOLDS * self._goal.hold_s
        if known.good_s - known.bad_s < lead_s:
            return self._full(good)
        below = self._grid.next_below(good)
        return None if below is None else self._prove(below, Bound.LOWER)

    def _below_ceiling(self, load: int, ending: Ending) -> TrialPlan | CapacityAnswer:
        """Prove the greatest load that held below one that gives no evidence, and end."""
        if self._good is not None and self._good < load and self._vain_in_a_row(self._good) < VAIN_TRIALS:
            return self._prove(self._good, Bound.LOWER) or self.answer(ending)
        return self.answer(ending)

    def _prove(self, load: int, wanted: Bound) -> TrialPlan | None:
        """Return the next trial at a load that is not proven to be the wanted bound; None when it is."""
        known = self._evidence.get(load, LoadEvidence())
        return None if known.bound(self._goal.required_s) is wanted else self._full(load)

    def _probe(self, load: int) -> TrialPlan:
        return TrialPlan(load, self._length(load, self._goal.probe_s))

    def _full(self, load: int) -> TrialPlan:
        return TrialPlan(load, self._length(load, self._goal.hold_s))

    def _length(self, load: int, least_s: float) -> float:
        """Return the length of a hold: longer after trials at this load that could not tell whether a queue grows."""
        unsteady = sum(trial.load == load and trial.unsteady and not trial.is_evidence for trial in self._trials)
        return self._goal.hold_s * LOOKS[min(unsteady, len(LOOKS) - 1)] if unsteady else least_s

    # --- trials without evidence

    def _vain_load(self) -> tuple[int, Ending] | None:
        """Return the smallest load at which no evidence can be had, and why; None if there is none."""
        found = []
        for load in {trial.load for trial in self._trials}:
            vain = self._vain_in_a_row(load)
            enough = MOST_VAIN_TRIALS if any(known >= load for known in self._evidence) else VAIN_TRIALS
            if vain >= enough:
                last = [trial for trial in self._trials if trial.load == load][-1]
                found.append((load, Ending.GENERATOR if last.outcome is Outcome.INVALID else Ending.NO_EVIDENCE))
        return min(found, default=None)

    def _vain_in_a_row(self, load: int) -> int:
        """Return how many of the last trials at a load were vain. One that a longer look follows is not."""
        at_load = [trial for trial in self._trials if trial.load == load]
        trailing = takewhile(lambda trial: not trial.is_evidence, reversed(at_load))
        longest_s = LOOKS[-1] * self._goal.hold_s
        return sum(trial.outcome is not Outcome.PASS or trial.hold_s >= longest_s for trial in trailing)
