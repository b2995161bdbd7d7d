"""A threshold against the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from malaria.analysis.summary import summarize
from malaria.analysis.thresholds import Ruling, evaluate, look_up
from malaria.clock import NS_PER_MS
from malaria.model.threshold import parse_threshold_text
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import make_run

NOTHING = Run(RunMeta(), (), (), None)
SUMMARY: dict[str, Any] = {
    "clients": {"planned": 100, "connected": 90, "dropped": None},
    "messages": {"lost": 3, "sent": 1000},
    "rates": {"due_per_s": 500.0, "acked_per_s": 490.0, "sent_per_s": None},
    "latency_ms": {"ack": {"p99": 12.3456, "p50": None}},
}

CASES = [
    ("ack.p99 < 500ms", Ruling.HOLDS, "ack p99 is 12 ms, needs < 500 ms"),
    ("ack.p99 < 10ms", Ruling.BROKEN, "ack p99 is 12 ms, needs < 10 ms"),
    ("messages.lost == 0", Ruling.BROKEN, "messages lost: 3, needs = 0"),
    ("messages.lost != 0", Ruling.HOLDS, ""),
    ("messages.lost <= 1% of sent", Ruling.HOLDS, ""),
    (
        "messages.lost <= 0.1% of sent",
        Ruling.BROKEN,
        "messages lost: 3 (0.3 % of sent), needs ≤ 0.1 % of sent",
    ),
    ("rates.acked_per_s >= 98% of due", Ruling.HOLDS, ""),
    ("rates.acked_per_s > 98% of due", Ruling.BROKEN, "acked per second is 490/s (98 % of due), needs"),
    ("clients.connected == 100% of planned", Ruling.BROKEN, "(90 % of planned)"),
    ("ack.p50 < 1ms", Ruling.UNDECIDED, "not known"),
    ("clients.dropped == 0", Ruling.UNDECIDED, "not known"),
    ("rates.acked_per_s >= 98% of sent", Ruling.UNDECIDED, "what it is set against is not known"),
    ("service.p99 < 1ms", Ruling.UNDECIDED, "not known"),
]


@pytest.mark.parametrize(("text", "ruling", "said"), CASES)
def test_each_ruling_has_its_sentence(text: str, ruling: Ruling, said: str) -> None:
    finding = evaluate(parse_threshold_text(text), NOTHING, SUMMARY)
    assert finding.ruling is ruling
    assert said in finding.text


@pytest.mark.parametrize(
    ("text", "ruling"),
    [
        ("ack.p99 < 500ms", Ruling.BROKEN),
        ("ack.p99 <= 500ms", Ruling.BROKEN),
        ("ack.p99 == 500ms", Ruling.BROKEN),
        ("ack.p99 < 1h", Ruling.UNDECIDED),
        ("ack.p99 == 1h", Ruling.UNDECIDED),
        ("ack.p99 > 500ms", Ruling.UNDECIDED),
        ("ack.max < 500ms", Ruling.BROKEN),
        ("ack.mean < 1us", Ruling.UNDECIDED),
    ],
)
def test_a_lower_bound_decides_what_it_can(text: str, ruling: Ruling) -> None:
    records = make_run(trouble="falls-behind")
    finding = evaluate(parse_threshold_text(text), records, summarize(records))
    assert finding.ruling is ruling
    assert ("at least" in finding.text) is (ruling is Ruling.BROKEN)


def of_acks(*values_ms: int) -> Run:
    """Return a run in which these are all latencies of acknowledgements."""
    records = make_run()
    histogram = Histogram()
    histogram.record_many(np.array(values_ms) * NS_PER_MS)
    first, *rest = records.samples
    samples = [replace(first, histograms={Metric.ACK.value: histogram.to_bytes()})]
    return replace(records, samples=(*samples, *(replace(sample, histograms={}) for sample in rest)))


@pytest.mark.parametrize(
    ("text", "ruling", "said"),
    [
        ("ack.p99 < 500ms", Ruling.HOLDS, "ack p99 is at most 30 ms (the maximum), needs < 500 ms"),
        ("ack.p99 < 20ms", Ruling.UNDECIDED, "ack p99 < 20 ms: the figure needs 100 values, there are 50"),
        ("ack.p99 < 9ms", Ruling.BROKEN, "ack p99 is at least 10 ms, needs < 9 ms"),
        ("ack.p99_9 < 20ms", Ruling.UNDECIDED, "needs 1,000 values"),
        ("ack.p95 < 20ms", Ruling.HOLDS, "ack p95 is 10 ms"),
    ],
)
def test_a_percentile_of_too_few_values_is_decided_by_what_is_known(text: str, ruling: Ruling, said: str) -> None:
    records = of_acks(*[10] * 49, 30)
    finding = evaluate(parse_threshold_text(text), records, summarize(records))
    assert finding.ruling is ruling
    assert said in finding.text


def test_a_figure_that_is_no_number_is_unknown() -> None:
    assert look_up({"clients": [1]}, "clients.planned") is None
    assert look_up({"clients": {"planned": "many"}}, "clients.planned") is None


@pytest.mark.parametrize(
    ("text", "ruling"),
    [
        ("end_to_end.p99 < 500ms", Ruling.HOLDS),
        ("end_to_end.p99 < 1.9ms", Ruling.UNDECIDED),  # it may be as much as twice the error
        ("end_to_end.p99 > 500ms", Ruling.UNDECIDED),
        ("end_to_end.mean < 500ms", Ruling.UNDECIDED),
        ("ack.p50 < 500ms", Ruling.UNDECIDED),  # that one was not measured
    ],
)
def test_a_latency_within_the_clocks_error_is_surely_below_a_larger_limit(text: str, ruling: Ruling) -> None:
    records = Run(RunMeta.model_validate({"clocks": {"error_ns": 1_000_000}}), (), (), None)
    summary = {
        "latency_ms": {"end_to_end": {"count": 100, "p99": None, "mean": None}, "ack": {"count": 5, "p50": None}}
    }
    finding = evaluate(parse_threshold_text(text), records, summary)
    assert finding.ruling is ruling
    assert ("within the clocks' error" in finding.text) is (ruling is Ruling.HOLDS)
