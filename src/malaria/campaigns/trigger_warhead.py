"""Make the warhead of a trigger: a part of the proven load, one surge on top of it, and time to heal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from malaria.campaigns.adjustments import held_table
from malaria.clock import NS_PER_S
from malaria.model.faults import Location
from malaria.model.fields import duration_text
from malaria.model.warhead import Warhead, validated
from malaria.records.search_goal import SearchGoal
from malaria.records.trigger_load import TriggerLoad

BEFORE_S: Final = 8
"""What is usual before the surge is seen in this time."""
AFTER_S: Final = 2


def trigger_warhead(
    warhead: Warhead, load: int, trigger: TriggerLoad, goal: SearchGoal, place: Callable[[Location], str]
) -> tuple[Warhead, float]:
    """Return the warhead of a trial, and the seconds that it lasts.

    By rate the surge is of clients as well: as many as send the wanted messages per second at the rate of the others.
    """
    (group,) = warhead.publishing
    added = max(1, round(trigger.surge * group.clients / load)) if goal.by_rate else trigger.surge
    pace = float(warhead.attack.connect_rate) or float("inf")
    surge_s = trigger.surge_s + added / pace + 1
    most_s = BEFORE_S + surge_s + trigger.heal_s + AFTER_S
    table = held_table(warhead, round(most_s * NS_PER_S))
    varied = next(one for one in table["group"] if one["name"] == group.name)
    if goal.by_rate:
        varied.pop("interval", None)
        varied["rate"] = f"{load}/{varied['clients']}"
    else:
        varied["clients"] = load
    hold = duration_text(round(surge_s * 1000) * (NS_PER_S // 1000))
    table.pop("change", None)
    table["surge"] = [{"group": group.name, "clients": added, "at": f"{BEFORE_S}s", "hold": hold}]
    return validated(table, place), most_s
