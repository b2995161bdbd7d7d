"""Makes the summary of a run: its figures, and the verdict on them."""

from __future__ import annotations

from dataclasses import fields, replace

from malaria.analysis.bee_figures import bee_figures
from malaria.analysis.broker_end import broker_end
from malaria.analysis.broker_figures import broker_figures
from malaria.analysis.capacity.target_loop import loop_figures
from malaria.analysis.client_figures import client_figures
from malaria.analysis.clocks import beyond_clocks, clock_error_ms
from malaria.analysis.cpu import worker_cpu_percent
from malaria.analysis.dropped import dropped_by
from malaria.analysis.headline import run_sentence
from malaria.analysis.load_rates import load_rates
from malaria.analysis.lost_figures import without_lost_figures
from malaria.analysis.quantiles import QUANTILES, latency_of
from malaria.analysis.recovery import recovery_figures, surge_results
from malaria.analysis.stalls import episode_figures, stall_figures
from malaria.analysis.steady import Steady, steady_of
from malaria.analysis.summary_figures import (
    BrokerFigures,
    GeneratorFigures,
    LatencyFigures,
    MessageFigures,
    Summary,
)
from malaria.analysis.timeline import load_time_s
from malaria.analysis.verdict import judge
from malaria.analysis.windows import bees_of, load_window_ns, total, workers_of
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.model.threshold import LATENCIES
from malaria.records.rows import Counter, Gauge, Metric
from malaria.records.run import Run


def summarize(run: Run) -> Summary:
    """Return the figures of one attack and the verdict on them. Those that stand on lost rows are unknown."""
    meta, window = run.meta, load_window_ns(run)
    surges = surge_results(run)
    steady = steady_of(run, surges)
    summary = Summary(
        version=meta.malaria_version,
        target=meta.target,
        addresses=meta.addresses,
        started=meta.started,
        duration_s=None if window is None else round((window[1] - window[0]) / NS_PER_S, 3),
        clients=client_figures(run, run.samples),
        messages=_messages(run),
        rates=load_rates(run),
        latency_ms={name: _latency(run, Metric(name)) for name in LATENCIES},
        broker=_broker(run, steady),
        generator=_generator(run),
        bees=bee_figures(run),
        steady=steady.figures,
        surges=tuple(surge.as_figures() for surge in surges),
        recovery=recovery_figures(surges),
        loop=loop_figures(run),
        stalls=stall_figures(run),
        episodes=episode_figures(run),
    )
    summary = without_lost_figures(run, summary)
    summary = replace(summary, verdict=judge(run, summary))
    return replace(summary, headline=run_sentence(run, summary))


def _messages(run: Run) -> MessageFigures:
    """Return the ledger; for a run without one (killed) what was counted so far, and no settlement."""
    ledger, samples = run.ledger, run.samples
    if ledger is not None:
        return MessageFigures(**{each.name: getattr(ledger, each.name) for each in fields(MessageFigures)})
    if not samples:
        return MessageFigures()
    return MessageFigures(
        due=total(samples, Counter.DUE), sent=total(samples, Counter.SENT), acked=total(samples, Counter.ACKED)
    )


def _latency(run: Run, metric: Metric) -> LatencyFigures:
    latency = latency_of(run, metric)
    finished = latency.finished
    known = latency.complete and not finished.is_empty
    least = latency.quantile(0)
    figures: dict[str, float | int | None] = {
        "count": finished.count if run.samples else None,
        "min": _ms(finished.min_ns) if least is not None and least.known else None,
        "mean": _ms(finished.mean_ns) if known else None,
        "stddev": _ms(finished.stddev_ns) if known else None,
    }
    for name, q in QUANTILES.items():
        quantile = latency.quantile(q)
        figures[name] = _ms(quantile.ns) if quantile is not None and quantile.known else None
    figures["max"] = _ms(finished.max_ns) if known else None
    return LatencyFigures(**beyond_clocks(run, metric, figures))  # type: ignore[arg-type]


def _ms(value_ns: float | None) -> float | None:
    return None if value_ns is None else round(value_ns / NS_PER_MS, 6)


def _broker(run: Run, steady: Steady) -> BrokerFigures:
    known, seen, end = run.meta.broker, broker_figures(run), broker_end(run)
    return replace(
        seen,
        version=(known and known.version) or seen.sys.get("version"),
        dropped=dropped_by(run),
        queue_growth_per_s=steady.growth_per_s,
        queues=steady.queues(),
        ended_s=None if end is None else round(load_time_s(run.meta, end.at_ns), 3),
    )


def _generator(run: Run) -> GeneratorFigures:
    workers = workers_of(run)
    shares = [percent for worker in workers if (percent := worker_cpu_percent(run, worker)) is not None]
    memory = [max((s.gauges.get(Gauge.RSS_BYTES, 0) for s in run.samples if s.worker == w), default=0)
              for w in workers]  # fmt: skip
    return GeneratorFigures(
        bees=len(bees_of(run)) or 1,
        workers=len(workers),
        cpu_percent=round(sum(shares), 2) if shares else None,
        rss_bytes=sum(memory) or None,
        clock_error_ms=clock_error_ms(run),
    )
