"""The search on targets of known capacity, begun with a staircase: 200 seeds of each kind, in no time.

Each has to be right within one step of the grid in at least 95 of 100 seeds, and no proven bound may be false by more
than a step. The rungs of a staircase are short looks, so they are as often wrong as short trials are.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pytest

from malaria.analysis.capacity.evidence import Trial
from malaria.analysis.capacity.load_grid import LoadGrid
from malaria.analysis.capacity.search import CapacityAnswer, Ending, TrialPlan, next_trial
from malaria.analysis.outcome import Outcome
from malaria.records.search_goal import SearchGoal

SEEDS: Final = 200
GOAL: Final = SearchGoal(start=100, smallest=1, greatest=100_000, width=0.05, hold_s=60.0, probe_s=15.0, staircase=True)
GRID: Final = LoadGrid(GOAL.width, GOAL.smallest, GOAL.start, GOAL.greatest).loads
LUCK: Final = 0.2
FLAKY: Final = 0.05

type Look = Callable[[int, float], Outcome]
"""The outcome of looking at a load for so many seconds."""


@dataclass(frozen=True)
class Truth:
    """A target: the greatest load that it carries, and what a look of a seed shows of it."""

    name: str
    capacity: float
    look: Callable[[int], Look]
    goal: SearchGoal = GOAL
    unsteady: Callable[[int, float, Outcome], bool] = lambda load, hold_s, outcome: False


def outcome_of(is_well: bool) -> Outcome:
    return Outcome.PASS if is_well else Outcome.FAIL


def hard_limit(_: int) -> Look:
    return lambda load, hold_s: outcome_of(load <= 3_050)


def lucky(seed: int) -> Look:
    chance = random.Random(seed)
    return lambda load, hold_s: outcome_of(load <= 3_050 or chance.random() < LUCK)


def flaky(seed: int) -> Look:
    chance = random.Random(seed)
    return lambda load, hold_s: Outcome.INVALID if chance.random() < FLAKY else outcome_of(load <= 3_050)


def single_server(seed: int) -> Look:
    """M/M/1: a look passes while the p99 of the time in the queue is at most 100 ms."""
    chance = np.random.default_rng(seed)

    def look(load: int, hold_s: float) -> Outcome:
        count = int(load * hold_s)
        served = chance.exponential(1 / SERVED_PER_S, count)
        steps = served[:-1] - chance.exponential(1 / load, count)[1:]
        walk = np.concatenate([[0.0], np.cumsum(steps)])
        waited = walk - np.minimum.accumulate(walk)  # Lindley's recursion
        return outcome_of(float(np.quantile(waited + served, 0.99)) <= LIMIT_S)

    return look


SERVED_PER_S: Final = 500.0
LIMIT_S: Final = 0.1


def tips(seed: int) -> Look:
    """A queue with hysteresis: above a tipping point that scatters by 1 % it is sick until the load is under 1,900.

    It is started anew for each trial, so only a staircase meets what it did before.
    """
    chance = random.Random(seed)
    return lambda load, hold_s: outcome_of(load <= 3_400 * chance.gauss(1, 0.01))


def leaks(seed: int) -> Look:
    """A queue that grows by what is offered above 2,000, seen through the noise of a look of that length."""
    chance = random.Random(seed)

    def look(load: int, hold_s: float) -> Outcome:
        error = 20 * load / hold_s**1.5
        return outcome_of(chance.gauss(max(0.0, load - 2_000), error / 3) - error <= 0)

    return look


def may_grow(load: int, hold_s: float, outcome: Outcome) -> bool:
    """The uncertainty of a short look is wider than a step."""
    return outcome is Outcome.PASS and 20 * load / hold_s**1.5 > GOAL.width * load


TRUTHS: Final = (
    Truth("M/M/1", SERVED_PER_S - math.log(100) / LIMIT_S, single_server, replace(GOAL, hold_s=40.0, probe_s=10.0)),
    Truth("hard limit", 3_050, hard_limit),
    Truth("hysteresis", 3_400, tips),
    Truth("slow leak", 2_000, leaks, unsteady=may_grow),
    Truth("lucky one in five", 3_050, lucky),
    Truth("flaky generator", 3_050, flaky),
)


def search(truth: Truth, seed: int) -> tuple[CapacityAnswer, list[Trial]]:
    look, goal = truth.look(seed), truth.goal
    trials: list[Trial] = []
    while isinstance(plan := next_trial(goal, trials), TrialPlan):
        trials += climb(plan, look) if plan.staircase else [trial(plan, look, truth)]
        assert len(trials) < 200, "the search does not end"
    return plan, trials


def climb(plan: TrialPlan, look: Look) -> Sequence[Trial]:
    rungs: list[Trial] = []
    for load in plan.staircase:
        rungs.append(Trial(load, look(load, plan.hold_s), plan.hold_s, rung=True))
        if rungs[-1].outcome is not Outcome.PASS:
            break
    return rungs


def trial(plan: TrialPlan, look: Look, truth: Truth) -> Trial:
    outcome = look(plan.load, plan.hold_s)
    is_full = plan.hold_s >= truth.goal.hold_s
    return Trial(plan.load, outcome, plan.hold_s, unsteady=is_full and truth.unsteady(plan.load, plan.hold_s, outcome))


def step_of(load: float) -> int:
    return bisect_right(GRID, load) - 1


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.name)
def test_the_answer_is_that_of_the_target(truth: Truth) -> None:
    found = [search(truth, seed)[0] for seed in range(SEEDS)]
    true_step = step_of(truth.capacity)
    right = 0
    for one in found:
        lower = None if one.lower is None else step_of(one.lower) - true_step
        upper = None if one.upper is None else step_of(one.upper) - true_step - 1
        # no proven bound is false by more than a step
        assert lower is None or lower <= 1, one
        assert upper is None or upper >= -1, one
        right += lower is not None and upper is not None and abs(lower) <= 1 and abs(upper) <= 1
    assert right >= 0.95 * SEEDS, right


def test_a_staircase_costs_no_more_than_the_trials_that_it_stands_for() -> None:
    """One attack has as many short looks as there were short trials, and the same answer follows."""
    truth = TRUTHS[1]
    found, trials = search(truth, 1)
    alone, single = search(replace(truth, goal=replace(GOAL, staircase=False)), 1)
    assert found == alone
    assert found.ending is Ending.PROVEN
    assert [(one.load, one.outcome) for one in trials] == [(one.load, one.outcome) for one in single]
    assert sum(one.rung for one in trials) == 7
