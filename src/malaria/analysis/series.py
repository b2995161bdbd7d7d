"""Columns over time for charts and export. A second in which a worker did not report is a gap (None), never 0.

A worker that was lost is waited for up to its loss. After it the columns are those of the workers that are left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from malaria.analysis.losses import gone_since_ns
from malaria.analysis.observer_series import seen_columns
from malaria.analysis.windows import per_s, workers_of
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import Counter, Gauge, Metric, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.sample_histograms import second_of
from malaria.records.sample_timeline import Second

type SeriesRow = dict[str, float | str | None]

RATES: Final = (Counter.DUE, Counter.SENT, Counter.ACKED, Counter.DELIVERED, Counter.ARRIVED)
SERIES_METRICS: Final = (Metric.ACK, Metric.SERVICE, Metric.END_TO_END, Metric.CONNECT, Metric.LAG, Metric.OWN_LAG)
POINTS: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}
LONGEST_GAP_S: Final = 3600
"""Seconds without any sample that are written out as rows: a damaged time stamp must not fill the memory."""


def columns(run: Run, step_s: int = 1) -> Mapping[str, Sequence[float | str | None]]:
    """Return columns of equal length, with a row for each `step_s` seconds of run time, which end at `t_s`.

    Names: `t_s`, `phase`, `clients`, `{due,sent,acked,delivered,arrived}_per_s`, `{metric}_{p50,p99,max}_ms`,
    `inflight`, `held`, `cpu_percent` (all workers), `cpu_percent_{worker}`, `rss_bytes`; and `{observer}_{name}` of
    what was seen of the target, see `seen_columns`. Raises RunError for a damaged run.
    """
    workers = workers_of(run)
    ends = {sample.worker: sample.end_ns for sample in run.samples if sample.phase is RunPhase.FINISH}
    # a sample ends a moment after its second: the worker owes nothing of the next one
    ends |= {worker: second_of(since_ns) * NS_PER_S for worker, since_ns in gone_since_ns(run).items()}
    table: dict[str, list[float | str | None]] = {}
    rows = SeriesRows(workers)
    for number, second in enumerate(_every_step(run, step_s)):
        begin_ns = (second.end_s - step_s) * NS_PER_S
        owing = {worker for worker in workers if worker not in ends or ends[worker] > begin_ns}
        for name, value in rows.row(second, owing).items():
            table.setdefault(name, [None] * number).append(value)
    ends_s = [end for end in table.get("t_s", ()) if isinstance(end, int | float)]
    return {**table, **seen_columns(run, ends_s)}


class SeriesRows:
    """Makes the rows of the workers' figures, in order of time: CPU is the difference to the row before."""

    def __init__(self, workers: list[str]) -> None:
        self._workers = workers
        self._before: dict[str, Sample] = {}

    def row(self, second: Second, owing: set[str]) -> SeriesRow:
        """Return the row of a second. A worker that has finished, or is lost, owes nothing: it is not in `owing`."""
        is_whole = second.workers >= owing
        row: SeriesRow = {"t_s": second.end_s, "phase": _phase(second.samples)}
        row |= _rates(second.samples if is_whole else [])
        row |= _figures(second if is_whole and second.samples else None)
        row |= _cpu(second.samples, self._before, self._workers, owing)
        self._before |= {sample.worker: sample for sample in second.samples}
        return row


def _every_step(run: Run, step_s: int) -> list[Second]:
    """Return the steps without holes: a step without a report is there, empty."""
    course: list[Second] = []
    for second in run.timeline if step_s == 1 else run.timeline.in_steps(step_s):
        missing = course[-1].end_s + step_s if course else second.end_s
        last = min(second.end_s, missing + LONGEST_GAP_S)
        course += [Second(end_s) for end_s in range(missing, last, step_s)]
        course.append(second)
    return course


def _phase(samples: list[Sample]) -> str | None:
    return max(samples, key=lambda s: s.end_ns).phase.value if samples else None


def _figures(second: Second | None) -> SeriesRow:
    """Return the figures of one second. Every name is always there."""
    gauges = {} if second is None else second.gauges()
    row: SeriesRow = {"clients": gauges.get(Gauge.CLIENTS_READY)}
    for metric in SERIES_METRICS:
        histogram = None if second is None else second.histogram(metric)
        for point, q in POINTS.items():
            value = None if histogram is None else histogram.percentile_ns(q)
            row[f"{metric}_{point}_ms"] = None if value is None else value / NS_PER_MS
    return row | {name: gauges.get(name) for name in (Gauge.INFLIGHT, Gauge.HELD, Gauge.RSS_BYTES)}


def _rates(samples: Sequence[Sample]) -> SeriesRow:
    """Return the rates over the time that was reported. Every name is always there."""
    return {f"{counter}_per_s": per_s(samples, counter) for counter in RATES}


def _cpu(samples: list[Sample], before: Mapping[str, Sample], workers: list[str], owing: set[str]) -> SeriesRow:
    """Return the CPU of each worker in percent of a core, and of all; None where one that owes did not report."""
    now = {sample.worker: sample for sample in samples}
    shares: dict[str, float | None] = {}
    for worker in workers:
        last, first = now.get(worker), before.get(worker)
        known = last is not None and first is not None and last.end_ns > first.end_ns
        shares[worker] = _busy_percent(first, last) if known and first and last else None
    values = {worker: share for worker, share in shares.items() if share is not None}
    whole = round(sum(values.values()), 2) if values and values.keys() >= owing else None
    row: SeriesRow = {"cpu_percent": whole}
    return row | {f"cpu_percent_{worker}": share for worker, share in shares.items()}


def _busy_percent(first: Sample, last: Sample) -> float | None:
    if Gauge.CPU_NS not in first.gauges or Gauge.CPU_NS not in last.gauges:
        return None
    used_ns = last.gauges[Gauge.CPU_NS] - first.gauges[Gauge.CPU_NS]
    return round(100 * used_ns / (last.end_ns - first.end_ns), 2)
