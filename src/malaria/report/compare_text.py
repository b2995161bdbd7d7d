"""Say the figures and differences of a comparison as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.compare.compare_words import LABELS_OF_COMPARED
from malaria.analysis.compare.compared_figures import COMPARED, COUNTED, CPU_PER_MESSAGE
from malaria.analysis.compare.side_by_side import ComparedLevel, FigureRow, SideBySide
from malaria.analysis.figure_names import LABELS, STATISTIC_LABELS
from malaria.analysis.summary_figures import AnsweredCount, ComparisonFigures
from malaria.model.threshold import FIGURES, FigureUnit
from malaria.records.comparison_goal import SIDES
from malaria.report.figure_text import UNKNOWN, broker_name
from malaria.report.shown_levels import ShownLevel
from malaria.units import format_bytes, format_count, format_duration_ns, format_ms, format_rate

NAMES: Final = LABELS_OF_COMPARED | {
    "broker.cpu_percent": "broker CPU",
    "broker.host_cpu_percent": "host CPU",
    "broker.queue_growth_per_s": "queue growth",
    "generator.cpu_percent": "generator CPU",
    "generator.rss_bytes": "generator memory",
    "duration_s": "measured time",
    "capacity.lower": "carries",
    "capacity.upper": "does not carry",
    "recovery.slowest": "slowest recovery",
    "recovery.not_held": "surges not held",
}
"""The labels of figures whose name in `summary.json` does not say it."""
SMALLEST_US: Final = 10
SIDE_HEAD: Final = ("", "", "broker", "target", "verdicts")


def figure_label(name: str) -> str:
    """Return `ack p99` for `ack.p99`, `acked per second` for `rates.acked_per_s`."""
    if name in NAMES:
        return NAMES[name]
    table, _, key = name.partition(".")
    if table == "rates":
        return f"{key.removesuffix('_per_s')} per second"
    if table in ("messages", "clients"):
        return f"{table} {key.replace('_', ' ')}"
    return f"{LABELS.get(table, table)} {STATISTIC_LABELS.get(key, key)}"


def figure_text(name: str, value: float | None) -> str:
    """Return a figure with its unit; a dash for one that is unknown."""
    if value is None:
        return UNKNOWN
    if name == CPU_PER_MESSAGE:
        return f"{value:,.{1 if value < SMALLEST_US else 0}f} µs"
    if name == "duration_s":
        return format_duration_ns(round(value * 10**9))
    if name.endswith("_bytes"):
        return format_bytes(value)
    if name.endswith("_percent"):
        return f"{value:.3g} %"
    unit = FIGURES[name].unit if name in FIGURES else FigureUnit.COUNT
    if unit is FigureUnit.MS:
        return format_ms(value)
    return format_rate(value) if unit is FigureUnit.PER_S else format_count(value)


def verdict_change(level: ComparedLevel) -> str:
    """Return `the verdict changed: PASS in A, FAIL in B: ack p99 is 24 ms, needs < 9 ms (ack p99 5 ms → 24 ms)`."""
    reason = level.reason_b or level.reason_a
    said = f"the verdict changed: {level.verdict_a} in A, {level.verdict_b} in B{f': {reason}' if reason else ''}"
    row = level.figure(level.changed_by)
    if row is None or row.a is None or row.b is None:
        return said
    return f"{said} ({figure_label(row.name)} {figure_text(row.name, row.a)} → {figure_text(row.name, row.b)})"


def limits_differ(compared: SideBySide) -> list[str]:
    """Return `limits differ: ack p99 none in A, < 1 ms in B` in a list; empty if the limits are the same."""
    changed = compared.changed_limits
    return [f"limits differ: {'; '.join(changed)}"] if changed else []


def main_rows(level: ComparedLevel) -> list[FigureRow]:
    """Return the figures that matter most, and the counts that are not 0 on both sides."""
    known = {row.name: row for row in level.figures}
    rows = [known[figure.name] for figure in COMPARED if figure.name in known]
    return rows + [known[name] for name in COUNTED if name in known and (known[name].a or known[name].b)]


def coverage_text(found: ComparisonFigures) -> str:
    """Return the heading of the bounds: `92.2 % bounds`."""
    coverage = max((one.coverage for one in found.figures if one.coverage is not None), default=None)
    return "no bounds yet" if coverage is None else f"{100 * coverage:.3g} % bounds"


def count_runs_text(one: AnsweredCount) -> str:
    """Return in how many runs of each side a count was not 0: `in 3 and 0 of 8 runs`."""
    return f"in {one.runs_a} and {one.runs_b} of {one.pairs} runs"


def quiet_counts(found: ComparisonFigures) -> str:
    """Return the names of the counts that are 0 on both sides."""
    return ", ".join(figure_label(one.name) for one in found.counts if not one.a and not one.b)


def side_rows(found: ComparisonFigures, shown: Sequence[ShownLevel]) -> list[list[str]]:
    """Return what A and B are, and how their runs ended, under `SIDE_HEAD`."""
    rows = []
    for side, name, verdicts in zip(SIDES, (found.a, found.b), (found.verdicts_a, found.verdicts_b), strict=True):
        one = next((each for each in shown if each.part.variant == side), None)
        broker = broker_name(one.run, one.summary) if one is not None else UNKNOWN
        target = (one.summary.target if one is not None else None) or UNKNOWN
        ended = ", ".join(f"{count} {outcome}" for outcome, count in verdicts.items()) or UNKNOWN
        rows.append([side, name, broker, target, ended])
    return rows


def answer_text(answer: str, pairs_more: int | None) -> str:
    """Return an answer, with the pairs that an undecided figure needs: `undecided +12`."""
    return f"{answer} +{pairs_more}" if pairs_more is not None else answer
