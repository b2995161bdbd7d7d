"""Make the warhead of a staircase: the load of its lowest rung, and one surge for each step of clients above it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from malaria.campaigns.adjustments import held_table
from malaria.clock import NS_PER_S
from malaria.model.faults import Location
from malaria.model.fields import duration_text
from malaria.model.warhead import Warhead, validated
from malaria.records.staircase import Staircase

STEP_S: Final = 4.0
"""What a step takes besides its rung: until its clients publish, until it settles, until it is judged."""


def can_climb(warhead: Warhead, *, by_rate: bool) -> bool:
    """Tell whether this load can go by steps. One with surges or changes of its own, or an end of its own, cannot."""
    (group,) = warhead.publishing
    if (
        warhead.surges
        or warhead.changes
        or group.messages is not None
        or group.rate_ramp_ns
        or group.ramp_ns
        or group.start_after_ns
    ):
        return False
    return by_rate or not group.client_id or "{index" in group.client_id


def staircase_warhead(warhead: Warhead, stairs: Staircase, place: Callable[[Location], str]) -> tuple[Warhead, float]:
    """Return the warhead of a staircase, and the seconds that it lasts at most."""
    (group,) = warhead.publishing
    pace = float(warhead.attack.connect_rate) or float("inf")
    surges: list[dict[str, Any]] = []
    at_s = 0.0
    for low, high in pairwise(stairs.loads):
        at_s += stairs.rung_s + STEP_S
        if not stairs.by_rate:
            # the times only have to be possible: the pilot decides when a step is taken
            surges.append({"group": group.name, "clients": high - low, "at": _text(at_s)})
            at_s += (high - low) / pace
    way_back_s = len(stairs.loads) * (stairs.patience_s + STEP_S) + stairs.patience_s
    most_s = at_s + stairs.rung_s + STEP_S + way_back_s
    table = held_table(warhead, round(most_s * NS_PER_S))
    varied = next(one for one in table["group"] if one["name"] == group.name)
    if stairs.by_rate:
        varied.pop("interval", None)
        varied["rate"] = f"{stairs.loads[0]}/{varied['clients']}"
    else:
        varied["clients"] = stairs.loads[0]
        table["surge"] = surges
    return validated(table, place), most_s


def _text(seconds: float) -> str:
    return duration_text(round(seconds * 1000) * (NS_PER_S // 1000))
