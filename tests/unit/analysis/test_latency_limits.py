"""The limits on latency that nobody stated, and the bound on own lag that follows from the tightest one."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.analysis.latency_limits import default_limit_ms, own_lag_bound_ns
from malaria.analysis.rules import judged_rules
from malaria.analysis.summary import summarize
from malaria.records.run import Run
from synthetic import make_run, with_meta

MS = 1_000_000


def asked(**facts: Any) -> Run:
    """Return a run without thresholds, but for what is given."""
    return with_meta(make_run(seconds=4), **{"own_lag_limit_ns": None, "thresholds": (), "interval_s": 1.0} | facts)


@pytest.mark.parametrize(
    ("facts", "limit_ms"),
    [
        ({}, 1000),
        ({"interval_s": 0.1}, 1000),
        ({"interval_s": 6.0}, 6000),
        ({"interval_s": None}, None),  # an earlier version stored the run
        ({"closed_loop": True}, None),
        ({"acknowledged": False}, None),
        ({"thresholds": ("stalls.longest <= 5s",)}, 5000),  # who allows a stall allows what it does to the latency
    ],
)
def test_the_default_limit_is_a_second_or_the_interval(facts: dict[str, Any], limit_ms: float | None) -> None:
    assert default_limit_ms(asked(**facts)) == limit_ms


@pytest.mark.parametrize(
    ("facts", "bound_ms"),
    [
        ({}, 100),
        ({"interval_s": 6.0}, 600),
        ({"thresholds": ("ack.p99 < 500ms", "end_to_end.p99 < 200ms")}, 20),
        ({"thresholds": ("end_to_end.p99 < 300ms",)}, 30),
        ({"thresholds": ("ack.p50 < 10ms",)}, 5),
        ({"thresholds": ("ack.p99 < 30s",)}, 3000),
        (
            {"thresholds": ("service.p99 < 20ms", "connect.p99 < 20ms", "ack.count > 7")},
            100,
        ),  # not from the due time on
        ({"thresholds": ("ack.p99 < 500ms",), "own_lag_limit_ns": 7 * MS}, 7),
        ({"acknowledged": False}, 100),
    ],
)
def test_own_lag_may_be_a_tenth_of_the_tightest_limit(facts: dict[str, Any], bound_ms: int) -> None:
    assert own_lag_bound_ns(asked(**facts)) == bound_ms * MS


def test_a_stated_limit_takes_the_place_of_the_default() -> None:
    def rules(run: Run) -> list[tuple[str, bool]]:
        found = judged_rules(run, summarize(run))
        return [(str(rule.threshold), rule.is_default) for rule in found if rule.threshold.key == "ack.p99"]

    assert rules(asked()) == [("ack.p99 <= 1000ms", True)]
    assert rules(asked(thresholds=("ack.p99 < 5s",))) == [("ack.p99 < 5000ms", False)]
