"""The answers of a comparison as Markdown: what A and B are, each figure with its bounds, the counts."""

from __future__ import annotations

from collections.abc import Sequence

from malaria.analysis.compare.compare_words import bounds_text, change_text
from malaria.analysis.summary_figures import ComparisonFigures
from malaria.report.compare_text import (
    SIDE_HEAD,
    answer_text,
    count_runs_text,
    coverage_text,
    figure_label,
    figure_text,
    quiet_counts,
    side_rows,
)
from malaria.report.markdown.markdown_text import plain, table
from malaria.report.shown_levels import ShownLevel
from malaria.units import format_count


def comparison_lines(found: ComparisonFigures, shown: Sequence[ShownLevel]) -> list[str]:
    """Return the sides and the tables of answers."""
    band = f"{100 * found.band:g} %"
    pairs = f"{found.pairs} of {found.pairs_wanted} pairs. A and B are medians over the pairs; the band is {band}."
    lines = [*table(SIDE_HEAD, [list(map(plain, row)) for row in side_rows(found, shown)], words=5), "", pairs, ""]
    for rows in (_figures(found), _counts(found)):
        lines += [*rows, ""] if rows else []
    quiet = quiet_counts(found)
    return [*lines, f"None on either side: {quiet}.", ""] if quiet else lines


def _figures(found: ComparisonFigures) -> list[str]:
    rows = [
        [
            f"**{answer_text(one.answer, one.pairs_more)}**",
            figure_label(one.name),
            figure_text(one.name, one.a),
            figure_text(one.name, one.b),
            change_text(one.ratio),
            bounds_text(one.low, one.high),
        ]
        for one in found.figures
        if one.pairs
    ]
    return table(["answer", "figure", "A", "B", "B over A", coverage_text(found)], rows, words=2) if rows else []


def _counts(found: ComparisonFigures) -> list[str]:
    rows = [
        [
            f"**{answer_text(one.answer, one.pairs_more)}**",
            figure_label(one.name),
            format_count(one.a),
            format_count(one.b),
            count_runs_text(one),
        ]
        for one in found.counts
        if one.a or one.b
    ]
    return table(["answer", "count", "A", "B", "runs with any"], rows, words=2) if rows else []
