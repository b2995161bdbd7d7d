"""Hold the goal of a capacity search, which is stored so that a search that was cut short goes on alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from malaria.records.staircase import Staircase
from malaria.records.trigger_load import TriggerLoad

type SearchLoad = Annotated[int, Field(ge=1)]
type Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class SearchGoal:
    """The goal of a search. Loads are clients, or with `by_rate` messages per second; times are seconds.

    The search begins at `start` and stays between `smallest` and `greatest`. Its loads lie on a grid with steps of the
    share `width`. A proof takes `holds` full holds of `hold_s`, of which more than half must agree; the first trials
    last `probe_s`. No trial begins that would end after `budget_s` (None: as long as it takes); a trial takes
    `overhead_s` besides its hold, until trials have shown how long they take. With `staircase` the search begins with
    attacks that climb until the target breaks, and come down again. At each part of the proven load in `triggers` it
    then looks for the smallest surge from which the target does not heal within `heal_s`.
    """

    start: SearchLoad
    smallest: SearchLoad
    greatest: SearchLoad
    width: Annotated[float, Field(gt=0, le=1)]
    hold_s: Seconds
    probe_s: Seconds
    holds: Annotated[int, Field(ge=1)] = 3
    budget_s: Seconds | None = None
    overhead_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    by_rate: bool = False
    staircase: bool = False
    triggers: tuple[Annotated[float, Field(gt=0, le=1)], ...] = ()
    heal_s: Seconds = 30.0

    @property
    def required_s(self) -> float:
        return self.holds * self.hold_s


@dataclass(frozen=True, slots=True)
class TrialLoad:
    """The load of one attack of a search, and how long it is measured; of a staircase, its first load and all of it."""

    load: SearchLoad
    hold_s: Seconds
    staircase: Staircase | None = None
    trigger: TriggerLoad | None = None
