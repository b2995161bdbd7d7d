"""PASS, FAIL, INVALID or UNKNOWN, by rule, with reasons.

The order of precedence is that of trust: a measurement that our own generator spoiled says nothing about the broker
(INVALID), one with a part missing says too little (UNKNOWN), a broken rule says enough (FAIL), an undecided one leaves it
open (UNKNOWN), and only what is left is a PASS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from malaria.analysis.quantiles import latency_of
from malaria.analysis.thresholds import Ruling, evaluate
from malaria.analysis.windows import in_phase, workers_of
from malaria.clock import NS_PER_MS
from malaria.model.threshold import Threshold, parse_threshold_text
from malaria.records import Gauge, Metric, Phase, RunRecords
from malaria.units import NotationError, format_count, format_ms

SATURATED_PERCENT: Final = 95
SATURATION_LAG_NS: Final = NS_PER_MS
"""A worker that uses its whole core and is late by more than this at the 99th percentile was the limit."""


class Outcome(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    INVALID = "INVALID"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence, and what to do about it (empty: nothing)."""

    outcome: Outcome
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class VerdictOf:
    """The outcome and the reasons for it, the weightiest first; a PASS may carry remarks."""

    outcome: Outcome
    reasons: tuple[Reason, ...]


type Summary = Mapping[str, Any]
type Rule = Callable[[RunRecords, Summary], list[Reason]]


def judge(records: RunRecords, summary: Summary) -> VerdictOf:
    """The verdict over a run and its figures."""
    reasons = [reason for rule in RULES for reason in rule(records, summary)]
    outcome = next((reason.outcome for reason in reasons if reason.outcome is not Outcome.PASS), Outcome.PASS)
    decisive = [reason for reason in reasons if reason.outcome is outcome]
    return VerdictOf(outcome, tuple(decisive + [reason for reason in reasons if reason.outcome is not outcome]))


# --- INVALID: we were the limit ----------------------------------------------------------------------------------------


def _late(records: RunRecords, _: Summary) -> list[Reason]:
    """Messages left late by our own fault. In a closed loop a message is due when we get round to it."""
    limit_ns = records.meta.get("own_lag_limit_ns")
    lag = latency_of(list(records.samples), Metric.OWN_LAG).quantile(0.99)
    if records.meta.get("closed_loop") or lag is None or not isinstance(limit_ns, int):
        return []
    busiest, percent = _busiest(records)
    saturated = percent is not None and percent >= SATURATED_PERCENT and lag.ns > SATURATION_LAG_NS
    if lag.ns <= limit_ns and not saturated:
        return []
    cpu = f", worker {busiest} used {percent:.0f} % of a core" if percent is not None else ""
    late = f"messages left {format_ms(lag.ns / NS_PER_MS)} late (p99; at most {format_ms(limit_ns / NS_PER_MS)})"
    return [Reason(Outcome.INVALID, f"this machine was the limit: {late}{cpu}", "Add --workers or a bee")]


def _busiest(records: RunRecords) -> tuple[str, float | None]:
    loads = [(worker_cpu_percent(records, worker), worker) for worker in workers_of(records)]
    known = [(percent, worker) for percent, worker in loads if percent is not None]
    return (max(known)[1], max(known)[0]) if known else ("", None)


def worker_cpu_percent(records: RunRecords, worker: str) -> float | None:
    """A worker's CPU over the measured time, in percent of one core; None when it cannot be told."""
    samples = [s for s in in_phase(records, Phase.MEASURE) if s.worker == worker and Gauge.CPU_NS in s.gauges]
    earlier = [s for s in records.samples if s.worker == worker and samples and s.end_ns <= samples[0].start_ns]
    course = [*[s for s in earlier[-1:] if Gauge.CPU_NS in s.gauges], *samples]
    if len(course) < 2:
        return None
    elapsed_ns = course[-1].end_ns - course[0].end_ns
    used_ns = course[-1].gauges[Gauge.CPU_NS] - course[0].gauges[Gauge.CPU_NS]
    return 100 * used_ns / elapsed_ns if elapsed_ns > 0 else None


# --- UNKNOWN: evidence is missing --------------------------------------------------------------------------------------


def _lost_workers(records: RunRecords, _: Summary) -> list[Reason]:
    lost = records.meta.get("lost_workers")
    return [
        Reason(
            Outcome.UNKNOWN,
            f"worker {one.get('worker')} {one.get('reason')}: its share, {one.get('share')} of the load, is missing",
            "look for the out-of-memory killer in the kernel log (dmesg), and run again",
        )
        for one in (lost if isinstance(lost, list) else [])
        if isinstance(one, dict)
    ]


