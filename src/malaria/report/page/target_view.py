"""The sections of a page about the target: its table, `$SYS` and perf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run
from malaria.report import perf_text, target_text
from malaria.report.page.flame import FlameGraph, flame_graph
from malaria.report.page.page_elements import CellTexts, FoldedTable, PageTable, defined, outcome_cell, page_table
from malaria.units import format_count, format_things

PERF_ROWS_SHOWN: Final = 15
"""Rows of perf's table that are shown; all of them are in a folded table."""
NOT_OBSERVED: Final = "The target was not observed: see --observe."


@dataclass(frozen=True, slots=True)
class TargetView:
    """`remarks` are sentences on thresholds and queues, `blind_spots` on what was not observed."""

    table: PageTable
    remarks: tuple[str, ...]
    blind_spots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SysView:
    """`lines` are shown, `rest` (may be empty) is folded under its label; `own_count` may be empty."""

    lines: tuple[str, ...]
    own_count: str
    rest_label: str
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PerfView:
    """A recording, or the sentence that says why there is none."""

    no_recording: str = ""
    caption: str = ""
    graph: FlameGraph | None = None
    table: PageTable | None = None
    all_rows: FoldedTable | None = None


def target_view(run: Run, summary: Summary) -> TargetView:
    figures = target_text.target_figures(run, summary)
    head: CellTexts = ["verdict", *(defined(figure.name, figure.label) for figure in figures)]
    row: CellTexts = [outcome_cell(str(summary.verdict.outcome)), *(figure.value for figure in figures)]
    blind = target_text.blind_spots(run)
    # an attack with --observe none: say why the table is empty
    if not blind and not run.observations:
        blind = [NOT_OBSERVED]
    return TargetView(page_table(head, [row], kind="seen"), tuple(target_text.remarks(run, summary)), tuple(blind))


def sys_view(run: Run, summary: Summary) -> SysView | None:
    """Return None if the broker has no `$SYS`."""
    first, rest = target_text.sys_lines(summary)
    if not first and not rest:
        return None
    folded = rest if first else []  # without a first part the rest is all there is to show
    return SysView(
        tuple(first or rest),
        target_text.own_count(run, summary),
        format_things(len(folded), "more topic") if folded else "",
        tuple(folded),
    )


def perf_view(run: Run) -> PerfView | None:
    """Return None if no recording was asked for."""
    profile = run.profile
    if profile is None:
        sentence = perf_text.no_recording(run)
        return PerfView(sentence) if sentence else None
    all_rows = None
    # a short table is shown whole, and needs no second one
    if len(profile.rows) > PERF_ROWS_SHOWN:
        all_rows = FoldedTable(f"all {format_count(len(profile.rows))} rows", _perf_table(perf_text.perf_rows(profile)))
    shown = _perf_table(perf_text.perf_rows(profile, PERF_ROWS_SHOWN))
    return PerfView("", perf_text.caption(profile), flame_graph(profile.stacks), shown, all_rows)


def _perf_table(rows: Sequence[Sequence[str]]) -> PageTable:
    return page_table(perf_text.PERF_HEAD, rows, words=(2, 3, 4), kind="perf")
