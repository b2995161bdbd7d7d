"""The search against targets whose capacity is known: 200 seeds of each kind, in no time."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from malaria.analysis.capacity.evidence import Trial
from malaria.analysis.capacity.load_grid import LoadGrid
from malaria.analysis.capacity.search import CapacityAnswer, Ending, TrialPlan, answer, next_trial
from malaria.analysis.outcome import Outcome
from malaria.records.search_goal import SearchGoal

SEEDS: Final = 200
GOAL: Final = SearchGoal(start=100, smallest=1, greatest=100_000, width=0.05, hold_s=60.0, probe_s=15.0)
GRID: Final = LoadGrid(GOAL.width, GOAL.smallest, GOAL.start, GOAL.greatest).loads

type Target = Callable[[TrialPlan], Trial]


def search(target: Target, goal: SearchGoal = GOAL) -> tuple[CapacityAnswer, list[Trial]]:
    trials: list[Trial] = []
    while isinstance(plan := next_trial(goal, trials), TrialPlan):
        trials.append(target(plan))
        assert len(trials) < 200, "the search does not end"
    return plan, trials


def passes(plan: TrialPlan, good: bool, **more: bool) -> Trial:
    return Trial(plan.load, Outcome.PASS if good else Outcome.FAIL, plan.hold_s, **more)


def hard_limit(capacity: int) -> Target:
    return lambda plan: passes(plan, plan.load <= capacity)


def step_of(load: float) -> int:
    return bisect_right(GRID, load) - 1


@pytest.mark.parametrize("capacity", [1, 2, 3, 10, 37, 99, 100, 101, 1_000, 3_050, 40_000, 99_999])
def test_a_hard_limit_is_bracketed_by_two_neighbours(capacity: int) -> None:
    found, trials = search(hard_limit(capacity))
    assert (found.lower, found.upper) == (GRID[step_of(capacity)], GRID[step_of(capacity) + 1])
    assert found.ending is Ending.PROVEN
    assert found.monotonic
    assert len(trials) <= 20
    assert sum(trial.load == found.lower and trial.hold_s == GOAL.hold_s for trial in trials) == GOAL.holds
    assert sum(trial.load == found.upper for trial in trials) >= 2


def test_each_trial_is_decided_from_the_trials_before() -> None:
    """A search goes on after a crash: asked again with the same trials, it gives the same next one."""
    _, trials = search(hard_limit(3_050))
    for done in range(len(trials)):
        plan = next_trial(GOAL, trials[:done])
        assert isinstance(plan, TrialPlan)
        assert (plan.load, plan.hold_s) == (trials[done].load, trials[done].hold_s)


def test_a_target_that_carries_nothing() -> None:
    found, _ = search(hard_limit(0))
    assert found == CapacityAnswer(None, 1, Ending.NOT_EVEN)


def test_a_target_that_carries_everything() -> None:
    found, _ = search(hard_limit(10**9))
    assert found == CapacityAnswer(GOAL.greatest, None, Ending.GREATEST)


def luck(capacity: int, chance: float, random_: random.Random) -> Target:
    return lambda plan: passes(plan, plan.load <= capacity or random_.random() < chance)


@pytest.mark.parametrize("capacity", [37, 1_000, 3_050, 40_000])
def test_a_pass_by_luck_is_not_the_answer(capacity: int) -> None:
    """The target passes one trial in five above its capacity."""
    steps = []
    for seed in range(SEEDS):
        found, _ = search(luck(capacity, 0.2, random.Random(seed)))
        assert found.lower is not None
        steps.append(step_of(found.lower) - step_of(capacity))
    assert max(steps) <= 1
    assert sum(abs(step) <= 1 for step in steps) >= 0.95 * SEEDS


def flaky_generator(capacity: int, chance: float, random_: random.Random) -> Target:
    def trial(plan: TrialPlan) -> Trial:
        done = passes(plan, plan.load <= capacity)
        return replace(done, outcome=Outcome.INVALID) if random_.random() < chance else done

    return trial


@pytest.mark.parametrize("capacity", [37, 3_050])
def test_a_flaky_generator_costs_trials_and_not_the_truth(capacity: int) -> None:
    right = 0
    for seed in range(SEEDS):
        found, _ = search(flaky_generator(capacity, 0.05, random.Random(seed)))
        right += found.ending is Ending.PROVEN and found.lower == GRID[step_of(capacity)]
        assert found.lower is None or found.lower <= capacity
        assert found.upper is None or found.upper > capacity
    assert right >= 0.95 * SEEDS


def test_a_machine_that_cannot_make_more_proves_what_it_can() -> None:
    limit = 700
    found, trials = search(
        lambda plan: Trial(plan.load, Outcome.PASS if plan.load <= limit else Outcome.INVALID, plan.hold_s)
    )
    assert found.ending is Ending.GENERATOR
    assert found.upper is None
    assert found.lower == max(trial.load for trial in trials if trial.load <= limit)


def test_trials_that_stay_unknown_end_the_search() -> None:
    found, trials = search(lambda plan: Trial(plan.load, Outcome.UNKNOWN, plan.hold_s))
    assert found == CapacityAnswer(None, None, Ending.NO_EVIDENCE)
    assert len(trials) == 2


def single_server(served_per_s: float, limit_s: float, random_: np.random.Generator) -> Target:
    """A queue with one server (M/M/1). A trial passes while the 99th percentile of the time in it is within a limit."""

    def trial(plan: TrialPlan) -> Trial:
        count = int(plan.load * plan.hold_s)
        served = random_.exponential(1 / served_per_s, count)
        steps = served[:-1] - random_.exponential(1 / plan.load, count)[1:]
        walk = np.concatenate([[0.0], np.cumsum(steps)])
        waited = walk - np.minimum.accumulate(walk)  # Lindley's recursion
        return passes(plan, float(np.quantile(waited + served, 0.99)) <= limit_s)

    return trial


def test_a_queue_of_known_service_rate() -> None:
    """The time in an M/M/1 queue is exponential with mean 1 / (served - arriving): its p99 is ln(100) times that."""
    served_per_s, limit_s = 500.0, 0.1
    capacity = served_per_s - math.log(100) / limit_s
    goal = replace(GOAL, hold_s=40.0, probe_s=10.0)
    steps = []
    for seed in range(SEEDS):
        found, _ = search(single_server(served_per_s, limit_s, np.random.default_rng(seed)), goal)
        assert found.lower is not None
        assert found.upper is not None
        steps += [step_of(found.lower) - step_of(capacity), step_of(found.upper) - step_of(capacity) - 1]
    assert sum(abs(step) <= 1 for step in steps) >= 0.95 * len(steps)


def slow_leak(capacity: int, random_: random.Random) -> Target:
    """A target whose queue grows by what is offered above its capacity, seen through the noise of a short look."""

    def trial(plan: TrialPlan) -> Trial:
        growth, error = max(0.0, plan.load - capacity), 20 * plan.load / plan.hold_s**1.5
        seen = random_.gauss(growth, error / 3)
        grows = seen - error > 0
        unsteady = plan.hold_s >= GOAL.hold_s and not grows and seen + error > GOAL.width * plan.load
        return passes(plan, not grows, unsteady=unsteady)

    return trial


def test_a_slow_leak_does_not_pass() -> None:
    capacity = 2_000
    lowers, longer = [], 0
    for seed in range(SEEDS):
        found, trials = search(slow_leak(capacity, random.Random(seed)))
        assert found.lower is not None
        longer += any(trial.hold_s > GOAL.hold_s for trial in trials)
        lowers.append(step_of(found.lower) - step_of(capacity))
    assert longer > SEEDS / 10
    assert max(lowers) <= 1
    assert sum(abs(step) <= 1 for step in lowers) >= 0.95 * SEEDS


class Hysteresis:
    """A target that tips above one load and is well again only at a smaller one. A clean start heals it."""

    def __init__(self, tips: int, recovers: int, *, cleaned: bool) -> None:
        self._tips, self._recovers, self._cleaned = tips, recovers, cleaned
        self._sick = False

    def __call__(self, plan: TrialPlan) -> Trial:
        limit = self._recovers if self._sick and not self._cleaned else self._tips
        self._sick = plan.load > limit
        return passes(plan, not self._sick)


def test_hysteresis_is_no_matter_with_clean_starts() -> None:
    found, _ = search(Hysteresis(3_400, 1_900, cleaned=True))
    assert found.lower == GRID[step_of(3_400)]


def test_without_clean_starts_no_bound_is_false() -> None:
    found, _ = search(Hysteresis(3_400, 1_900, cleaned=False))
    assert found.lower is not None
    assert found.lower <= 3_400


def test_a_lost_acknowledged_message_is_never_outvoted() -> None:
    """The target loses acknowledged messages above 500 clients once, in the first full trial; then it passes."""
    lost: set[int] = set()

    def trial(plan: TrialPlan) -> Trial:
        loses = plan.load > 500 and plan.load not in lost
        lost.add(plan.load)
        return passes(plan, not loses, decisive=loses)

    found, _ = search(trial)
    assert found.lower is not None
    assert found.lower <= 500


def test_a_pass_above_a_proven_failure_is_stated() -> None:
    trials = [Trial(100, Outcome.FAIL, 60.0)] * 2 + [Trial(200, Outcome.PASS, 60.0)] * 3 + [
        Trial(50, Outcome.PASS, 60.0)] * 3  # fmt: skip
    assert answer(GOAL, trials, Ending.BUDGET) == CapacityAnswer(50, 100, Ending.BUDGET, monotonic=False)


def test_a_budget_ends_the_search_before_a_trial_that_does_not_fit() -> None:
    goal = replace(GOAL, budget_s=300.0, overhead_s=5.0)
    found, trials = search(hard_limit(3_050), goal)
    assert found.ending is Ending.BUDGET
    assert sum(trial.hold_s + 5 for trial in trials) <= 300
    assert found.lower is None or found.lower <= 3_050


def test_a_budget_counts_the_time_that_trials_took() -> None:
    goal = replace(GOAL, budget_s=314.0)
    slow: Target = lambda plan: replace(hard_limit(3_050)(plan), took_s=100.0)  # noqa: E731
    _, trials = search(slow, goal)
    assert len(trials) == 3  # a fourth would end after 315 s or more


def test_no_seed_of_any_target_makes_the_search_endless() -> None:
    for seed in range(300):
        random_ = random.Random(seed)

        def trial(plan: TrialPlan, random_: random.Random = random_) -> Trial:
            return Trial(plan.load, random_.choice(list(Outcome)), plan.hold_s, unsteady=random_.random() < 0.2)

        search(trial)
