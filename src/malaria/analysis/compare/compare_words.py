"""Say differences, and the answer of a comparison, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from malaria.analysis.compare.answers import PairAnswer
from malaria.analysis.compare.compared_figures import COMPARED, COUNTED
from malaria.analysis.summary_figures import AnsweredCount, AnsweredFigure
from malaria.units import format_count, format_things

FEW_PERCENT: Final = 10
MOST_PERCENT: Final = 300
"""From here on a difference is stated as a factor."""
SHOWN: Final = 3
UNKNOWN_CHANGE: Final = "—"
LABELS_OF_COMPARED: Final = {figure.name: figure.label for figure in COMPARED} | {
    name: count.label for name, count in COUNTED.items()
}


def change_text(ratio: float | None) -> str:
    """Return a ratio as a difference: `+12 %`, `−0.4 %`, `×7.3`; a dash for none."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN_CHANGE
    percent = 100 * (ratio - 1)
    if percent >= MOST_PERCENT:
        return f"×{ratio:.{1 if ratio < FEW_PERCENT else 0}f}"
    digits = 1 if abs(round(percent, 1)) < FEW_PERCENT else 0
    size = f"{abs(percent):.{digits}f}"
    if not float(size):
        return "0 %"
    return f"{'−' if percent < 0 else '+'}{size} %"


def bounds_text(low: float | None, high: float | None) -> str:
    """Return the bounds of a ratio: `+9.2 to +14 %`; empty without bounds."""
    if low is None or high is None or not math.isfinite(high) or low <= 0:
        return ""
    first, last = change_text(low), change_text(high)
    return f"{first.removesuffix(' %') if last.endswith('%') else first} to {last}"


def answer_sentence_of(
    answer: PairAnswer, figures: Sequence[AnsweredFigure], counts: Sequence[AnsweredCount], band: float
) -> str:
    """Return what a comparison has found: `B is worse than A: broker CPU / message +12 % (+9.2 to +14 %)`."""
    within = f"within {100 * band:g} %"
    if answer in (PairAnswer.WORSE, PairAnswer.BETTER):
        named = [_figure(one) for one in figures if one.answer == answer]
        named += [_count(one) for one in counts if one.answer == answer]
        more = len(named) - SHOWN
        rest = f", and {more} more" if more > 0 else ""
        return f"B is {answer} than A: {', '.join(named[:SHOWN])}{rest}"
    known = [one for one in figures if one.pairs]
    if answer is PairAnswer.SAME:
        return f"A and B are the same {within} in {format_things(len(known), 'figure')}"
    open_ones = [one for one in known if one.answer == PairAnswer.UNDECIDED]
    if not known:
        return "nothing can be said: no pair of runs is evidence"
    same = sum(one.answer == PairAnswer.SAME for one in known)
    said = f"; {same} of {len(known)} figures are the same {within}" if same else ""
    first = open_ones[0] if open_ones else None
    what = f"{_figure(first)} {pairs_text(first.pairs_more)}" if first is not None else "a count differs"
    return f"nothing is proven to be worse{said}; {what}"


def pairs_text(pairs_more: int | None) -> str:
    """Return `needs about 12 pairs more`."""
    if pairs_more is None:
        return "is too noisy here, or too close to the band, to be decided"
    return f"needs about {format_things(pairs_more, 'pair')} more"


def _figure(one: AnsweredFigure) -> str:
    bounds = bounds_text(one.low, one.high)
    return f"{LABELS_OF_COMPARED[one.name]} {change_text(one.ratio)}{f' ({bounds})' if bounds else ''}"


def _count(one: AnsweredCount) -> str:
    return f"{LABELS_OF_COMPARED[one.name]} {format_count(one.a)} in A, {format_count(one.b)} in B"
