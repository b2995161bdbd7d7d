"""Say how much repeated runs scatter: rows for a table, and a sentence with the remedy."""

from __future__ import annotations

from typing import Final

from malaria.analysis.compare.compare_words import LABELS_OF_COMPARED
from malaria.analysis.summary_figures import RepeatedFigure, RepeatFigures
from malaria.report.compare_text import figure_text
from malaria.report.figure_text import UNKNOWN

REPEAT_HEAD: Final = ("figure", "median", "smallest", "largest", "spread", "")


def repeat_rows(repeats: RepeatFigures) -> list[tuple[str, ...]]:
    """Return a row for each figure in the order of REPEAT_HEAD."""
    return [_row(one) for one in repeats.figures]


def _row(one: RepeatedFigure) -> tuple[str, ...]:
    values = (figure_text(one.name, value) for value in (one.median, one.smallest, one.largest))
    spread = UNKNOWN if one.spread is None else f"±{100 * one.spread:.2g} %"
    return (LABELS_OF_COMPARED[one.name], *values, spread, "unstable" if one.unstable else "")


def repeat_sentence(repeats: RepeatFigures) -> str:
    """Return `500 clients, 5 runs: unstable: ack p99; measure longer, ...`."""
    head = f"{repeats.name}, {repeats.runs} runs"
    if not repeats.unstable:
        return f"{head}: every figure is within 10 % of its median"
    names = ", ".join(LABELS_OF_COMPARED[name] for name in repeats.unstable)
    return f"{head}: unstable: {names}; {repeats.remedy}"
