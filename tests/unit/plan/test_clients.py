"""What a share of a warhead with surges is to do."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest

from malaria.model.warhead import Warhead
from malaria.plan.clients import GroupPlan, Identity, Plan, make_plan
from malaria.schedule.share import WHOLE, Share

IDENTITY = Identity("run", 1, 1)
METERS = {"name": "meters", "clients": 10, "interval": "2s", "topic": "t/{index}"}
BACKEND = {"name": "backend", "role": "subscribe", "clients": 2, "topic": "t/+"}
SURGES = ({"group": "meters", "clients": 5, "at": "1s"}, {"group": "meters", "clients": 4, "at": "2s", "hold": "1s"})


def plan(*surges: dict[str, Any], share: Share = WHOLE, groups: tuple[dict[str, Any], ...] = (METERS, BACKEND)) -> Plan:
    table = {"group": groups, "surge": surges, "attack": {"duration": "10s"}}
    return make_plan(Warhead.model_validate(table), share, IDENTITY)


def test_a_surge_goes_on_counting_where_its_group_ends() -> None:
    whole = plan(*SURGES)
    assert [(g.group.name, g.surge, g.members.tolist()) for g in whole.groups] == [
        ("meters", None, list(range(10))),
        ("backend", None, [0, 1]),
        ("meters", 0, list(range(10, 15))),
        ("meters", 1, list(range(15, 19))),
    ]
    assert [g.first_row for g in whole.groups] == [0, 10, 12, 17]
    assert whole.clients == 21
    numbers = np.concatenate([g.numbers for g in whole.groups])
    assert sorted(numbers.tolist()) == list(range(21))
    assert whole.groups[2].client_id(10) == "malaria-run-meters-10"
    assert [g.comes_later for g in whole.groups] == [False, False, True, True]
    assert whole.group_of(12).surge == 0


@pytest.mark.parametrize("arrival", ["steady", "random", "poisson", "burst", "jitter"])
def test_the_schedule_of_a_surge_begins_at_its_own_origin(arrival: str) -> None:
    surge = plan(*SURGES, groups=(METERS | {"arrival": arrival, "rate_ramp": "1m"}, BACKEND)).groups[2]
    due_ns, position = surge.schedule().due_until(200 * 10**9)
    assert len(due_ns) == pytest.approx(500, rel=0.3 if arrival == "poisson" else 0.02)
    assert sorted(set(position.tolist())) == [0, 1, 2, 3, 4]


def test_two_surges_of_one_shape_do_not_fire_in_step() -> None:
    group = METERS | {"arrival": "random"}
    one, other = plan(SURGES[0], SURGES[0], groups=(group, BACKEND)).groups[2:]
    assert one.schedule().due_until(10**10)[0].tolist() != other.schedule().due_until(10**10)[0].tolist()


def dues(part: GroupPlan) -> list[tuple[int, int]]:
    due_ns, position = part.schedule().due_until(6 * 10**9)
    return list(zip(due_ns.tolist(), part.numbers[position].tolist(), strict=True))


def test_the_dues_of_a_surge_are_the_same_whatever_the_split() -> None:
    whole = dues(plan(*SURGES).groups[2])
    parts = [dues(plan(*SURGES, share=share).groups[2]) for share in WHOLE.split(3)]
    assert sorted(chain(*parts)) == sorted(whole)
    assert [due for due, _ in whole] == [n * 400_000_000 for n in range(15)]
