"""The verdict over a comparison, and the truth of its answers from summaries with known figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from malaria.analysis.compare.paired_figures import judge_comparison
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import ComparisonFigures, Summary, Verdict
from malaria.records.campaign_records import INTERRUPTED, CampaignPart, CampaignRecords, PartState
from malaria.records.comparison_goal import ComparisonGoal
from synthetic import make_run, observed

GOAL: Final = ComparisonGoal("old", "new", 8, 0.05)
BASE: Final = summarize(observed(make_run(seconds=10, workers=1, clients=60)))
NOISE: Final = 0.015


def summary(factor: float, **messages: int) -> Summary:
    """A run whose broker takes so many times the CPU, and whose latencies are so many times as long."""
    assert BASE.broker.cpu_percent is not None
    ack = BASE.latency_ms["ack"]
    slower = replace(ack, p50=(ack.p50 or 0) * factor, p99=(ack.p99 or 1) * factor)
    return replace(
        BASE,
        broker=replace(BASE.broker, cpu_percent=BASE.broker.cpu_percent * factor),
        latency_ms={**BASE.latency_ms, "ack": slower},
        messages=replace(BASE.messages, **messages),
    )


def with_outcome(one: Summary, outcome: Outcome) -> Summary:
    return replace(one, verdict=Verdict(outcome, (Reason(outcome, "why"),)))


def judged(pairs: list[tuple[Summary, Summary]], why: str = "", **goal: Any) -> tuple[ComparisonFigures, Verdict]:
    parts, summaries = [], {}
    for number, pair in enumerate(pairs, start=1):
        for side, one in zip("AB", pair, strict=True):
            directory = f"pair-{number}-{side}"
            parts.append(CampaignPart(number, f"pair {number}", side, 60, directory=directory, state=PartState.DONE))
            summaries[directory] = one
    if why:
        parts.append(CampaignPart(99, "pair 99", "A", 60, why=why))
    campaign = CampaignRecords("c", "", "c.toml", "", "", {}, tuple(parts))
    return judge_comparison(replace(GOAL, **goal), campaign, summaries)


def noisy(seed: int, worse: float = 1.0) -> list[tuple[Summary, Summary]]:
    rng = np.random.default_rng(seed)
    factors = np.exp(rng.normal(0, NOISE, (8, 2)))
    return [(summary(float(a)), summary(float(b) * worse)) for a, b in factors]


def test_the_truth_is_found() -> None:
    """No difference: hardly ever worse. A tenth more CPU per message: nearly always found."""
    alarms = sum(judged(noisy(seed))[0].answer == "worse" for seed in range(50))
    found = [judged(noisy(seed, 1.1))[0] for seed in range(50)]
    assert alarms <= 2
    assert sum(one.figures[0].answer == "worse" for one in found) >= 40
    assert found[0].figures[0].name == "broker.cpu_us_per_message"
    assert found[0].figures[0].ratio == pytest.approx(1.1, abs=0.03)


def test_worse_is_a_fail_only_where_it_was_asked_for() -> None:
    found, verdict = judged(noisy(1, 1.2))
    assert (found.answer, verdict.outcome) == ("worse", Outcome.PASS)
    assert verdict.reasons[0].text.startswith("B is worse than A: broker CPU / message +")
    assert judged(noisy(1, 1.2), fail_if_worse=True)[1].outcome is Outcome.FAIL
    assert judged(noisy(1), fail_if_worse=True)[1].outcome is Outcome.PASS
    better, verdict = judged(noisy(1, 0.8), fail_if_worse=True)
    assert (better.answer, verdict.outcome) == ("better", Outcome.PASS)


def test_a_lost_acknowledged_message_is_worse() -> None:
    pairs = noisy(2)
    pairs[3] = (pairs[3][0], summary(1.0, acked_lost=7, lost=7))
    found, verdict = judged(pairs, fail_if_worse=True)
    assert (found.answer, verdict.outcome) == ("worse", Outcome.FAIL)
    assert "acked but lost 0 in A, 7 in B" in verdict.reasons[0].text


def test_pairs_without_evidence_are_left_out() -> None:
    pairs = noisy(3)
    pairs[0] = (with_outcome(pairs[0][0], Outcome.INVALID), pairs[0][1])
    found, verdict = judged(pairs)
    assert (found.pairs, found.pairs_left_out) == (7, 1)
    assert "1 of 8 pairs are no evidence: this machine was the limit" in verdict.reasons[1].text
    nothing = [(with_outcome(a, Outcome.INVALID), b) for a, b in pairs]
    found, verdict = judged(nothing)
    assert (found.pairs, found.answer, verdict.outcome) == (0, "undecided", Outcome.INVALID)
    failed = [(a, with_outcome(b, Outcome.FAIL)) for a, b in noisy(3)]
    assert judged(failed)[0].pairs == 8


def test_one_that_was_cut_short() -> None:
    found, verdict = judged(noisy(4)[:3], INTERRUPTED)
    assert (found.pairs, verdict.outcome) == (3, Outcome.UNKNOWN)
    assert verdict.reasons[0].text.startswith("interrupted by the operator after 3 of 8 pairs: nothing is proven")
    assert found.figures[0].pairs_more is not None
    # too few pairs for exact bounds
    assert (found.figures[0].low, found.figures[0].high) == (None, None)


def test_nothing_was_run() -> None:
    found, verdict = judged([])
    assert (found.answer, verdict.outcome) == ("undecided", Outcome.UNKNOWN)
    assert found.as_json()["figures"][0]["ratio"] is None
