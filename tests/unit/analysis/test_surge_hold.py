"""Whether a target held, from one surge alone: what is bending, what is breaking, and what was not seen."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.analysis.baseline import Baseline
from malaria.analysis.seconds import seconds_of
from malaria.analysis.surge_hold import BREAKS, HoldWindow, SurgeHold, judge_hold
from malaria.analysis.surge_windows import SurgeSpan
from malaria.clock import NS_PER_S as S
from malaria.model.threshold import FIGURES
from synthetic import Course, with_late_reports

BAND = Baseline(most={"owed": 10, "ack": 52}, usual={"owed": 0, "ack": 2}, due_per_s=100, ready=100)


def judged(baseline: Baseline | None = BAND, added_s: int | None = 1, **course: Any) -> SurgeHold:
    """A surge from 0 to 12 s, its trouble over at 15 s."""
    records = Course(**{"due": [100] * 20} | course).run()
    seconds = seconds_of(records)
    stay = SurgeSpan("meters", 5, 0, None if added_s is None else added_s * S, 12 * S)
    return judge_hold(HoldWindow(records, stay, seconds[:12], seconds, baseline, 12 * S, 15 * S))


def test_it_held() -> None:
    assert judged() == SurgeHold(True, (), ())


@pytest.mark.parametrize(
    ("what", "reasons"),
    [
        ({"added_s": None}, ["it did not accept all clients of the surge"]),
        ({"added_s": 13}, ["it did not accept all clients of the surge"]),
        ({"acked": [97] * 20}, ["it acked 97 of 100 msg/s (97 %, needs 98 %)", "its queue grew by 3 messages/s"]),
        ({"acked": [60, 136] * 10}, []),  # late from one second to the next, and on target
        ({"acked": [40] * 20, "meta": {"acknowledged": False}}, []),
        ({"acked": [40] * 20, "meta": {"closed_loop": True}}, []),
        ({"ack_ms": [53.0] * 20}, ["ack p99 was 53 ms (at most 52 ms)"]),
        ({"ack_ms": [53.0] * 20, "baseline": None}, []),  # with nothing to compare it with
        ({"ack_ms": [53.0] * 20, "baseline": None, "meta": {"thresholds": ["ack.p99 <= 20ms"]}},
         ["ack p99 was 53 ms (at most 20 ms)"]),
        ({"ack_ms": [53.0] * 20, "meta": {"thresholds": ["ack.p99 > 20ms"]}}, ["ack p99 was 53 ms (at most 52 ms)"]),
    ],
)  # fmt: skip
def test_bending(what: dict[str, Any], reasons: list[str]) -> None:
    assert judged(**what) == SurgeHold(not reasons, (), tuple(reasons))


@pytest.mark.parametrize(("added_s", "reasons"), [(5, ()), (21, ("it did not accept all clients of the surge",))])
def test_clients_that_stay_may_come_when_others_are_on_their_way(added_s: int, reasons: tuple[str, ...]) -> None:
    records = Course([100] * 20).run()
    seconds = seconds_of(records)
    stay = SurgeSpan("meters", 5, 0, added_s * S, None)
    assert judge_hold(HoldWindow(records, stay, seconds[:4], seconds, BAND, 4 * S, 4 * S)).reasons == reasons


def test_breaking_goes_on_until_the_trouble_is_over() -> None:
    assert judged(dropped={14: 3, 19: 9}) == SurgeHold(False, ("clients.dropped",), ("3 connections broke",))
    told = [(n, {"publish_dropped": max(0, n - 9)}) for n in range(21)]
    assert judged(told=told) == SurgeHold(False, ("broker.dropped",), ("it dropped 6 messages",))


def test_late_reports_change_no_rate_of_a_reason() -> None:
    records = with_late_reports(Course([100] * 20, [90] * 20).run(), range(2, 12, 3))
    seconds = seconds_of(records)
    window = HoldWindow(records, SurgeSpan("meters", 5, 0, S, 12 * S), seconds[:4], seconds, None, 12 * S, 12 * S)
    assert judge_hold(window).reasons[0] == "it acked 90 of 100 msg/s (90 %, needs 98 %)"


def test_too_little_was_seen() -> None:
    records = Course([100] * 20).run()
    seconds = seconds_of(records)
    window = HoldWindow(records, SurgeSpan("meters", 5, 0, S, 2 * S), seconds[:1], seconds, None, 2 * S, 2 * S)
    assert judge_hold(window).held is None


def test_what_breaks_are_figures_of_thresholds() -> None:
    assert set(BREAKS) <= set(FIGURES)
