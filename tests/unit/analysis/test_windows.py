"""Selecting and counting samples."""

from __future__ import annotations

from malaria.analysis.windows import in_phase, measured_window_ns, per_s, total, workers_of
from malaria.records.rows import Counter, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import make_run, with_meta

S = 10**9


ONE = Sample("1", 0, S, RunPhase.WARMUP, {"due": 3, "sent": 1}, {"inflight": 4, "lag_max_ns": 9})
TWO = Sample("2", 1, S + 5, RunPhase.MEASURE, {"due": 2}, {"inflight": 1, "lag_max_ns": 7})


def test_phases_and_totals() -> None:
    records = Run(RunMeta(), (ONE, TWO), (), None)
    assert in_phase(records, RunPhase.MEASURE) == [TWO]
    assert total(records.samples, Counter.DUE) == 5
    assert total(records.samples, Counter.LATE_SAMPLES) == 0


def test_workers_are_those_that_were_hired() -> None:
    assert workers_of(Run(RunMeta.model_validate({"workers": ["1", "9"]}), (ONE,), (), None)) == ["1", "9"]
    assert workers_of(Run(RunMeta(), (TWO, ONE), (), None)) == ["1", "2"]


def test_the_measured_window() -> None:
    records = make_run(seconds=4, clients=60)
    assert measured_window_ns(records) == (3 * S, 7 * S)
    assert measured_window_ns(with_meta(records, measure_end_ns=99 * S)) == (3 * S, 7 * S)
    assert measured_window_ns(with_meta(records, measure_end_ns=None)) == (3 * S, 7 * S)
    assert measured_window_ns(with_meta(records, measure_start_ns=None)) is None
    assert measured_window_ns(Run(records.meta, (ONE,), (), None)) is None


def test_rates_take_each_worker_over_its_own_time() -> None:
    late = Sample("2", S, 3 * S + S // 5, RunPhase.MEASURE, {"due": 22})
    assert per_s([Sample("1", 2 * S, 3 * S, RunPhase.MEASURE, {"due": 300}), late], Counter.DUE) == 310
    assert per_s([late], Counter.ACKED) == 0
    assert per_s([], Counter.DUE) is None
    assert per_s([Sample("1", S, S, RunPhase.MEASURE, {"due": 3})], Counter.DUE) is None
