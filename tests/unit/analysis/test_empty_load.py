"""A load that tested nothing is not a PASS."""

from __future__ import annotations

import pytest

from malaria.analysis.empty_load import empty_load
from malaria.analysis.summary import summarize
from malaria.records.rows import Counter, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

S = 10**9


def run(phase: RunPhase, *, publishing: bool, subscribing: bool, **counters: int) -> Run:
    meta = RunMeta(
        publishing=publishing, subscribing=subscribing, measure_start_ns=S, measure_end_ns=2 * S, end_ns=3 * S
    )
    samples = (Sample("1", 0, S, phase, counters), Sample("1", S, 2 * S, RunPhase.MEASURE, {}))
    return Run(meta, samples, (), None)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (run(RunPhase.WARMUP, publishing=True, subscribing=True, due=5, arrived=5), "no message was due"),
        (run(RunPhase.MEASURE, publishing=True, subscribing=False, due=5), ""),
        (run(RunPhase.WARMUP, publishing=False, subscribing=True, arrived=5), "no message arrived"),
        (run(RunPhase.MEASURE, publishing=False, subscribing=True, arrived=1), ""),
        (run(RunPhase.DRAIN, publishing=False, subscribing=True, arrived=1), ""),
        (run(RunPhase.MEASURE, publishing=False, subscribing=False), ""),
    ],
)
def test_what_was_not_tested_is_unknown(records: Run, reason: str) -> None:
    summary = summarize(records)
    found = empty_load(records, summary)
    assert [one.text[: len(reason)] for one in found] == ([reason] if reason else [])
    if reason:
        assert summary.verdict.outcome == "UNKNOWN"


def test_the_counters_are_those_of_the_engine() -> None:
    assert (Counter.DUE, Counter.ARRIVED) == ("due", "arrived")
