"""CPU time that the workers used over the measured time."""

from __future__ import annotations

from typing import Final

from malaria.analysis.windows import in_phase, measured_window_ns, workers_of
from malaria.clock import NS_PER_S
from malaria.records.rows import Gauge, RunPhase
from malaria.records.run import Run

NEAR_NS: Final = NS_PER_S // 10


def worker_cpu_percent(run: Run, worker: str) -> float | None:
    """Return a worker's CPU over the measured time, in percent of one core; None when it is unknown."""
    window = measured_window_ns(run)
    begin_ns = 0 if window is None else window[0] + NEAR_NS  # a worker enters the phase a moment ahead of the window
    measured = [s for s in in_phase(run, RunPhase.MEASURE) if s.worker == worker and s.end_ns > begin_ns]
    samples = [s for s in measured if Gauge.CPU_NS in s.gauges]
    if not samples:
        return None
    earlier = [s for s in run.samples if s.worker == worker and s.end_ns <= samples[0].start_ns]
    course = [*[s for s in earlier[-1:] if Gauge.CPU_NS in s.gauges], *samples]
    elapsed_ns = course[-1].end_ns - course[0].end_ns
    used_ns = course[-1].gauges[Gauge.CPU_NS] - course[0].gauges[Gauge.CPU_NS]
    return 100 * used_ns / elapsed_ns if elapsed_ns > 0 else None


def busiest_worker(run: Run) -> tuple[str, float | None]:
    """Return the worker that used the most of its core, and how much in percent."""
    loads = [(worker_cpu_percent(run, worker), worker) for worker in workers_of(run)]
    percent, worker = max(((p, w) for p, w in loads if p is not None), default=(None, ""))
    return worker, percent
