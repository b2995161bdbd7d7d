"""Choose the size of the reserve of each group: the clients that can be added to it while the load runs.

Promises: a reserve never asks for more than there is (keys, users, certificates, client ids of its own), and a default
one costs little memory; a stated one that cannot be is refused. Reads files of keys, as `credentials` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Final

from malaria.errors import WarheadError
from malaria.model.access import Access
from malaria.model.group import Group
from malaria.model.group_conflicts import shared_client_id
from malaria.model.placeholders import fill
from malaria.model.planned_change import added_clients
from malaria.model.warhead import Warhead
from malaria.plan.credentials import find_certificates, read_keys, read_logins
from malaria.plan.streams import delivery_note
from malaria.units import format_count, format_things

LEAST: Final = 1000
"""Of a default reserve, whatever the number of clients."""
MOST_STREAMS: Final = 2_000_000
"""Pairs of subscriber and reserved publisher: 40 bytes each, in the worker of the subscriber."""
MOST_SLOTS: Final = 8_000_000
"""Of the in-flight windows of a whole reserve, 29 bytes each, if all of it comes."""


def with_reserves(warhead: Warhead) -> Warhead:
    """Return the warhead with a stated reserve in each group.

    Raises WarheadError for a stated one that cannot be, and OperatorError for a file that cannot be read.
    """
    files = _KeyCounts()
    reserves = {group.name: _reserve(warhead, group, files) for group in warhead.groups}
    reserved = _with(warhead, reserves)
    if delivery_note(reserved) == delivery_note(warhead):
        return reserved
    # a further publisher would make it unknown whose messages those without a header are: only what is stated stays
    planned = added_clients(warhead.changes, warhead.groups)
    stated = {group.name: max(group.reserve or 0, planned.get(group.name, 0)) for group in warhead.publishing}
    return _with(warhead, reserves | stated)


def without_reserves(warhead: Warhead) -> Warhead:
    """Return the warhead for a load to which no hand may add clients: only its own changes do.

    Raises what `with_reserves` raises.
    """
    return with_reserves(_with(warhead, dict.fromkeys((group.name for group in warhead.groups), 0)))


def _with(warhead: Warhead, reserves: Mapping[str, int]) -> Warhead:
    groups = tuple(group.model_copy(update={"reserve": reserves[group.name]}) for group in warhead.groups)
    return warhead.model_copy(update={"groups": groups})


def _reserve(warhead: Warhead, group: Group, files: _KeyCounts) -> int:
    limits = _limits(warhead, group, files)
    planned = added_clients(warhead.changes, warhead.groups).get(group.name, 0)
    wanted = max(planned, group.reserve or 0)
    for limit in limits:
        if wanted > limit.most and limit.reason:
            raise WarheadError(
                f"group {group.name} cannot get {format_things(wanted, 'more client')}: {limit.reason}", limit.remedy
            )
    if group.reserve is not None:
        return wanted
    default = max(LEAST, group.clients)
    return max(planned, min([default, *(limit.most for limit in limits)]))


@dataclass(frozen=True, slots=True)
class _Room:
    """The largest reserve; `reason` is empty if only a default reserve keeps to it."""

    most: int
    reason: str = ""
    remedy: str = ""


def _limits(warhead: Warhead, group: Group, files: _KeyCounts) -> list[_Room]:
    limits = [limit for find in (_ids, _keys, _certificates) for limit in find(warhead, group, files)]
    hearing = sum(warhead.clients_of(one) for one in warhead.groups if one.subscribes)
    if group.publishes:
        limits.append(_Room(MOST_SLOTS // group.inflight))
        limits.append(_Room(MOST_STREAMS // max(1, hearing) // len(warhead.publishing)))
    return limits


def _ids(warhead: Warhead, group: Group, _: _KeyCounts) -> list[_Room]:
    """Refuse clients that would have the id of another one, and so throw it out."""
    if group.has_one_id:
        return [_Room(0, "every client of it has the same id", "put {index} into its client_id")]
    most = warhead.clients_of(group) + max(group.reserve or 0, LEAST, group.clients)
    for other in warhead.groups:
        if other is not group and (same := shared_client_id((group, most), (other, warhead.clients_of(other)))):
            return [_Room(0, f"{same!r} is a client of group {other.name}", "put {group} into client_id")]
    return []


def _keys(warhead: Warhead, group: Group, files: _KeyCounts) -> list[_Room]:
    """Return how many lines the files of keys and users have left for further clients."""
    access = warhead.access_of(group)
    limits: list[_Room] = []
    for name, count, what in (("psk_file", files.keys, "keys"), ("credentials_file", files.logins, "users")):
        path = getattr(access, name)
        if path is not None:
            end = min([count(path), *_starts_behind(warhead, access, name)])
            left = max(0, end - access.first_key - warhead.clients_of(group))
            limits.append(_Room(left, f"{path} has {what} for {format_count(left)} more", f"add {what} to it"))
    return limits


def _starts_behind(warhead: Warhead, access: Access, name: str) -> list[int]:
    """Return where other groups begin to take lines of the same file, behind the first line of this one."""
    others = [warhead.access_of(group) for group in warhead.groups]
    return [
        other.first_key
        for other in others
        if getattr(other, name) == getattr(access, name) and other.first_key > access.first_key
    ]


def _certificates(warhead: Warhead, group: Group, _: _KeyCounts) -> list[_Room]:
    """Return how many further clients have a certificate of their own, where each needs one."""
    access, clients = warhead.access_of(group), warhead.clients_of(group)
    if access.cert is None:
        return []
    if Path(access.cert).is_dir():
        left = max(0, len(find_certificates(Path(access.cert))) - access.first_key - clients)
    elif fill(access.cert, group.values_at(0, "run", "0")) == fill(access.cert, group.values_at(1, "run", "1")):
        return []
    elif "{identity}" in access.cert:
        left = 0
    else:
        most = max(LEAST, clients, group.reserve or 0)
        paths = (Path(fill(access.cert, group.values_at(index, "run", ""))) for index in range(clients, clients + most))
        left = sum(1 for _ in takewhile(Path.exists, paths))
    return [_Room(left, f"{access.cert} has certificates for {format_count(left)} more", "make more certificates")]


class _KeyCounts:
    """The number of lines of files of keys; each file is read once."""

    def __init__(self) -> None:
        self.keys: Callable[[str], int] = cache(lambda path: len(read_keys(Path(path))))
        self.logins: Callable[[str], int] = cache(lambda path: len(read_logins(Path(path))))
