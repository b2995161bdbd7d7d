"""Decide the next trial of a capacity search from the trials so far, or that the answer stands.

First a staircase, or short trials, double the load until one fails; then full ones halve the steps between what held
and what did not; then neighbours are confirmed until both are proven (RFC 9971). A lower bound counts only below the
smallest proven upper bound: a lucky pass above a proven failure is never the answer.
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
MOST_RUNGS: Final = 10
"""Of one staircase."""
MOST_CLIENTS_RUNGS: Final = 6
"""Of one staircase of clients: all of them are planned before it begins, whether they come or not."""
RUNGS_BELOW: Final = 3
"""Rungs below a load that failed at once, from which the climb begins again."""
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
    """The trial to make next. `staircase` has the loads of one that climbs; `hold_s` is then that of each rung."""

    load: int
    hold_s: float
    staircase: tuple[int, ...] = ()


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
    # a staircase has one start and one end for many rungs
    beyond_s = [took - trial.hold_s for took, trial in zip(took_s, trials, strict=True) if not trial.rung]
    overhead_s = sum(beyond_s) / len(beyond_s) if beyond_s else goal.overhead_s
    rungs = len(plan.staircase) or 1
    return sum(took_s) + rungs * plan.hold_s + overhead_s <= goal.budget_s


def _is_unmade(trial: Trial) -> bool:
    return trial.rung and trial.outcome is Outcome.UNKNOWN


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
            return self._climb(self._grid.at_most(self._goal.start))
        if self._good == self._goal.greatest:
            return self._prove(self._good, Bound.LOWER) or self.answer(Ending.GREATEST)
        above = self._grid.next_above(self._good)
        assert above is not None
        return self._climb(max(above, self._grid.at_most(self._good * GROWTH)))

    def _downwards(self, bad: int) -> TrialPlan | CapacityAnswer:
        if bad == self._goal.smallest:
            return self._prove(bad, Bound.UPPER) or self.answer(Ending.NOT_EVEN)
        if self._climbs and len(self._trials) == 1:
            # the first load broke the target: climb again from far below it
            return self._climb(self._grid.at_most(bad / GROWTH**RUNGS_BELOW), bad)
        return self._probe(self._grid.at_most(bad / GROWTH))

    @property
    def _climbs(self) -> bool:
        """Tell whether the next loads may be rungs of a staircase: all trials were rungs, and told something.

        One staircase that could not be made, for this machine had no room for it, is followed by a lower one.
        """
        vain = [trial for trial in self._trials if not trial.is_evidence]
        unmade = all(trial.outcome is Outcome.UNKNOWN for trial in vain)
        return self._goal.staircase and all(trial.rung for trial in self._trials) and unmade and len(vain) <= 1

    def _climb(self, load: int, until: int | None = None) -> TrialPlan:
        """Return a staircase from this load on; a short trial of it where a staircase would tell no more."""
        loads = [load]
        most = MOST_RUNGS if self._goal.by_rate else MOST_CLIENTS_RUNGS
        if not all(trial.is_evidence for trial in self._trials):
            most //= 2
        until = until or self._goal.greatest
        while len(loads) < most and loads[-1] < until:
            above = self._grid.next_above(loads[-1])
            assert above is not None
            loads.append(min(until, max(above, self._grid.at_most(loads[-1] * GROWTH))))
        if not self._climbs or len(loads) < 2:
            return self._probe(load)
        return TrialPlan(load, self._goal.probe_s, tuple(loads))

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
        held = [known for known, each in self._evidence.items() if each.leans_good and known < load]
        good = max((known for known in held if self._is_below(known)), default=None)
        if good is not None and self._vain_in_a_row(good) < VAIN_TRIALS:
            return self._prove(good, Bound.LOWER) or self.answer(ending)
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
        # a staircase that could not be made says nothing about its lowest load
        at_load = [trial for trial in self._trials if trial.load == load and not _is_unmade(trial)]
        trailing = takewhile(lambda trial: not trial.is_evidence, reversed(at_load))
        longest_s = LOOKS[-1] * self._goal.hold_s
        return sum(trial.outcome is not Outcome.PASS or trial.hold_s >= longest_s for trial in trailing)
