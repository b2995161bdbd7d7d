"""The tables of a warhead with changes of several layers in them, and the memory of where each key came from.

Promises: a later layer wins; what one layer says in place of another key of the same meaning takes that away; a fault
of the whole can be told by the place in the file that its key was written at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from malaria.model.access import Access
from malaria.model.completion import DEFAULT_ROLE
from malaria.model.faults import KeyPathError, Location
from malaria.model.fields import duration_text
from malaria.model.group_keys import PUBLISHING
from malaria.model.options import KEYS as OPTIONS
from malaria.model.warhead import flat_conditions

REPLACED: Final[Mapping[str, tuple[str, ...]]] = {
    option.key: option.replaces for option in OPTIONS.values() if option.table == "group" and option.replaces
}
"""Key of a group -> the keys that it stands in place of."""


@dataclass(slots=True)
class Composition:
    """The tables of a warhead that is sound by itself, to be changed layer by layer. Not shared: `fork` it."""

    table: dict[str, Any]
    access: Access
    listener: str | None = None
    origins: dict[Location, Location] = field(default_factory=dict)

    def fork(self) -> Composition:
        return Composition(deepcopy(self.table), self.access, self.listener, dict(self.origins))

    def origin(self, location: Location) -> Location | None:
        """Where in the campaign the key at this place of the warhead was written; None: in the warhead."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.origins:
                return self.origins[location[:length]] + location[length:]
        return None

    def set_clients(self, clients: int, at: Location) -> None:
        """Of the one group that publishes. Raises KeyPathError when there is no such one."""
        found = [i for i, group in enumerate(self._groups) if group.get("role", DEFAULT_ROLE) in PUBLISHING]
        if len(found) != 1:
            count = f"{len(found)} groups publish" if found else "no group publishes"
            raise KeyPathError(at, f"{count}, so it is not clear whose clients these are", "write group.NAME.clients")
        self._put(("group", found[0], "clients"), clients, at)

    def set_hold(self, hold_ns: int, at: Location) -> None:
        self._put(("attack", "duration"), duration_text(hold_ns), at)

    def set_attack(self, keys: Mapping[str, Any], at: Location) -> None:
        for key, value in keys.items():
            self._put(("attack", key), value, (*at, key))

    def set_group(self, name: str, keys: Mapping[str, Any], at: Location) -> None:
        """Raises KeyPathError for a group that the warhead does not have."""
        names = [group.get("name") for group in self._groups]
        if name not in names:
            raise KeyPathError(at, "the warhead has no such group", f"it has {', '.join(map(str, names))}")
        position = names.index(name)
        for key, value in keys.items():
            for replaced in REPLACED.get(key, ()):
                self._groups[position].pop(replaced, None)
            self._put(("group", position, key), value, (*at, key))

    def set_surges(self, surges: Sequence[Mapping[str, Any]], at: Location) -> None:
        """In place of those of the warhead. One that names no group is of the one that publishes."""
        publishing = [group for group in self._groups if group.get("role", DEFAULT_ROLE) in PUBLISHING]
        own = {"group": publishing[0]["name"]} if len(publishing) == 1 else {}
        self._put(("surge",), [own | dict(surge) for surge in surges], at)

    def set_thresholds(self, conditions: Mapping[str, Any], at: Location) -> None:
        """Each in place of all on the same figure; `false` takes those away."""
        known: dict[str, list[Any]] = {}
        for key, condition in flat_conditions(self.table.get("thresholds", {}), ""):
            known.setdefault(key, []).append(condition)
        said: dict[str, list[Any]] = {}
        for key, condition in flat_conditions(conditions, ""):
            said.setdefault(key, []).append(condition)
        merged = known | said
        self.table["thresholds"] = {key: texts for key, texts in merged.items() if texts != [False]}
        self.origins |= {("thresholds", key): (*at, key) for key in said}

    def set_way(self, target: Access | None, listener: str | None, at: Location) -> None:
        """How clients get in. A target with a url of its own starts from nothing, and so does a listener."""
        if target is not None:
            self.access = target if target.url is not None else self.access.overridden(target)
            self.origins[("target",)] = (*at, "target")
        if listener is not None:
            self.listener = listener
        elif target is not None and target.url is not None:
            self.listener = None

    def finished(self) -> dict[str, Any]:
        """The tables, with the way in."""
        said = self.access.model_dump(exclude_unset=True, exclude_none=True)
        return self.table | ({"target": said} if said else {})

    @property
    def _groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = self.table["group"]
        return groups

    def _put(self, location: Location, value: Any, at: Location) -> None:
        holder: Any = self.table
        for part in location[:-1]:
            holder = holder.setdefault(part, {}) if isinstance(holder, dict) else holder[part]
        holder[location[-1]] = value
        self.origins[location] = at
