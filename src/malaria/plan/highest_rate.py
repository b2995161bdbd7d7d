"""Compute the highest rate of a load: how many messages are due in a second at most, with the changes of its file.

Pure. Closed loops have no rate; surges are left out, because an attack that cannot send in one is told by its lag.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from malaria.model.planned_change import ONE_GROUP, meant_group, rate_obstacle
from malaria.model.wanted_change import Verb, WantedChange
from malaria.model.warhead import Warhead


def highest_rate(warhead: Warhead) -> Fraction:
    """Return the messages per second that are due at most, at the beginning or after a change; 0 of closed loops."""
    return max(_rates(warhead))


def _rates(warhead: Warhead) -> Iterator[Fraction]:
    groups = [group for group in warhead.publishing if not group.closed_loop]
    clients = {group.name: group.clients for group in groups}
    intervals = {group.name: group.interval for group in groups}
    yield _in_all(clients, intervals)
    for change in sorted(warhead.changes, key=lambda one: one.at_ns):
        wanted = change.wanted
        if wanted.interval is not None:
            intervals |= dict.fromkeys(_meant(wanted, warhead) & intervals.keys(), wanted.interval)
        elif wanted.verb in ONE_GROUP:
            sign = 1 if wanted.verb is Verb.ADD else -1
            clients |= {
                name: clients[name] + sign * (wanted.clients or 0) for name in _meant(wanted, warhead) & clients.keys()
            }
        yield _in_all(clients, intervals)


def _meant(wanted: WantedChange, warhead: Warhead) -> set[str]:
    """Return the names of the groups that a change of clients or of a rate concerns."""
    if wanted.verb is Verb.RATE and wanted.group is None:
        return {group.name for group in warhead.groups if not rate_obstacle(group)}
    group = meant_group(wanted, warhead.groups)
    return set() if group is None else {group.name}


def _in_all(clients: dict[str, int], intervals: dict[str, Fraction]) -> Fraction:
    return sum((count / intervals[name] for name, count in clients.items()), Fraction(0))
