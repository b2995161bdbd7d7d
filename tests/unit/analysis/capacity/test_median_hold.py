"""The hold of a search whose figures stand for its load."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from malaria.analysis.capacity.median_hold import median_hold
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignPart
from malaria.records.search_goal import TrialLoad
from synthetic import judged, make_run, with_figures

SUMMARY = summarize(make_run(seconds=2, workers=1, clients=60))


@dataclass(frozen=True, slots=True)
class Part:
    part: CampaignPart
    summary: Summary


def hold(load: int, p99: float | None, outcome: str = "PASS", hold_s: float = 10.0) -> Part:
    part = CampaignPart(1, f"{load} msg/s", "", 20, trial=TrialLoad(load, hold_s))
    ack = replace(SUMMARY.latency_ms["ack"], p99=p99)
    return Part(part, with_figures(SUMMARY, latency_ms={**SUMMARY.latency_ms, "ack": ack}, verdict=judged(outcome)))


@pytest.mark.parametrize(
    ("p99s", "chosen"), [([27.0, 20.0, 4.6], 20.0), ([9.0, 3.0], 3.0), ([5.0], 5.0)], ids=["three", "two", "one"]
)
def test_the_hold_with_the_median_p99_stands_for_its_load(p99s: list[float], chosen: float) -> None:
    found = median_hold([hold(900, p99) for p99 in p99s], 900)
    assert found is not None
    assert found.summary.latency_ms["ack"]["p99"] == chosen


def test_only_full_holds_that_passed_at_the_load_count() -> None:
    parts = [hold(900, 1.0, hold_s=3.0), hold(900, 8.0), hold(900, 2.0, "FAIL"), hold(1000, 3.0)]
    assert median_hold(parts, 900) is parts[1]
    assert median_hold(parts, 700) is None
    assert median_hold(parts, None) is None
