"""Adjust p values for the number of questions that are asked at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p values in the same order: one of at most a level stays a finding at this level.

    With them, the chance of even one false finding among all is at most the level, however the figures depend on each
    other (Holm 1979, Scandinavian Journal of Statistics 6, 65-70).
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for number, place in enumerate(order):
        # a p value is never adjusted below a smaller one
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - number)))
        adjusted[place] = largest
    return adjusted
