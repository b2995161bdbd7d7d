"""The run without its surges, and the rules of a level that look at it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.steady import spans_between
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_S
from malaria.records.rows import Reading
from synthetic import Course

Told = list[tuple[float, dict[str, Reading]]]
BEHIND = "its queue grew by 14 messages/s to 560"


def summary(course: Course) -> dict[str, Any]:
    return summarize(course.run())


def stored(values: list[int]) -> Told:
    return [(second + 0.5, {"messages_stored": value}) for second, value in enumerate(values)]


@pytest.mark.parametrize(
    ("troubles", "spans"),
    [
        ([], [(0, 100)]),
        ([(20, 40)], [(0, 20), (40, 100)]),
        ([(50, 60), (20, 55)], [(0, 20), (60, 100)]),
        ([(0, 30), (90, 100)], [(30, 90)]),
        ([(10, 200)], [(0, 10)]),
    ],
)
def test_the_time_that_is_left(troubles: list[tuple[int, int]], spans: list[tuple[int, int]]) -> None:
    assert spans_between((0, 100), troubles) == spans


def test_the_steady_time_of_a_run_without_surges_is_all_of_it() -> None:
    steady = summary(Course([100] * 20, [98] * 20, dropped={3: 2}, told=[(0, {"publish_dropped": 5}), (20, {})]))
    assert steady["steady"] == {
        "seconds": 20, "due_per_s": 100, "sent_per_s": None, "acked_per_s": 98,
        "ack_p99_ms": None, "longest_stall_ms": None, "connections_dropped": 2, "messages_dropped": 0,
    }  # fmt: skip


def test_at_qos_0_the_rate_is_what_was_sent() -> None:
    steady = summary(Course([100] * 20, meta={"acknowledged": False}))["steady"]
    assert (steady["sent_per_s"], steady["acked_per_s"]) == (100, None)


def test_late_reports_make_no_rate_higher() -> None:
    """Every other report ends 0.2 s late, in the second of the next one."""
    run = Course([100] * 20).run()
    late = tuple(
        replace(sample, end_ns=sample.end_ns + NS_PER_S // 5)
        if sample.end_ns // NS_PER_S % 2
        else replace(sample, start_ns=sample.start_ns + NS_PER_S // 5)
        for sample in run.samples
    )
    steady = summarize(replace(run, samples=late))["steady"]
    assert steady["seconds"] < 12
    assert (steady["due_per_s"], steady["acked_per_s"]) == (100, 100)


def test_too_short_for_a_rate() -> None:
    assert summary(Course([100] * 2))["steady"]["acked_per_s"] is None


def test_a_broker_that_falls_behind_all_along() -> None:
    found = summary(Course([100] * 40, [86] * 40, told=[(0, {"publish_dropped": 3}), (41, {"publish_dropped": 1207})]))
    assert found["broker"]["queues"]["owed"] == {
        "growth_per_s": 14, "low_per_s": 14, "high_per_s": 14, "points": 40, "grows": True,
    }  # fmt: skip
    assert found["broker"]["queue_growth_per_s"] == 14
    assert found["verdict"]["reasons"][0] == (
        f"the broker fell behind at 0:01: acked 86 of 100 msg/s (86 %, needs 98 %), {BEHIND}, 1,204 dropped"
    )
    assert found["verdict"]["outcome"] == "FAIL"
    assert not [reason for reason in found["verdict"]["reasons"][1:] if "dropped" in reason or "grew" in reason]


def test_a_queue_behind_the_acknowledgements_is_found_too() -> None:
    """It takes everything and delivers less: by its own word."""
    found = summary(Course([100] * 40, told=stored([40 + 25 * n for n in range(41)])))
    assert found["verdict"] == {
        "outcome": "FAIL",
        "reasons": ["the broker cannot sustain this load: what it stores grew by 25 messages/s"],
    }


def test_an_operator_may_allow_a_growth() -> None:
    told = stored([40 + 25 * n for n in range(41)])
    for limit, outcome in (("< 30/s", "PASS"), ("< 20/s", "FAIL"), ("< 30% of due", "PASS")):
        thresholds = {"thresholds": [f"broker.queue_growth_per_s {limit}"]}
        assert summary(Course([100] * 40, told=told, meta=thresholds))["verdict"]["outcome"] == outcome


@pytest.mark.parametrize(
    "course",
    [
        Course([100] * 7, [99] * 7, told=stored([40 + 25 * n for n in range(7)])),  # too few points for a ruling
        Course([100] * 40, told=stored([40] * 20 + [400] * 20)),  # a step is no growth
        Course([100] * 40, told=[(n, {"messages_stored": 40 + 25 * n, "retained": 25 * n}) for n in range(41)]),
        Course([100] * 40, told=stored([40 + n // 20 for n in range(41)])),  # less than what matters
        Course([100] * 40, [30] * 40, meta={"closed_loop": True}),
    ],
)
def test_what_is_no_growth(course: Course) -> None:
    assert not [reason for reason in summary(course)["verdict"]["reasons"] if "grew" in reason]


def test_what_a_surge_did_is_not_told_of_the_level() -> None:
    """It owes 500 when they go, and works them off in 20 s; before and after it is on target."""
    due = [100] * 15 + [200] * 10 + [100] * 25
    acked = [100] * 15 + [150] * 10 + [125] * 20 + [100] * 5
    found = summary(Course(due, acked, surges=[(50, 15, 25)]))
    assert found["rates"]["acked_per_s"] == 120
    assert found["steady"]["acked_per_s"] == pytest.approx(100, abs=2)
    assert found["steady"]["seconds"] == 21
    assert found["surges"][0]["recovery_s"] == 19
    assert found["verdict"]["outcome"] == "PASS"
