"""The results of comparisons, as Python code gets them. All of them are read only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from malaria.analysis.compare.answers import PairAnswer
from malaria.analysis.compare.side_by_side import ComparedLevel, FigureRow, SideBySide
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import AnsweredCount, AnsweredFigure, ComparisonFigures
from malaria.api.results import CampaignResult, framed
from malaria.outputs.files import PAGE


@dataclass(frozen=True, slots=True)
class FigureComparison:
    """One figure of A and of B. What is unknown is None.

    `estimate` is B over A and `interval` its bounds, which hold with the probability `coverage`. A count has none of
    them, but the sums of its runs. `answer` is None for two stored results: they prove nothing. `level` is the level of
    two stored campaigns.
    """

    figure: str
    a: float | None
    b: float | None
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    coverage: float | None = None
    answer: PairAnswer | None = None
    pairs: int | None = None
    pairs_more: int | None = None
    """About so many pairs more would decide an undecided figure."""
    level: str = ""


@dataclass(frozen=True, repr=False)
class ComparisonResult(CampaignResult):
    """Two sides that were run alternately. `bool(result)` is True for a PASS, which says that there is an answer."""

    @property
    def outcome(self) -> Outcome:
        """Return PASS for an answer; FAIL, with `fail_if_worse`, for a worse B; INVALID or UNKNOWN for no evidence."""
        return self.verdict.outcome

    @property
    def comparison(self) -> ComparisonFigures:
        """Return `comparison` of `summary.json`, typed."""
        assert self.summary.comparison is not None
        return self.summary.comparison

    @property
    def answer(self) -> PairAnswer:
        """Return the answer of the whole: one worse figure makes it worse."""
        return PairAnswer(self.comparison.answer)

    @cached_property
    def answers(self) -> tuple[FigureComparison, ...]:
        """Return the answer about each figure that both sides have, then about each count."""
        figures = [_of_figure(one) for one in self.comparison.figures if one.pairs]
        return (*figures, *map(_of_count, self.comparison.counts))


@dataclass(frozen=True, repr=False)
class SideBySideResult:
    """Two stored results side by side, in figures (`comparison.json`, typed) and on a page."""

    directory: Path
    compared: SideBySide

    def __repr__(self) -> str:
        sides = f"{self.compared.a.directory!r} and {self.compared.b.directory!r}"
        return f"<{type(self).__name__} of {sides} in {str(self.directory)!r}>"

    @property
    def outcome(self) -> Outcome:
        """Return UNKNOWN: one run of each side cannot tell whether the sides differ. `compared.cannot_say` says why."""
        return Outcome.UNKNOWN

    @property
    def levels(self) -> tuple[ComparedLevel, ...]:
        """Return the attacks that both have, with their verdicts, reasons, and what was not measured alike."""
        return self.compared.levels

    @cached_property
    def answers(self) -> tuple[FigureComparison, ...]:
        """Return every figure, level by level; `interval` leaves out what differs from run to run."""
        searched = tuple(_of_row(row, "") for row in self.compared.capacity)
        return searched + tuple(_of_row(row, level.name) for level in self.levels for row in level.figures)

    @property
    def page(self) -> Path:
        return self.directory / PAGE

    def _repr_html_(self) -> str:
        return framed(self.page)


def _of_figure(one: AnsweredFigure) -> FigureComparison:
    interval = _interval(one.low, one.high)
    answer = PairAnswer(one.answer)
    return FigureComparison(
        one.name, one.a, one.b, one.ratio, interval, one.coverage, answer, one.pairs, one.pairs_more
    )


def _of_count(one: AnsweredCount) -> FigureComparison:
    return FigureComparison(
        one.name, one.a, one.b, answer=PairAnswer(one.answer), pairs=one.pairs, pairs_more=one.pairs_more
    )


def _of_row(row: FigureRow, level: str) -> FigureComparison:
    interval = _interval(row.within_run_low, row.within_run_high)
    return FigureComparison(row.name, row.a, row.b, row.ratio, interval, level=level)


def _interval(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)
