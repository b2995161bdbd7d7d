"""The rules that a run was judged by, as rows: figure, value, limit, and a tick or a cross. All texts are plain.

The same rows are shown in the terminal, on the page and in Markdown, also of a run that passed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.analysis.figure_names import figure_name, limit_text
from malaria.analysis.rules import judged_rules
from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.model.threshold import FigureUnit
from malaria.records.run import Run
from malaria.report.definitions import DEFINITIONS
from malaria.report.figure_text import UNKNOWN

MARKS: Final[Mapping[Ruling, str]] = {Ruling.HOLDS: "✓", Ruling.BROKEN: "✗", Ruling.UNDECIDED: "?"}
_DEFINED: Final[Mapping[str, str]] = {"broker.rss_bytes": "broker_memory", "broker.host_cpu_percent": "host_cpu"}
"""The definitions of figures that have another name there."""
_BASE: Final = re.compile(r"(?<=%) of \w+\)")
"""The base of a percentage, which the limit beside it names as well: `(86 % of due)`."""


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


def definition_of(key: str) -> str:
    """Return the name of the definition of a threshold's figure; empty if it has none."""
    table, _, name = key.partition(".")
    ways = (name, table, f"{table}_{name}".removesuffix("_percent"), _DEFINED.get(key, ""))
    return next((way for way in ways if way in DEFINITIONS), "")