def _aborted(records: RunRecords, _: Summary) -> list[Reason]:
    reason = records.meta.get("aborted")
    if reason:
        return [Reason(Outcome.UNKNOWN, f"the attack ended early: {reason}", _first_remedy(records))]
    if "end_ns" not in records.meta:
        return [Reason(Outcome.UNKNOWN, "the run has no end: it is still going on, or its writer was killed")]
    return []


def _no_data(records: RunRecords, _: Summary) -> list[Reason]:
    if in_phase(records, Phase.MEASURE):
        return []
    return [Reason(Outcome.UNKNOWN, "nothing was measured", "look at the events of the run")]


def _unstored(records: RunRecords, _: Summary) -> list[Reason]:
    failure = records.meta.get("store_failure")
    if not failure:
        return []
    return [Reason(Outcome.UNKNOWN, f"a part of the run could not be stored: {failure}", "free some disk, or use -o")]


def _first_remedy(records: RunRecords) -> str:
    failures = records.meta.get("connect_failures")
    if isinstance(failures, dict) and failures:
        return "why: " + "; ".join(f"{reason} ({format_count(count)})" for reason, count in failures.items())
    return ""


# --- FAIL: a rule is broken --------------------------------------------------------------------------------------------

ALWAYS: Final = ("clients.connected == 100% of planned", "clients.dropped == 0")
WHEN_ACKNOWLEDGED: Final = ("messages.unresolved == 0",)
WHEN_FOLLOWED: Final = ("messages.lost == 0",)


def _thresholds(records: RunRecords, summary: Summary) -> list[Reason]:
    """The thresholds of the warhead and the command line, and our own where those say nothing about a figure."""
    stated = _stated(records)
    rules = [*stated, *(rule for rule in _defaults(records) if rule.key not in {s.key for s in stated})]
    return [
        Reason(_OUTCOMES[ruling.ruling], ruling.text, _remedy(rule, records, summary))
        for rule in rules
        if (ruling := evaluate(rule, records, summary)).ruling is not Ruling.HOLDS
    ]


def _stated(records: RunRecords) -> list[Threshold]:
    texts = records.meta.get("thresholds")
    try:
        return [parse_threshold_text(str(text)) for text in (texts if isinstance(texts, list) else [])]
    except NotationError as error:
        raise ValueError(f"a stored threshold cannot be read: {error}") from None


def _defaults(records: RunRecords) -> list[Threshold]:
    meta = records.meta
    rules = list(ALWAYS)
    if meta.get("publishing") and not meta.get("closed_loop"):
        rules.append(f"rates.{'acked' if meta.get('acknowledged') else 'sent'}_per_s >= 98% of due")
    if meta.get("publishing") and meta.get("acknowledged"):
        rules += WHEN_ACKNOWLEDGED
    if meta.get("publishing") and meta.get("subscribing") and meta.get("tracked"):
        rules += WHEN_FOLLOWED
    return [parse_threshold_text(rule) for rule in rules]


def _remedy(rule: Threshold, records: RunRecords, _: Summary) -> str:
    if rule.key in ("clients.connected", "clients.refused"):
        return _first_remedy(records)
    return ""


_OUTCOMES: Final = {Ruling.BROKEN: Outcome.FAIL, Ruling.UNDECIDED: Outcome.UNKNOWN}


# --- remarks -----------------------------------------------------------------------------------------------------------


def _closed_loop_limit(records: RunRecords, _: Summary) -> list[Reason]:
    busiest, percent = _busiest(records)
    if not records.meta.get("closed_loop") or percent is None or percent < SATURATED_PERCENT:
        return []
    text = f"closed loop: worker {busiest} used {percent:.0f} % of a core: the rate is a lower bound of what the broker carries"
    return [Reason(Outcome.PASS, text, "Add --workers or a bee")]


def _broken_first(records: RunRecords, summary: Summary) -> list[Reason]:
    return [reason for reason in _thresholds(records, summary) if reason.outcome is Outcome.FAIL]


def _undecided(records: RunRecords, summary: Summary) -> list[Reason]:
    return [reason for reason in _thresholds(records, summary) if reason.outcome is Outcome.UNKNOWN]


RULES: Final[tuple[Rule, ...]] = (
    _late,
    _lost_workers,
    _aborted,
    _no_data,
    _unstored,
    _broken_first,
    _undecided,
    _closed_loop_limit,
)
"""In the order of precedence: the first reason that is no remark gives the outcome."""
