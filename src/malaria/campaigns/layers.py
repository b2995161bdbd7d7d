"""Layer changes onto the tables of a warhead, and remember where each key was written.

Promises: a later layer wins; a key that replaces another one (interval, rate) removes it; an error in the result can
name the place in the file where its key was written.
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
from malaria.model.option_table import KEYS as OPTIONS
from malaria.model.warhead import flat_conditions

REPLACED: Final[Mapping[str, tuple[str, ...]]] = {
    option.key: option.replaces for option in OPTIONS.values() if option.table == "group" and option.replaces
}
"""Key of a group -> the keys that it replaces."""


@dataclass(slots=True)
class LayeredWarhead:
    """The tables of a valid warhead, changed layer by layer. Mutable: `fork` it before a branch."""

    table: dict[str, Any]
    access: Access
    listener: str | None = None
    origins: dict[Location, Location] = field(default_factory=dict)

    def fork(self) -> LayeredWarhead:
        return LayeredWarhead(deepcopy(self.table), self.access, self.listener, dict(self.origins))

    def origin(self, location: Location) -> Location | None:
        """Return where the campaign file sets this key of the warhead; None if the warhead itself does."""
        # the longest match is the most exact place
        for length in range(len(location), 0, -1):
            if location[:length] in self.origins:
                return self.origins[location[:length]] + location[length:]
        return None

    def set_clients(self, clients: int, at: Location) -> None:
        """Set the clients of the only group that publishes. Raises KeyPathError if there is not exactly one."""
        found = [i for i, group in enumerate(self._groups) if group.get("role", DEFAULT_ROLE) in PUBLISHING]
        if len(found) != 1:
            count = f"{len(found)} groups publish" if found else "no group publishes"
            raise KeyPathError(at, f"{count}, so it is not clear which group is meant", "write group.NAME.clients")
        self._put(("group", found[0], "clients"), clients, at)

    def set_hold(self, hold_ns: int, at: Location) -> None:
        self._put(("attack", "duration"), duration_text(hold_ns), at)

    def set_attack(self, keys: Mapping[str, Any], at: Location) -> None:
        for key, value in keys.items():
            self._put(("attack", key), value, (*at, key))

    def set_group(self, name: str, keys: Mapping[str, Any], at: Location) -> None:
        """Set keys of one group. Raises KeyPathError for a group that the warhead does not have."""
        names = [group.get("name") for group in self._groups]
        if name not in names:
            raise KeyPathError(at, "the warhead has no such group", f"it has {', '.join(map(str, names))}")
        position = names.index(name)
        for key, value in keys.items():
            # `rate` beside the warhead's `interval` would be a contradiction that is in no file
            for replaced in REPLACED.get(key, ()):
                self._groups[position].pop(replaced, None)
            self._put(("group", position, key), value, (*at, key))

    def set_surges(self, surges: Sequence[Mapping[str, Any]], at: Location) -> None:
        """Replace the surges of the warhead. A surge without a group gets the only group that publishes."""
        publishing = [group for group in self._groups if group.get("role", DEFAULT_ROLE) in PUBLISHING]
        # with several publishers validation asks for the group
        own = {"group": publishing[0]["name"]} if len(publishing) == 1 else {}
        self._put(("surge",), [own | dict(surge) for surge in surges], at)

    def set_changes(self, changes: Sequence[Mapping[str, Any]], at: Location) -> None:
        """Replace the changes of the warhead."""
        self._put(("change",), [dict(change) for change in changes], at)

    def set_thresholds(self, conditions: Mapping[str, Any], at: Location) -> None:
        """Replace the thresholds of each figure that is named; `false` removes them."""
        known: dict[str, list[Any]] = {}
        for key, condition in flat_conditions(self.table.get("thresholds", {}), ""):
            known.setdefault(key, []).append(condition)
        changed: dict[str, list[Any]] = {}
        for key, condition in flat_conditions(conditions, ""):
            changed.setdefault(key, []).append(condition)
        # a figure that is named again is replaced as a whole, all its conditions
        merged = known | changed
        self.table["thresholds"] = {key: texts for key, texts in merged.items() if texts != [False]}
        self.origins |= {("thresholds", key): (*at, key) for key in changed}

    def set_target(self, target: Access | None, listener: str | None, at: Location) -> None:
        """Set how clients get in. A target with a url replaces the one before as a whole, and so does a listener."""
        if target is not None:
            # another broker has other credentials: none of the old ones may reach it
            self.access = target if target.url is not None else self.access.overridden(target)
            self.origins[("target",)] = (*at, "target")
        if listener is not None:
            self.listener = listener
        elif target is not None and target.url is not None:
            self.listener = None

    def finished(self) -> dict[str, Any]:
        """Return the tables with the target."""
        target = self.access.model_dump(exclude_unset=True, exclude_none=True)
        return self.table | ({"target": target} if target else {})

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
