"""The smallest surge that does not heal, on targets that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from malaria.analysis.capacity.triggers import TriggerTrial, base_load, next_trigger
from malaria.records.search_goal import SearchGoal

GOAL = SearchGoal(
    start=100, smallest=1, greatest=100_000, width=0.05, hold_s=60.0, probe_s=15.0, triggers=(0.5, 0.9), heal_s=20.0
)
LOWER = 1_000


def tried(heals: Callable[[float, int], bool | None], goal: SearchGoal = GOAL) -> list[TriggerTrial]:
    trials: list[TriggerTrial] = []
    while (wanted := next_trigger(goal, LOWER, trials)) is not None:
        load, trigger = wanted
        assert load == base_load(goal, LOWER, trigger.share) <= trigger.share * LOWER
        assert trigger.heal_s == 20.0
        trials.append(TriggerTrial(trigger, load, heals(trigger.share, trigger.surge)))
        assert len(trials) < 60, "it does not end"
    return trials


def bracket(trials: list[TriggerTrial], share: float) -> tuple[int | None, int | None]:
    of_share = [trial for trial in trials if trial.trigger.share == share]
    sick = [trial.trigger.surge for trial in of_share if trial.healed is False]
    well = [trial.trigger.surge for trial in of_share if trial.healed]
    return max(well, default=None), min(sick, default=None)


@pytest.mark.parametrize("threshold", [2, 7, 180, 500, 640, 1_999, 2_000, 3_900])
def test_the_smallest_surge_that_does_not_heal_is_bracketed(threshold: int) -> None:
    trials = tried(lambda share, surge: surge < threshold)
    for share in GOAL.triggers:
        well, sick = bracket(trials, share)
        assert well is not None
        assert sick is not None
        assert well < threshold <= sick <= max(1.25 * well, well + 1)


def test_a_target_without_a_loop_heals_from_every_surge() -> None:
    trials = tried(lambda share, surge: True)
    assert [trial.trigger.surge for trial in trials] == [500, 1_000, 2_000, 4_000] * 2


def test_a_load_that_never_heals_ends_at_the_smallest_surge() -> None:
    trials = tried(lambda share, surge: False, replace(GOAL, triggers=(0.5,)))
    assert trials[-1].trigger.surge == 1


def test_trials_without_evidence_end_a_part() -> None:
    trials = tried(lambda share, surge: None if share == 0.5 else True)
    assert [trial.trigger.share for trial in trials] == [0.5, 0.5, 0.9, 0.9, 0.9, 0.9]


def test_nothing_is_tried_that_was_not_asked_for() -> None:
    assert next_trigger(replace(GOAL, triggers=()), LOWER, []) is None
