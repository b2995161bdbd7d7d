"""Counts of two sides: none, broken promises, and the exact test."""

from __future__ import annotations

from typing import Final

import numpy as np

from malaria.analysis.compare.answers import PairAnswer
from malaria.analysis.compare.compared_figures import COUNTED
from malaria.analysis.compare.count_rules import CountAnswer, answer_counts

PROMISES: Final = {name: count.is_promise for name, count in COUNTED.items()}
LOST: Final = "messages.acked_lost"
DROPPED: Final = "clients.dropped"


def one(name: str, a: list[int], b: list[int]) -> CountAnswer:
    (found,) = answer_counts({name: list(zip(a, b, strict=True))}, PROMISES)
    return found


def test_none_on_either_side_is_the_same() -> None:
    assert one(DROPPED, [0] * 8, [0] * 8).answer is PairAnswer.SAME


def test_a_lost_acknowledged_message_is_never_outvoted() -> None:
    found = one(LOST, [0] * 8, [0] * 7 + [1])
    assert (found.answer, found.a, found.b, found.runs_b, found.pairs) == (PairAnswer.WORSE, 0, 1, 1, 8)
    assert one(LOST, [1] + [0] * 7, [0] * 8).answer is PairAnswer.BETTER


def test_a_dropped_connection_is_not_enough() -> None:
    found = one(DROPPED, [0] * 8, [0] * 7 + [40])
    # five pairs that differ can decide: at one in eight that is forty pairs
    assert (found.answer, found.pairs_more) == (PairAnswer.UNDECIDED, 32)


def test_drops_in_every_run_are_worse() -> None:
    assert one(DROPPED, [0, 1, 0, 0, 2, 0, 0, 0], [9, 8, 4, 12, 7, 9, 3, 8]).answer is PairAnswer.WORSE
    assert one(DROPPED, [9, 8, 4, 12, 7, 9, 3, 8], [0] * 8).answer is PairAnswer.BETTER


def test_promises_broken_by_both_are_tested() -> None:
    assert one(LOST, [3, 0, 1, 0, 2, 0, 4, 1], [2, 1, 0, 0, 3, 1, 3, 1]).answer is PairAnswer.UNDECIDED


def test_mixed_signs_have_no_number_of_pairs() -> None:
    assert one(DROPPED, [1, 0], [0, 1]).pairs_more is None


def test_false_alarms_are_rare() -> None:
    """No difference: each run drops or refuses some, with the same chance on both sides."""
    alarms = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        names = [name for name, promise in PROMISES.items() if not promise]
        counts = {name: [tuple(rng.negative_binomial(0.5, 0.05, 2).tolist()) for _ in range(8)] for name in names}
        alarms += any(found.answer is PairAnswer.WORSE for found in answer_counts(counts, PROMISES))
    assert alarms <= 0.05 * 400
