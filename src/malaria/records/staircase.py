"""Hold the plan of a staircase: a load that climbs by steps until the target breaks, and comes down the same steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

type RungLoad = Annotated[int, Field(ge=1)]
type RungSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Staircase:
    """The steps of a staircase. `loads` go up; they are clients, or with `by_rate` messages per second.

    Each rung is judged for `rung_s` seconds. On the way down a target that is getting better has `patience_s` seconds
    on each rung.
    """

    loads: Annotated[tuple[RungLoad, ...], Field(min_length=1)]
    rung_s: RungSeconds
    patience_s: RungSeconds
    by_rate: bool = False
