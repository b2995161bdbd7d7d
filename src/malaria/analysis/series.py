"""Columns over time for charts and export. A second in which a worker did not report is a gap (None), never 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from malaria.analysis.alongside import seen_columns
from malaria.analysis.windows import by_second, merge_samples, unpack, workers_of
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import Counter, Gauge, Metric, RunPhase, Sample
from malaria.records.run import Run

type Row = dict[str, float | str | None]

RATES: Final = (Counter.DUE, Counter.SENT, Counter.ACKED, Counter.DELIVERED, Counter.ARRIVED)
LATENCIES: Final = (Metric.ACK, Metric.SERVICE, Metric.END_TO_END, Metric.CONNECT, Metric.LAG, Metric.OWN_LAG)
POINTS: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}
LONGEST_GAP_S: Final = 3600
"""Seconds without any sample that are written out as rows: a damaged time stamp must not fill the memory."""


def columns(records: Run, step_s: int = 1) -> Mapping[str, Sequence[float | str | None]]:
    """Columns of equal length, a row per `step_s` seconds of run time, which end at `t_s`.

    Names: `t_s`, `phase`, `clients`, `{due,sent,acked,delivered,arrived}_per_s`, `{metric}_{p50,p99,max}_ms`,
    `inflight`, `held`, `cpu_percent` (all workers), `cpu_percent_{worker}`, `rss_bytes`; and `{observer}_{name}` of
    what was seen of the target, see `seen_columns`. Raises RunError for a damaged run.
    """
    workers = workers_of(records)
    table: dict[str, list[float | str | None]] = {}
    before: dict[str, Sample] = {}
    for number, (second, samples) in enumerate(_every_step(records, step_s)):
        whole = {s.worker for s in samples} >= _expected(records, workers, second - step_s)
        merged = merge_samples(samples) if samples and whole else None
        row: Row = {"t_s": second, "phase": _phase(samples)}
        row |= _rates(samples if whole else []) | _row(merged) | _cpu(samples, before, workers)
        before |= {sample.worker: sample for sample in samples}
        for name, value in row.items():
            table.setdefault(name, [None] * number).append(value)
    ends_s = [end for end in table.get("t_s", ()) if isinstance(end, int | float)]
    return {**table, **seen_columns(records, ends_s)}


def _every_step(records: Run, step_s: int) -> list[tuple[int, list[Sample]]]:
    """Without holes: a step in which nobody reported is there, empty."""
    steps: dict[int, list[Sample]] = {}
    for second, samples in by_second(records).items():
        steps.setdefault(-(-second // step_s) * step_s, []).extend(samples)
    course: list[tuple[int, list[Sample]]] = []
    for end, samples in steps.items():
        missing = course[-1][0] + step_s if course else end
        course += [(empty, []) for empty in range(missing, min(end, missing + LONGEST_GAP_S), step_s)]
        course.append((end, samples))
    return course


def _expected(records: Run, workers: list[str], begin_s: int) -> set[str]:
    """The workers that owe a sample for what begins then: not those that have finished in good order."""
    ends = {s.worker: s.end_ns for s in records.samples if s.phase is RunPhase.FINISH}
    return {worker for worker in workers if worker not in ends or ends[worker] > begin_s * NS_PER_S}


def _phase(samples: list[Sample]) -> str | None:
    return max(samples, key=lambda s: s.end_ns).phase.value if samples else None


def _row(second: Sample | None) -> Row:
    """The figures of one second, every name always there."""
    row: Row = {"clients": _gauge(second, Gauge.CLIENTS_READY)}
    for metric in LATENCIES:
        histogram = None if second is None else unpack(second, metric)
        for point, q in POINTS.items():
            value = None if histogram is None else histogram.quantile_ns(q)
            row[f"{metric}_{point}_ms"] = None if value is None else value / NS_PER_MS
    return row | {
        "inflight": _gauge(second, Gauge.INFLIGHT),
        "held": _gauge(second, Gauge.HELD),
        "rss_bytes": _gauge(second, Gauge.RSS_BYTES),
    }


def _gauge(second: Sample | None, gauge: Gauge) -> float | None:
    return None if second is None else second.gauges.get(gauge)


def _rates(samples: Sequence[Sample]) -> Row:
    """Counts over the time they cover, each worker over its own: one that was late reports for more than a second."""
    row: Row = dict.fromkeys(f"{counter}_per_s" for counter in RATES)
    spans_ns: dict[str, int] = {}
    for sample in samples:
        spans_ns[sample.worker] = spans_ns.get(sample.worker, 0) + sample.end_ns - sample.start_ns
    if not spans_ns or not all(spans_ns.values()):
        return row
    for counter in RATES:
        per_s = sum(sample.counters.get(counter, 0) * NS_PER_S / spans_ns[sample.worker] for sample in samples)
        row[f"{counter}_per_s"] = round(per_s, 3)
    return row


def _cpu(samples: list[Sample], before: Mapping[str, Sample], workers: list[str]) -> Row:
    """CPU of each worker in percent of a core, and of all; None where a sample is missing."""
    now = {sample.worker: sample for sample in samples}
    shares: dict[str, float | None] = {}
    for worker in workers:
        last, first = now.get(worker), before.get(worker)
        known = last is not None and first is not None and last.end_ns > first.end_ns
        shares[worker] = _busy_percent(first, last) if known and first and last else None
    values = [share for share in shares.values() if share is not None]
    whole = round(sum(values), 2) if values and len(values) == len(workers) else None
    row: Row = {"cpu_percent": whole}
    return row | {f"cpu_percent_{worker}": share for worker, share in shares.items()}


def _busy_percent(first: Sample, last: Sample) -> float | None:
    if Gauge.CPU_NS not in first.gauges or Gauge.CPU_NS not in last.gauges:
        return None
    used_ns = last.gauges[Gauge.CPU_NS] - first.gauges[Gauge.CPU_NS]
    return round(100 * used_ns / (last.end_ns - first.end_ns), 2)
