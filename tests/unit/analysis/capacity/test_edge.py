"""A cliff or a smooth slope one step above the answer, and what a search cost."""

from __future__ import annotations

import pytest

from malaria.analysis.capacity.edge import cost_s, edge
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import (
    ClientFigures,
    LatencyFigures,
    MessageFigures,
    RateFigures,
    Summary,
    Verdict,
)
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.search_goal import TrialLoad

MADE = CampaignRecords(
    "t", "", "c.toml", "malaria capacity", "", {"kind": "none"},
    tuple(
        CampaignPart(number, str(load), "", load, directory=f"trial-{number}", state=PartState.DONE,
                     trial=TrialLoad(load, 10.0), took_s=12.5)
        for number, load in ((1, 100), (2, 105))
    ),
)  # fmt: skip


def summary(outcome: Outcome, acked: float, p99: float, dropped: int = 0, acked_lost: int = 0) -> Summary:
    return Summary(
        verdict=Verdict(outcome),
        rates=RateFigures(due_per_s=100.0, acked_per_s=acked),
        latency_ms={"ack": LatencyFigures(p99=p99), "end_to_end": LatencyFigures()},
        clients=ClientFigures(dropped=dropped),
        messages=MessageFigures(acked_lost=acked_lost),
    )


BELOW = summary(Outcome.PASS, 100, 5.0)


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (summary(Outcome.FAIL, 96, 12.0), "smooth"),
        (summary(Outcome.FAIL, 70, 12.0), "cliff"),
        (summary(Outcome.FAIL, 99, 800.0), "cliff"),
        (summary(Outcome.FAIL, 99, 12.0, dropped=3), "cliff"),
        (summary(Outcome.FAIL, 99, 12.0, acked_lost=1), "cliff"),
    ],
)
def test_the_edge(above: Summary, expected: str) -> None:
    assert edge(MADE, {"trial-1": BELOW, "trial-2": above}, 100, 105) == expected


def test_without_both_bounds_there_is_no_edge() -> None:
    assert edge(MADE, {"trial-1": BELOW}, 100, 105) is None
    assert edge(MADE, {"trial-1": BELOW}, 100, None) is None


def test_the_cost_is_the_time_of_all_attacks() -> None:
    assert cost_s(MADE) == 25.0
