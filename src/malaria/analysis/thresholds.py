"""Compares thresholds with the figures of a run: each holds, is broken, or cannot be decided."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from malaria.analysis.clocks import ACROSS_HOSTS, clock_error_ms
from malaria.analysis.figure_names import base_name, limit_text, sentence_name, sentence_value, threshold_words
from malaria.analysis.quantiles import QUANTILES, latency_of
from malaria.analysis.summary_figures import Summary
from malaria.clock import NS_PER_MS
from malaria.model.threshold import FIGURES, FigureUnit, Threshold, parse_threshold_text
from malaria.records.histogram import values_needed
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.units import NotationError, format_count, format_ms

COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class Ruling(StrEnum):
    HOLDS = "holds"
    BROKEN = "broken"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class ThresholdFinding:
    """The result for one threshold, in a sentence. `value` is the figure with its unit; empty if it is not known."""

    ruling: Ruling
    text: str
    value: str = ""


def evaluate(threshold: Threshold, run: Run, summary: Summary) -> ThresholdFinding:
    """Compare the figure with the limit. An unknown figure decides nothing, unless its lower bound breaks the limit."""
    value = look_up(summary, threshold.key)
    limit = _limit(threshold, summary)
    if limit is None:
        return ThresholdFinding(Ruling.UNDECIDED, f"{threshold_words(threshold)}: what it is set against is not known")
    if value is None:
        return (
            _within_clocks(threshold, run, summary, limit)
            or _by_maximum(threshold, summary, limit)
            or _by_lower_bound(threshold, run, limit)
            or ThresholdFinding(Ruling.UNDECIDED, f"{threshold_words(threshold)}: {_why_unknown(threshold, summary)}")
        )
    holds = COMPARE[threshold.operator](value, limit)
    said = f"{_say(threshold, value)}{_share_of(threshold, summary, value)}"
    sentence = f"{sentence_value(threshold, said)}, needs {limit_text(threshold)}"
    return ThresholdFinding(Ruling.HOLDS if holds else Ruling.BROKEN, sentence, said)


def stated_thresholds(run: Run) -> list[Threshold]:
    """Return the thresholds of the warhead and the command line that this version can read."""
    read: list[Threshold] = []
    for text in run.meta.thresholds:
        with suppress(NotationError):
            read.append(parse_threshold_text(text))
    return read


def look_up(summary: Summary, key: str) -> float | None:
    """Return the figure of a threshold's key, or None when it is unknown."""
    node: Any = summary
    for part in FIGURES[key].path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return node if isinstance(node, int | float) else None


def _limit(threshold: Threshold, summary: Summary) -> float | None:
    if threshold.relative_to is None:
        return threshold.value
    base = look_up(summary, threshold.relative_to)
    return None if base is None else base * threshold.value / 100


def _within_clocks(threshold: Threshold, run: Run, summary: Summary, limit: float) -> ThresholdFinding | None:
    """Return HOLDS for a latency between hosts that is not stated because it is below their clocks' error.

    It is less than twice that error, and so surely below a larger limit. Return None where that does not apply.
    """
    metric, _, statistic = threshold.key.partition(".")
    error_ms = clock_error_ms(run)
    count = look_up(summary, f"{metric}.count") if metric in ACROSS_HOSTS and statistic in QUANTILES else None
    measured = count and count >= _needed(statistic)
    if not measured or error_ms is None or threshold.operator not in ("<", "<=") or limit < 2 * error_ms:
        return None
    sentence = f"{sentence_name(threshold.key)} is within the clocks' error of {format_ms(error_ms)}"
    return ThresholdFinding(Ruling.HOLDS, f"{sentence}, needs {limit_text(threshold)}", f"<{format_ms(2 * error_ms)}")


def _by_maximum(threshold: Threshold, summary: Summary, limit: float) -> ThresholdFinding | None:
    """Return HOLDS for a percentile of too few values if even the largest of them is below the limit."""
    metric, _, statistic = threshold.key.partition(".")
    most_ms = look_up(summary, f"{metric}.max") if statistic in QUANTILES else None
    if most_ms is None or threshold.operator not in ("<", "<=") or not COMPARE[threshold.operator](most_ms, limit):
        return None
    text = (
        f"{sentence_name(threshold.key)} is at most {format_ms(most_ms)} (the maximum), needs {limit_text(threshold)}"
    )
    return ThresholdFinding(Ruling.HOLDS, text, f"≤{format_ms(most_ms)}")


def _by_lower_bound(threshold: Threshold, run: Run, limit: float) -> ThresholdFinding | None:
    bound = _lower_bound_ms(threshold, run)
    if bound is None or not _already_broken(threshold.operator, bound, limit):
        return None
    unfinished = "" if latency_of(run, Metric.ACK).complete else " (some messages never finished)"
    sentence = f"{sentence_name(threshold.key)} is at least {format_ms(bound)}{unfinished}"
    return ThresholdFinding(Ruling.BROKEN, f"{sentence}, needs {limit_text(threshold)}", f"≥{format_ms(bound)}")


def _already_broken(sign: str, bound: float, limit: float) -> bool:
    """Return True when every value from the bound on breaks the condition."""
    return (sign in ("<", "<=") and not COMPARE[sign](bound, limit)) or (sign == "==" and bound > limit)


def _lower_bound_ms(threshold: Threshold, run: Run) -> float | None:
    """Return the largest lower bound of a percentile of `ack`: the percentiles below it are bounds as well."""
    metric, _, statistic = threshold.key.partition(".")
    if metric != Metric.ACK or statistic not in QUANTILES:
        return None
    latency = latency_of(run, Metric.ACK)
    bounds = [latency.quantile(q) for q in QUANTILES.values() if q <= QUANTILES[statistic]]
    return max((bound.ns / NS_PER_MS for bound in bounds if bound is not None), default=None)


def _why_unknown(threshold: Threshold, summary: Summary) -> str:
    metric, _, statistic = threshold.key.partition(".")
    count, needed = look_up(summary, f"{metric}.count") if statistic in QUANTILES else None, _needed(statistic)
    if not count or count >= needed:
        return "the figure is not known"
    return f"the figure needs {format_count(needed)} values, there are {format_count(count)}"


def _needed(statistic: str) -> int:
    return values_needed(QUANTILES.get(statistic, 0))


def _say(threshold: Threshold, value: float) -> str:
    unit = FIGURES[threshold.key].unit
    if unit is FigureUnit.MS:
        return format_ms(value)
    number = format_count(round(value)) if float(value).is_integer() or value >= 100 else f"{value:.3g}"
    return f"{number}{unit}"


def _share_of(threshold: Threshold, summary: Summary, value: float) -> str:
    base = look_up(summary, threshold.relative_to) if threshold.relative_to else None
    return f" ({100 * value / base:.3g} % of {base_name(threshold)})" if base else ""
