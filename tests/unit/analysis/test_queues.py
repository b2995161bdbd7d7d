"""Queues that grow: trends that rise, by more than chance and a late second can make."""

from __future__ import annotations

import pytest

from malaria.analysis.queues import GROWING, growths
from malaria.analysis.seconds import seconds_of
from malaria.clock import NS_PER_S as S
from synthetic import Course, with_late_reports


def found(course: Course, from_s: int, until_s: int) -> dict[str, tuple[float, bool]]:
    records = course.run()
    return {g.queue: (g.trend.per_s, g.grows) for g in growths(records, seconds_of(records), (from_s * S, until_s * S))}


STORED = Course(
    [100] * 30, [90] * 30, told=[(n, {"messages_stored": 5 * n, "messages_inflight": 20}) for n in range(31)]
)


def test_each_queue_of_which_enough_was_seen() -> None:
    assert found(STORED, 0, 30) == {
        "owed": (10, True), "messages_stored": (5, True), "messages_inflight": (0, False)
    }  # fmt: skip
    assert set(found(STORED, 0, 30)) == set(GROWING)
    assert found(STORED, 0, 7) == {
        "messages_stored": (5, True),
        "messages_inflight": (0, False),
    }  # told once more after it
    assert found(STORED, 10, 15) == {}
    assert found(STORED, 40, 50) == {}


@pytest.mark.parametrize(
    ("due", "acked", "grows"),
    [(100, 99, True), (1000, 999, False), (1000, 995, True), (2, 2, False)],
)
def test_what_is_less_than_a_tenth_of_a_seconds_load_is_no_growth(due: int, acked: int, grows: bool) -> None:
    assert found(Course([due] * 30, [acked] * 30), 0, 30)["owed"][1] is grows


def test_late_reports_hide_no_growth() -> None:
    """It grows by 150; a tenth of a second's load is 100, whatever the seconds hold."""
    records = with_late_reports(Course([1000] * 31, [995] * 31).run(), range(2, 30, 3))
    owed = growths(records, seconds_of(records), (0, 31 * S))[0]
    assert (owed.queue, owed.grows) == ("owed", True)


def test_nothing_is_owed_in_a_closed_loop() -> None:
    assert found(Course([100] * 30, [90] * 30, meta={"closed_loop": True}), 0, 30) == {}
