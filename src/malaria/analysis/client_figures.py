"""The clients of a run: how many were ready at once and at the end, how many attempts failed, how many were dropped."""

from __future__ import annotations

from collections.abc import Sequence

from malaria.analysis.losses import gone_since_ns
from malaria.analysis.summary_figures import ClientFigures
from malaria.analysis.windows import total
from malaria.records.rows import Counter, Gauge, RunPhase, Sample
from malaria.records.run import Run


def client_figures(run: Run, samples: Sequence[Sample]) -> ClientFigures:
    """Return the figures that these samples of the run give: those of all workers, or of some."""
    planned = run.meta.clients_planned
    if not samples:
        return ClientFigures(planned=planned)
    course = _ready_course(run, samples)
    measured_at_ns = {sample.end_ns for sample in samples if sample.phase is RunPhase.MEASURE}
    measured = [ready for at_ns, ready in course if at_ns in measured_at_ns]
    peak = max(ready for _, ready in course)
    if planned is not None and run.meta.changes:
        # clients added by hand count from when they publish; those that were there before were asked for as well
        planned = max(planned, peak)
    return ClientFigures(
        planned=planned,
        connected=(measured or [ready for _, ready in course])[-1],
        connected_peak=peak,
        refused=total(samples, Counter.REFUSED),
        dropped=total(samples, Counter.DROPPED),
        reconnects=total(samples, Counter.RECONNECTS),
    )


def _ready_course(run: Run, samples: Sequence[Sample]) -> list[tuple[int, int]]:
    """Return the clients that were ready, summed over workers, at each moment at which a worker reported.

    A worker's last report counts until its next; the clients of a lost worker are gone with it.
    """
    gone = gone_since_ns(run)
    last_ns = {worker: max((s.end_ns for s in samples if s.worker == worker), default=0) for worker in gone}
    standing: dict[str, int] = {}
    course: list[tuple[int, int]] = []
    for sample in sorted(samples, key=lambda s: s.end_ns):
        standing = {w: ready for w, ready in standing.items() if last_ns.get(w, sample.end_ns) >= sample.end_ns}
        standing[sample.worker] = sample.gauges.get(Gauge.CLIENTS_READY, 0)
        course.append((sample.end_ns, sum(standing.values())))
    return course
