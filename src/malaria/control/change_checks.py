"""Check whether a change that a person asks for can be made to a load."""

from __future__ import annotations

from malaria.control.changes import ChangeRate, DisconnectClients
from malaria.errors import OperatorError
from malaria.model.group_checks import LONGEST_INTERVAL_S
from malaria.model.warhead import Warhead


def check_change(change: ChangeRate | DisconnectClients, warhead: Warhead) -> None:
    """Raise OperatorError for a change that this load cannot make."""
    group = next((group for group in warhead.groups if group.name == change.group), None)
    if group is None:
        names = ", ".join(group.name for group in warhead.groups)
        raise OperatorError(f"there is no group {change.group!r}", f"the load has {names}")
    if isinstance(change, DisconnectClients):
        if change.count < 1:
            raise OperatorError(f"{change.count} clients cannot be disconnected", "give a number from 1 on")
        return
    for applies, reason in (
        (not group.publishes, "publishes nothing"),
        (group.closed_loop, "is a closed loop: the broker sets its rate"),
        (group.messages is not None, "sends a stated number of messages"),
        (bool(group.rate_ramp_ns), "has a rate that grows by itself (rate_ramp)"),
        (not 0 < change.interval <= LONGEST_INTERVAL_S, "cannot have that interval"),
    ):
        if applies:
            raise OperatorError(
                f"the rate of group {group.name} cannot be changed: it {reason}", "choose another group"
            )
