"""Decide about a figure of two sides that were run in pairs: worse, better, the same within a band, or undecided.

The difference is the logarithm of B over A in each pair. Three families of questions are asked: is B worse by at least
the band, better by at least the band, or within the band (two one-sided tests: Schuirmann 1987, Journal of
Pharmacokinetics and Biopharmaceutics 15, 657-680). Within each family Holm's method accounts for the number of figures,
so that the chance of even one wrong finding of a kind is at most `LEVEL`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from malaria.analysis.compare.holm import holm
from malaria.analysis.compare.pairs_needed import pairs_more
from malaria.analysis.compare.signed_rank import CentreEstimate, estimate_centre, p_above, p_below

LEVEL: Final = 0.05
"""The largest chance of a wrong finding of a kind, over all figures."""

type Pair = tuple[float, float]
"""A figure of A and of B, which were run one after the other."""


class PairAnswer(StrEnum):
    """The result for one figure. BETTER is the mirror of WORSE."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class PairedFigure:
    """The values of one figure in those pairs in which both sides have it above 0."""

    name: str
    pairs: tuple[Pair, ...]
    more_is_worse: bool = True

    @property
    def worsening(self) -> list[float]:
        """The logarithm of how many times worse B was, for each pair."""
        sign = 1 if self.more_is_worse else -1
        return [sign * math.log(b / a) for a, b in self.pairs]


@dataclass(frozen=True, slots=True)
class FigureAnswer:
    """The answer about a figure. `ratio` is B over A with exact bounds; None without a pair.

    `pairs_more` is how many pairs more would probably decide an undecided figure; None: no practical number.
    """

    figure: PairedFigure
    answer: PairAnswer
    ratio: CentreEstimate | None = None
    pairs_more: int | None = None


def answer_figures(figures: Sequence[PairedFigure], band: float) -> list[FigureAnswer]:
    """Return the answer about each figure, all of them asked at once. `band` is a share: 0.05 for 5 %."""
    border = math.log1p(band)
    # a figure that nobody measured asks nothing
    known = [figure for figure in figures if figure.pairs]
    worse = holm([p_above(figure.worsening, border) for figure in known])
    better = holm([p_below(figure.worsening, -border) for figure in known])
    same = holm([max(p_below(figure.worsening, border), p_above(figure.worsening, -border)) for figure in known])
    findings = {PairAnswer.WORSE: worse, PairAnswer.BETTER: better, PairAnswer.SAME: same}
    answers = {
        figure.name: next(
            (name for name, p_values in findings.items() if p_values[place] <= LEVEL), PairAnswer.UNDECIDED
        )
        for place, figure in enumerate(known)
    }
    return [_answered(figure, answers.get(figure.name, PairAnswer.UNDECIDED), border, len(known)) for figure in figures]


def _answered(figure: PairedFigure, answer: PairAnswer, border: float, questions: int) -> FigureAnswer:
    if not figure.pairs:
        return FigureAnswer(figure, answer)
    more = pairs_more(figure.worsening, border, LEVEL / questions) if answer is PairAnswer.UNDECIDED else None
    return FigureAnswer(figure, answer, _ratio(figure), more)


def _ratio(figure: PairedFigure) -> CentreEstimate:
    found = estimate_centre([math.log(b / a) for a, b in figure.pairs], LEVEL)
    return CentreEstimate(math.exp(found.centre), math.exp(found.low), math.exp(found.high), found.coverage)
