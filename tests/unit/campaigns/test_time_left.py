"""How long a campaign still takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from campaign_fakes import TEXT
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.levels import Levels
from malaria.campaigns.program import Step
from malaria.campaigns.time_left import FIRST_GUESS_S, TimeLeft, planned_time_s
from malaria.model.attack_table import Attack


def steps(attack: str = "", group: str = "") -> tuple[Step, ...]:
    text = TEXT.replace("[[defaults.warhead.group]]", f"{attack}\n[[defaults.warhead.group]]")
    return tuple(Levels(campaign_from_toml(text.replace("clients = 5", f"clients = 5\n{group}"), "c.toml")).planned)


def test_the_plan_is_connecting_warming_up_and_holding() -> None:
    (first, *_) = steps("[defaults.attack]\nconnect_rate = 2\nwarmup = '3s'")
    assert planned_time_s(first) == pytest.approx(5 / 2 + 3 + 10)


def test_steps_that_took_longer_make_the_rest_longer() -> None:
    left, (first, second, *rest) = TimeLeft(), steps("[defaults.attack]\nconnect_rate = 0\nwarmup = '0s'")
    assert left.of([first, second, *rest]) == pytest.approx(4 * (10 + FIRST_GUESS_S))
    left.note(first, 12.0)
    left.note(second, 16.0)
    assert left.of(rest) == pytest.approx(2 * (10 + 4))
    assert left.of([]) == 0


def test_a_step_without_a_plan_takes_as_long_as_those_before_it() -> None:
    left, (first, *rest) = TimeLeft(), steps("[defaults.attack]\nconnect_rate = 0\nwarmup = '0s'")
    endless = replace(first, warhead=first.warhead.model_copy(update={"attack": endless_attack(first)}))
    assert left.of([endless]) is None
    left.note(first, 12.0)
    left.note(endless, 20.0)
    assert left.of([endless, rest[0]]) == pytest.approx(16 + 12)


def endless_attack(step: Step) -> Attack:
    return step.warhead.attack.model_copy(update={"duration_ns": None})
