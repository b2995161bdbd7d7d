"""The rules that a run was judged by, as rows: figure, value, limit, and a tick or a cross. All texts are plain.

The same rows are shown in the terminal, on the page and in Markdown, also of a run that passed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.analysis.rules import judged_rules
from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.model.threshold import FigureUnit, Threshold
from malaria.records.run import Run
from malaria.report.definitions import DEFINITIONS, LABELS
from malaria.report.figure_text import LATENCY_LABELS, STATISTIC_LABELS, UNKNOWN, count
from malaria.units import format_ms

SIGNS: Final[Mapping[str, str]] = {"<": "<", "<=": "≤", "==": "=", "!=": "≠", ">=": "≥", ">": ">"}
MARKS: Final[Mapping[Ruling, str]] = {Ruling.HOLDS: "✓", Ruling.BROKEN: "✗", Ruling.UNDECIDED: "?"}
_NAMES: Final[Mapping[str, str]] = {
    "clients.connected": "clients connected",
    "clients.connected_peak": "most clients at once",
    "clients.dropped": "connections dropped",
    "clients.refused": "connects refused",
    "broker.dropped": "messages dropped by the broker",
    "broker.queue_growth_per_s": "growth of the broker's queue",
    "broker.cpu_percent": "broker CPU, % of a core",
    "broker.host_cpu_percent": "host CPU, % of all cores",
    "stalls.longest": "longest stall",
    "stalls.count": "stalls",
    "recovery.slowest": "slowest recovery",
    "recovery.not_held": "surges not held",
}
_DEFINED: Final[Mapping[str, str]] = {"broker.rss_bytes": "broker_memory", "broker.host_cpu_percent": "host_cpu"}
"""The definitions of figures that have another name there."""
_BASE: Final = re.compile(r"(?<=%) of \w+\.\w+\)")
"""The base of a percentage, which the limit beside it names as well: `(86 % of rates.due_per_s)`."""


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One rule. `is_default` tells one that nobody stated; `key` is its name in a warhead.

    `limit_ms` is the limit of a latency; None for other figures.
    """

    key: str
    name: str
    value: str
    limit: str
    ruling: Ruling
    is_default: bool
    limit_ms: float | None = None

    @property
    def mark(self) -> str:
        return MARKS[self.ruling]


def threshold_rows(run: Run, summary: Summary) -> list[ThresholdRow]:
    """Return a row for each rule that the run was judged by: first what was stated, then the defaults."""
    return [
        ThresholdRow(
            rule.threshold.key,
            figure_name(rule.threshold.key),
            _BASE.sub(")", rule.value) or UNKNOWN,
            limit_text(rule.threshold),
            rule.ruling,
            rule.is_default,
            rule.threshold.value if rule.threshold.figure.unit is FigureUnit.MS else None,
        )
        for rule in judged_rules(run, summary)
    ]


def figure_name(key: str) -> str:
    """Return the name of a threshold's figure for people: `ack p99`, `acked per second`, `connections dropped`."""
    table, _, name = key.partition(".")
    if key in _NAMES:
        return _NAMES[key]
    if table in LATENCY_LABELS:
        return f"{LATENCY_LABELS[table]} {STATISTIC_LABELS.get(name, name)}"  # type: ignore[index]
    if table == "rates":
        return f"{name.removesuffix('_per_s')} per second"
    plain = LABELS.get(name, name.replace("_", " "))
    return plain if table == "messages" else f"{table} {plain}"


def definition_of(key: str) -> str:
    """Return the name of the definition of a threshold's figure; empty if it has none."""
    table, _, name = key.partition(".")
    ways = (name, table, f"{table}_{name}".removesuffix("_percent"), _DEFINED.get(key, ""))
    return next((way for way in ways if way in DEFINITIONS), "")


def limit_text(threshold: Threshold) -> str:
    """Return the limit as people read it: `< 500 ms`, `≥ 98 % of due`, `= 0`."""
    value = f"{threshold.value:.15g}"
    if threshold.relative_to is not None:
        base = next(word for word, key in threshold.figure.bases.items() if key == threshold.relative_to)
        value = f"{value} % of {base}"
    elif threshold.figure.unit is FigureUnit.MS:
        value = format_ms(threshold.value)
    elif threshold.value.is_integer():
        value = f"{count(threshold.value)}{threshold.figure.unit}"
    return f"{SIGNS[threshold.operator]} {value}"
