"""Surges in time: which belong together, and how long a target is watched after them."""

from __future__ import annotations

import pytest

from malaria.analysis.surge_windows import episodes_of
from malaria.clock import NS_PER_S as S
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import Course, with_meta


@pytest.mark.parametrize(
    ("surges", "found"),
    [
        ([(5, 10, 20)], [(10, 20, 60)]),
        ([(5, 30, 40), (5, 10, 20)], [(10, 20, 30), (30, 40, 60)]),
        ([(5, 10, 20), (5, 15, 30)], [(10, 30, 60)]),
        ([(5, 10, 40), (5, 15, 20), (5, 30, 35)], [(10, 40, 60)]),
        ([(5, 10, 20), (5, 20, 30)], [(10, 20, 20), (20, 30, 60)]),  # one goes as the other comes: nobody looked
        ([(5, 10, None)], [(10, None, 60)]),
        ([(5, 10, None), (5, 20, 30)], [(10, None, 20), (20, 30, 60)]),
        ([(5, 10, 30), (5, 20, None)], [(10, None, 60)]),
    ],
)
def test_what_overlaps_is_one(
    surges: list[tuple[int, int, int | None]], found: list[tuple[int, int | None, int]]
) -> None:
    episodes = episodes_of(Course([10] * 60, surges=surges).run())
    assert [(e.add_ns // S, e.leave_ns and e.leave_ns // S, e.watched_ns // S) for e in episodes] == found


def test_what_did_not_happen_is_none() -> None:
    records = Course([10] * 5).run()
    never = {"group": "meters", "clients": 5, "add_ns": None, "added_ns": None, "remove_ns": None, "removed_ns": None}
    assert episodes_of(with_meta(records, surges=[never])) == []
    assert episodes_of(Run(RunMeta.model_validate({"surges": [never | {"add_ns": 1}]}), (), (), None)) == []
