"""A line as small as a word: the course of one figure of a level, in a cell of the table of levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WIDTH_PX: Final = 84
HEIGHT_PX: Final = 20
MOST_POINTS: Final = 42


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The points of an SVG polyline, one list for each part without a gap. `description` is for the blind."""

    parts: tuple[str, ...]
    description: str
    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX


def sparkline(values: Sequence[float | None], description: str, top: float | None = None) -> Sparkline | None:
    """Return the course of the values from zero to `top` (the greatest of them); None with fewer than two of them.

    Of more values than can be seen, each point is the greatest of several: a peak stays a peak.
    """
    seen = _thinned(values)
    known = [value for value in seen if value is not None]
    highest = max(known, default=0) if top is None else top
    if len(known) < 2 or highest <= 0:
        return None
    step = WIDTH_PX / max(len(seen) - 1, 1)
    parts: list[list[str]] = [[]]
    for place, value in enumerate(seen):
        if value is None:
            parts.append([])
        else:
            y = 1 + (HEIGHT_PX - 2) * (1 - min(value / highest, 1))
            parts[-1].append(f"{place * step:.0f},{y:.1f}")
    return Sparkline(tuple(" ".join(part) for part in parts if len(part) > 1), description)


def _thinned(values: Sequence[float | None]) -> list[float | None]:
    groups = min(len(values), MOST_POINTS)
    edges = [len(values) * number // groups for number in range(groups + 1)] if groups else []
    return [_greatest(values[begin:end]) for begin, end in pairwise(edges)]


def _greatest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
