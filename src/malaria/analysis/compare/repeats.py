"""Say how much the figures of a load scatter from run to run: median, smallest, largest, and what is unstable."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from malaria.analysis.compare.compared_figures import COMPARED, ComparedFigure
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import RepeatedFigure, RepeatFigures, Summary
from malaria.records.campaign_records import CampaignPart, PartState

UNSTABLE: Final = 0.10
"""A figure is unstable if half the distance from smallest to largest value is more than this part of its median."""
LEAST_RUNS: Final = 2
LIMIT_REMEDY: Final = "this machine was the limit in {}: end other programs on it, or make less load"
FIRST_REMEDY: Final = "the first run differs most: add --warmup, or start the broker anew before each run"
GENERAL_REMEDY: Final = "measure longer, end other programs on this machine, and start the broker anew before each run"


def repeat_figures(
    parts: Sequence[tuple[CampaignPart, Summary]],
) -> tuple[RepeatFigures, ...] | None:
    """Return the scatter of each load that was run again; None if none was."""
    groups: dict[tuple[int, str], list[tuple[CampaignPart, Summary]]] = {}
    for part, summary in parts:
        if part.repeat is not None and part.state is PartState.DONE:
            groups.setdefault((part.level, unrepeated(part.title, part.variant, part.repeat)), []).append(
                (part, summary)
            )
    found = tuple(_scatter(name, [s for _, s in runs]) for (_, name), runs in groups.items() if len(runs) >= LEAST_RUNS)
    return found or None


def unrepeated(title: str, variant: str, repeat: int) -> str:
    """Return the name of a load without the number of its run: `500 clients` for `500 clients`, `run 2`."""
    rest = variant.removesuffix(run_name(repeat)).removesuffix(" · ")
    return f"{title} · {rest}" if rest else title


def run_name(repeat: int) -> str:
    """Return `run 2`; the first run has no name of its own."""
    return f"run {repeat}" if repeat > 1 else ""


def _scatter(name: str, summaries: Sequence[Summary]) -> RepeatFigures:
    figures = [one for one in (_figure(figure, summaries) for figure in COMPARED) if one is not None]
    unstable = [one.name for one in figures if one.unstable]
    limited = sum(one.verdict.outcome is Outcome.INVALID for one in summaries)
    remedy = _remedy(unstable, summaries, limited) if unstable else ""
    return RepeatFigures(name, len(summaries), tuple(figures), tuple(unstable), remedy)


def _figure(figure: ComparedFigure, summaries: Sequence[Summary]) -> RepeatedFigure | None:
    values = [value for one in summaries if (value := figure.read(one)) is not None]
    if len(values) < LEAST_RUNS:
        return None
    middle, least, most = median(values), min(values), max(values)
    spread = (most - least) / 2 / middle if middle > 0 else None
    return RepeatedFigure(figure.name, middle, least, most, spread, spread is not None and spread > UNSTABLE)


def _remedy(unstable: Sequence[str], summaries: Sequence[Summary], limited: int) -> str:
    """Return what to do: a machine that was the limit comes first, then a first run that is unlike the others."""
    if limited:
        return LIMIT_REMEDY.format(f"{limited} of {len(summaries)} runs")
    read = {figure.name: figure.read for figure in COMPARED}
    first = 0
    for name in unstable:
        values = [read[name](one) for one in summaries]
        known = [value for value in values if value is not None]
        middle = median(known)
        first += values[0] is not None and abs(values[0] - middle) == max(abs(value - middle) for value in known)
    return FIRST_REMEDY if first * 2 > len(unstable) and len(summaries) > LEAST_RUNS else GENERAL_REMEDY
