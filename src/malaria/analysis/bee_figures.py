"""The figures of each bee: what it is, what it carried, how late it was, how well its clock is known, and its loss."""

from __future__ import annotations

from collections.abc import Iterable

from malaria.analysis.cpu import worker_cpu_percent
from malaria.analysis.losses import Loss, losses_of
from malaria.analysis.summary_figures import BeeFigures
from malaria.analysis.windows import bees_of, workers_of
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import Gauge, Metric, Sample
from malaria.records.run import Run
from malaria.records.run_meta import BeeClockFacts, EnvironmentFacts, WorkerFacts
from malaria.records.sample_histograms import merged_histogram

P99 = 0.99


def bee_figures(run: Run) -> tuple[BeeFigures, ...]:
    """Return the figures of each bee, in order; none where one host made the load. Raises RunError for damage."""
    return run.once(_of_all)


def _of_all(run: Run) -> tuple[BeeFigures, ...]:
    return tuple(_of_bee(run, bee) for bee in bees_of(run))


def _of_bee(run: Run, bee: str) -> BeeFigures:
    host = run.meta.bee_environments.get(bee, EnvironmentFacts())
    workers = [worker for worker in workers_of(run) if bee_of(worker) == bee]
    facts = [one for one in run.meta.worker_facts if one.worker in workers]
    samples = [sample for sample in run.samples if bee_of(sample.worker) == bee]
    clock = _clock(run, bee)
    last = clock.last
    missing = [loss for loss in losses_of(run) if set(loss.workers) & set(workers)]
    files = host.open_files_limit or {}
    return BeeFigures(
        bee=bee,
        host=host.host,
        version=host.malaria,
        cores=host.cores,
        workers=len(workers),
        clients=_planned(facts),
        clients_peak=_most_ready(samples) if samples else None,
        cpu_percent=_cpu_percent(run, workers),
        own_lag_p99_ms=_ms(own_lag_p99_ns(samples)) if not run.damage.hits("sample", "histogram") else None,
        clock_offset_ms=_ms(last.offset_ns) if last else None,
        clock_error_ms=_ms(clock.worst_error_ns),
        clock_steps=clock.steps,
        start_ms=_start_ms(run, facts),
        open_files=files.get("soft"),
        local_ports=host.ephemeral_ports,
        lost=_lost_words(bee, missing, run),
        missing_from_s=min((round(loss.since_ns / NS_PER_S, 3) for loss in missing), default=None),
    )


def bee_of(worker: str) -> str:
    """Return the bee of a worker, the part of its name before the slash; empty for a worker of the conductor's host."""
    bee, slash, _ = worker.partition("/")
    return bee if slash else ""


def own_lag_p99_ns(samples: Iterable[Sample]) -> int | None:
    """Return how late the generator itself was; None without messages. Raises RunError for damage."""
    return merged_histogram(samples, Metric.OWN_LAG).quantile_ns(P99)


def _clock(run: Run, bee: str) -> BeeClockFacts:
    known = run.meta.clocks.bees if run.meta.clocks else ()
    return next((clock for clock in known if clock.bee == bee), BeeClockFacts())


def _planned(facts: list[WorkerFacts]) -> int | None:
    """Return the clients of its workers; None if one of them did not say how many it has."""
    known = [one.clients for one in facts if one.clients is not None]
    return sum(known) if known and len(known) == len(facts) else None


def _cpu_percent(run: Run, workers: list[str]) -> float | None:
    known = [percent for worker in workers if (percent := worker_cpu_percent(run, worker)) is not None]
    return round(sum(known), 2) if known else None


def _most_ready(samples: list[Sample]) -> int:
    """Return the most clients that were ready at once, a worker's last report counting until its next."""
    ready: dict[str, int] = {}
    most = 0
    for sample in sorted(samples, key=lambda sample: sample.end_ns):
        ready[sample.worker] = sample.gauges.get(Gauge.CLIENTS_READY, 0)
        most = max(most, sum(ready.values()))
    return most


def _start_ms(run: Run, facts: list[WorkerFacts]) -> float | None:
    """Return how much later than the first worker of all its last one began."""
    of_all = [one.started_ns for one in run.meta.worker_facts if one.started_ns is not None]
    of_bee = [one.started_ns for one in facts if one.started_ns is not None]
    return _ms(max(of_bee) - min(of_all)) if of_bee else None


def _lost_words(bee: str, missing: list[Loss], run: Run) -> str | None:
    """Return why it was lost, or which of its workers were."""
    reasons = {str(one.worker): str(one.reason) for one in run.meta.lost_workers}
    words = [reasons[loss.name] if loss.name == bee else f"worker {loss.name} {reasons[loss.name]}" for loss in missing]
    return "; ".join(words) or None


def _ms(value_ns: int | None) -> float | None:
    return None if value_ns is None else round(value_ns / NS_PER_MS, 6)
