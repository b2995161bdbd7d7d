"""Hold the goal of a comparison of two sides, which is stored so that one that was cut short goes on alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

SIDES: Final = ("A", "B")


@dataclass(frozen=True, slots=True)
class ComparisonGoal:
    """The goal of a comparison. `a` and `b` say what the sides are; a difference of less than the share `band` is none.

    `pairs` is the number of pairs that are wanted; with `fail_if_worse` a worse B is a FAIL.
    """

    a: str
    b: str
    pairs: Annotated[int, Field(ge=1)]
    band: Annotated[float, Field(gt=0, le=1)]
    fail_if_worse: bool = False
