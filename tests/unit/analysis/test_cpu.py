"""What the generator itself used."""

from __future__ import annotations

from malaria.analysis.cpu import busiest_worker, worker_cpu_percent
from malaria.records.rows import RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

S = 10**9


def sample(worker: str, second: int, phase: RunPhase, cpu_s: float | None) -> Sample:
    gauges = {} if cpu_s is None else {"cpu_ns": int(cpu_s * S)}
    return Sample(worker, (second - 1) * S, second * S, phase, {}, gauges)


def run(*samples: Sample) -> Run:
    return Run(RunMeta(), samples, (), None)


def test_cpu_is_that_of_the_measured_time() -> None:
    records = run(
        sample("1", 1, RunPhase.CONNECT, 0.9),
        sample("1", 2, RunPhase.CONNECT, 1.0),
        sample("1", 3, RunPhase.MEASURE, 1.25),
        sample("1", 4, RunPhase.MEASURE, 1.5),
        sample("1", 5, RunPhase.FINISH, 9.0),
    )
    assert worker_cpu_percent(records, "1") == 25


def test_idling_before_the_window_does_not_count() -> None:
    samples = [sample("1", n, RunPhase.MEASURE, cpu_s) for n, cpu_s in ((1, 1.0), (2, 1.0), (3, 1.5), (4, 2.0))]
    assert (
        worker_cpu_percent(Run(RunMeta.model_validate({"measure_start_ns": 2 * S}), tuple(samples), (), None), "1")
        == 50
    )


def test_without_two_readings_it_is_unknown() -> None:
    assert worker_cpu_percent(run(), "1") is None
    assert worker_cpu_percent(run(sample("1", 1, RunPhase.MEASURE, 1)), "1") is None
    assert (
        worker_cpu_percent(run(sample("1", 1, RunPhase.MEASURE, None), sample("1", 2, RunPhase.MEASURE, 1)), "1")
        is None
    )


def test_the_busiest_is_named() -> None:
    samples = [
        sample(w, n, RunPhase.MEASURE, n * cpu) for n in (1, 2) for w, cpu in (("1", 0.2), ("2", 0.9), ("3", 0.4))
    ]
    assert busiest_worker(run(*samples)) == ("2", 90.0)
    assert busiest_worker(run()) == ("", None)
