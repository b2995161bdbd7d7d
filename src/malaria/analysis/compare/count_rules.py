"""Decide about counts of two sides by exact rules: most counts of a sound broker are 0, and a ratio says nothing.

The rules, in this order:
1. none on either side in any run: the same;
2. a count that breaks a promise of MQTT (an acknowledged message lost, a duplicate at QoS 2) on one side, and none on
   the other in any run: that side is worse. No number of good runs outvotes it;
3. otherwise the exact signed-rank test of the pairs that differ, with Holm's method over the counts;
4. else undecided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from malaria.analysis.compare.answers import LEVEL, PairAnswer
from malaria.analysis.compare.holm import holm
from malaria.analysis.compare.pairs_needed import MOST_PAIRS
from malaria.analysis.compare.signed_rank import least_pairs, p_above, p_below


@dataclass(frozen=True, slots=True)
class CountAnswer:
    """The answer about a count: the sums over all runs of a side, and the number of its runs that had any."""

    name: str
    answer: PairAnswer
    a: int
    b: int
    runs_a: int
    runs_b: int
    pairs: int
    pairs_more: int | None = None


def answer_counts(counts: Mapping[str, Sequence[tuple[int, int]]], promises: Mapping[str, bool]) -> list[CountAnswer]:
    """Return the answer about each count that is known in at least one pair.

    `counts` has the counts of A and of B for each pair, by name; `promises` says which of them break a promise.
    """
    open_names = [name for name, pairs in counts.items() if any(a or b for a, b in pairs)]
    differing = {name: [float(b - a) for a, b in counts[name] if a != b] for name in open_names}
    more = dict(zip(open_names, holm([p_above(differing[name], 0.0) for name in open_names]), strict=True))
    less = dict(zip(open_names, holm([p_below(differing[name], 0.0) for name in open_names]), strict=True))
    found = []
    for name, pairs in counts.items():
        answer = _broken(pairs) if promises[name] else None
        if answer is None:
            answer = _tested(name, more, less)
        undecided = answer is PairAnswer.UNDECIDED
        needed = _pairs_more(differing[name], len(pairs), len(open_names)) if undecided else None
        found.append(_count_answer(name, answer, pairs, needed))
    return found


def _broken(pairs: Sequence[tuple[int, int]]) -> PairAnswer | None:
    """Return which side broke a promise that the other kept; None if both did, or neither."""
    of_a, of_b = any(a for a, _ in pairs), any(b for _, b in pairs)
    if of_a == of_b:
        return None
    return PairAnswer.WORSE if of_b else PairAnswer.BETTER


def _tested(name: str, more: Mapping[str, float], less: Mapping[str, float]) -> PairAnswer:
    if name not in more:
        return PairAnswer.SAME
    if more[name] <= LEVEL:
        return PairAnswer.WORSE
    return PairAnswer.BETTER if less[name] <= LEVEL else PairAnswer.UNDECIDED


def _pairs_more(differing: Sequence[float], pairs: int, questions: int) -> int | None:
    """Return how many pairs more decide, if as large a part of them differs, and all in the same direction."""
    if not differing or min(differing) < 0 < max(differing):
        return None
    needed = math.ceil(least_pairs(LEVEL / questions) * pairs / len(differing))
    return None if needed > MOST_PAIRS else max(1, needed - pairs)


def _count_answer(name: str, answer: PairAnswer, pairs: Sequence[tuple[int, int]], more: int | None) -> CountAnswer:
    of_a, of_b = [a for a, _ in pairs], [b for _, b in pairs]
    runs_a, runs_b = sum(map(bool, of_a)), sum(map(bool, of_b))
    return CountAnswer(name, answer, sum(of_a), sum(of_b), runs_a, runs_b, len(pairs), more)
