"""What is usual before a surge, and the limits that follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.analysis.baseline import MEASURES, Baseline, baseline_before, measures_of, with_missing_clients
from malaria.analysis.seconds import seconds_of
from malaria.records.rows import Metric
from synthetic import Course, with_late_reports


def band(course: Course, clients: int = 0) -> Baseline:
    records = course.run()
    seconds = seconds_of(records)
    found = baseline_before(measures_of(records, seconds), seconds, clients)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("course", "measure", "most"),
    [
        ({"ack_ms": [2.0] * 9}, Metric.ACK, 52),  # a quiet broker
        ({"ack_ms": [200.0] * 9}, Metric.ACK, 400),  # a slow one
        ({"ack_ms": [20.0, 60.0, 100.0, 20.0, 60.0, 100.0, 60.0, 20.0, 100.0]}, Metric.ACK, 60 + 5 * 40),  # a restless
        ({}, "owed", 100),  # a tenth of a second's load
        ({"due": [5] * 9}, "owed", 10),
        ({"told": [(n, {"messages_stored": 40}) for n in range(9)]}, "messages_stored", 140),
        ({}, "dropped", 0),
        ({}, "lost", 0),
    ],
)
def test_the_limit_of_a_measure(course: dict[str, Any], measure: str, most: float) -> None:
    limit = band(Course(**{"due": [1000] * 9} | course)).most[measure]
    assert limit == pytest.approx(most, rel=0.01)


def test_the_clients_of_the_surge_may_leave_something_behind() -> None:
    course = Course([10] * 9, told=[(n, {"messages_stored": 40}) for n in range(9)])
    assert band(course, 500).most["messages_stored"] == 540


def test_what_was_not_seen_has_no_limit() -> None:
    found = band(Course([10] * 9, meta={"acknowledged": False}))
    assert set(found.most) == {"owed", "lost", "dropped", "missing"}
    assert set(band(Course([10] * 9, meta={"closed_loop": True})).most) == {Metric.ACK, "lost", "dropped", "missing"}


def test_late_reports_make_the_load_before_no_larger() -> None:
    records = with_late_reports(Course([1000] * 12).run(), range(2, 10, 3))
    seconds = seconds_of(records)
    found = baseline_before(measures_of(records, seconds), seconds, 0)
    assert found is not None
    assert (found.due_per_s, found.most["owed"]) == (1000, 100)


def test_too_few_seconds_are_no_band() -> None:
    records = Course([10] * 2).run()
    seconds = seconds_of(records)
    assert baseline_before(measures_of(records, seconds), seconds, 0) is None


def test_who_left_the_band() -> None:
    found = band(Course([100] * 9))
    assert found.measures_above(
        {"owed": {10: 500.0, 11: 10.0}, "ack": {10: 3.0}, "lost": {}, "dropped": {}, "missing": {}}, 10
    ) == ["owed"]
    records = Course([100] * 9, ready={9: 97}).run()
    seconds = seconds_of(records)
    assert with_missing_clients({}, found, seconds)["missing"] == {n: 0 for n in range(1, 9)} | {9: 3}


def test_every_measure_has_its_floors() -> None:
    records = Course([10] * 9).run()
    assert set(measures_of(records, seconds_of(records))) <= set(MEASURES)
