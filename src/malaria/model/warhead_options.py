"""Make a warhead from options alone, and override keys of a warhead with options.

Promises: options win over the file. A fault names the option if an option caused it, and the file if the file did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from malaria.errors import WarheadError
from malaria.model.faults import Location, key_path
from malaria.model.group import Group
from malaria.model.group_keys import PUBLISHING, Role
from malaria.model.hearing_filters import hearing_filters
from malaria.model.option_table import KEYS, OPTIONS, LoadOptions
from malaria.model.surge import surge_table
from malaria.model.threshold import Threshold, allowed_stall, parse_fail_if
from malaria.model.warhead import Warhead, load_warhead, to_table, validated
from malaria.units import NotationError

DEFAULT_CLIENTS: Final = {Role.PUBLISH: 10, Role.SUBSCRIBE: 1, Role.CONNECT: 10}
DEFAULT_DURATION: Final = "30s"
GROUP_NAMES: Final = {Role.PUBLISH: "publishers", Role.SUBSCRIBE: "subscribers", Role.CONNECT: "clients"}

SURGE_FLAG: Final = OPTIONS["surge"].flag
TOPIC_FLAG: Final = OPTIONS["topic"].flag
SEVERAL: Final = ("filters", "topics")
"""What the option of the topic sets when it is given several times: filters to subscribe to, topics to publish to."""
FLAGS: Final = {(option.table, option.key): option.flag for option in KEYS.values()} | {
    ("group", key): TOPIC_FLAG for key in SEVERAL
}
"""(table, key) of a warhead -> the option that sets it."""


def made_warhead(base: Path | Warhead | None, options: LoadOptions, *, subscriber: bool) -> Warhead:
    """Make the load from a warhead or the file of one, which options override, or from options alone.

    Raises WarheadError, also for a warhead of which the subscriber is to be left out: it says which groups there are.
    """
    if base is None:
        return build_warhead(options, subscriber=subscriber)
    if not subscriber:
        raise WarheadError("--no-subscriber cannot be used with --warhead", "remove the subscribing group from it")
    if isinstance(base, Warhead):
        return override(base, options)
    # both are needed before the file can be checked; `override` applies the other options
    return override(load_warhead(base, options.get("duration"), options.get("protocol")), options, str(base))


def build_warhead(options: LoadOptions, role: Role = Role.PUBLISH, *, subscriber: bool = False) -> Warhead:
    """Make one group of that role from the options; with `subscriber`, also one client that receives everything.

    Raises WarheadError that names the option.
    """
    if "group" in options:
        raise WarheadError(
            f"--group {options['group']}: there is no warhead to choose a group from", "give -w FILE too"
        )
    stated = _stated(options)
    group = _group_part(stated, {"name": GROUP_NAMES[role], "role": str(role), "clients": DEFAULT_CLIENTS[role]})
    attack = dict(_part(stated, "attack"))
    # with -n the load ends by itself
    if "messages" not in group:
        attack.setdefault("duration", DEFAULT_DURATION)
    surges = _surges(options, GROUP_NAMES[role])
    groups = [group, _subscriber(group, surges)] if subscriber else [group]
    table = {
        "group": groups,
        "attack": attack,
        "target": _part(stated, "target"),
        "surge": surges,
    }
    warhead = validated(table, lambda location: _flag(location) or key_path(location))
    return warhead.model_copy(update={"thresholds": _thresholds(options)})


def override(warhead: Warhead, options: LoadOptions, name: str = "warhead") -> Warhead:
    """Change the warhead as the options say: all publishing groups (all groups if none publishes), or only `--group`.

    `name` is what errors call the file. Raises WarheadError.
    """
    stated, table = _stated(options), to_table(warhead)
    changed = [i for i, group in enumerate(warhead.groups) if _is_meant(group, warhead, options.get("group"))]
    if not changed:
        names = ", ".join(group.name for group in warhead.groups)
        raise WarheadError(f"--group {options['group']}: {name} has no such group", f"it has {names}")
    for i in changed:
        table["group"][i] = _group_part(stated, table["group"][i])
    table["attack"] |= _part(stated, "attack")
    table["target"] = table.get("target", {}) | _part(stated, "target")
    # surges of options come after those of the file
    if "surge" in options:
        table["surge"] = table.get("surge", []) + _surges(options, _one_of(warhead, changed, name))

    def place(location: Location) -> str:
        # surges of the file come first, so their numbers tell where a fault is
        if _is_surge_of_file(location, warhead):
            return f"{name}: {key_path(location)}"
        flag = _flag(location) if location[:1] == ("surge",) or _is_from_option(location, stated, changed) else None
        return flag or f"{name}: {key_path(location)}"

    overridden = validated(table, place)
    return overridden.model_copy(update={"thresholds": warhead.thresholds + _thresholds(options)})


def _surges(options: LoadOptions, group: str) -> list[dict[str, Any]]:
    """Make the tables of the surges that options ask for. Raises WarheadError."""
    try:
        return [{"group": group, **surge_table(text)} for text in options.get("surge", ())]
    except NotationError as error:
        raise WarheadError(f"{SURGE_FLAG}: {error.message}", error.remedy) from None


def _one_of(warhead: Warhead, meant: list[int], name: str) -> str:
    """Return the name of the only group that a surge can be added to. Raises WarheadError if there are several."""
    if len(meant) == 1:
        return warhead.groups[meant[0]].name
    names = ", ".join(warhead.groups[i].name for i in meant)
    raise WarheadError(f"{SURGE_FLAG}: {name} has several groups that clients could be added to: {names}",
                       "choose one with --group")  # fmt: skip


def _is_surge_of_file(location: Location, warhead: Warhead) -> bool:
    number = location[1] if location[:1] == ("surge",) and len(location) > 1 else None
    return isinstance(number, int) and number < len(warhead.surges)


def _stated(options: LoadOptions) -> dict[str, Any]:
    """Return the given options that set a key: name of the option -> value as the file would have it."""
    return {name: KEYS[name].read(value) for name, value in options.items() if name in KEYS}


def _part(stated: Mapping[str, Any], table: str) -> dict[str, Any]:
    return {KEYS[name].key: value for name, value in stated.items() if KEYS[name].table == table}


def _group_part(stated: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """Put the options into the table of a group, and remove the keys that they replace."""
    replaced = {key for name in stated if KEYS[name].table == "group" for key in KEYS[name].replaces}
    changed = {key: value for key, value in group.items() if key not in replaced} | _part(stated, "group")
    # -t given several times
    if isinstance(changed.get("topic"), tuple):
        several = "topics" if changed.get("role", Role.PUBLISH) in PUBLISHING else "filters"
        changed[several] = list(changed.pop("topic"))
    will = _part(stated, "will")
    return changed | {"will": {**changed.get("will", {}), **will}} if will else changed


def _subscriber(group: Mapping[str, Any], surges: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make a subscriber that receives all that the group publishes, to measure loss, order and end-to-end latency."""
    clients = sum(int(part["clients"]) for part in (group, *surges))
    filters = hearing_filters(group, clients)
    heard = {"topic": filters[0]} if len(filters) == 1 else {"filters": filters}
    table = {"name": GROUP_NAMES[Role.SUBSCRIBE], "role": "subscribe", "clients": 1, **heard}
    # the subscriber must not lower the QoS of what is published, nor be cut off earlier than the publishers
    return table | {key: group[key] for key in ("qos", "keepalive") if key in group}


def _is_meant(group: Group, warhead: Warhead, name: str | None) -> bool:
    if name is not None:
        return group.name == name
    # options such as -r are for publishers; without any, all groups are meant
    return group.publishes or not warhead.publishing


def _is_from_option(location: Location, stated: Mapping[str, Any], changed: list[int]) -> bool:
    if location[:1] == ("group",) and len(location) > 1 and location[1] not in changed:
        return False
    table, key = _table_and_key(location)
    keys = {KEYS[name].key for name in stated if KEYS[name].table == table}
    return bool(keys) if table == "will" else key in keys or (key in SEVERAL and isinstance(stated.get("topic"), tuple))


def _flag(location: Location) -> str | None:
    return SURGE_FLAG if location[:1] == ("surge",) else FLAGS.get(_table_and_key(location))


def _table_and_key(location: Location) -> tuple[str, str]:
    """Return the table and the key of a place: ("group", 0, "will", "topic") is key `topic` of table `will`."""
    words = [part for part in location if isinstance(part, str)]
    return (words[-2], words[-1]) if len(words) > 1 else ("", words[0] if words else "")


def _thresholds(options: LoadOptions) -> tuple[Threshold, ...]:
    try:
        stated = [parse_fail_if(text) for text in options.get("fail_if", ())]
    except NotationError as error:
        raise WarheadError(f"--fail-if: {error.message}", error.remedy) from None
    try:
        stated += [allowed_stall(text) for text in (options.get("allow_stall"),) if text is not None]
    except NotationError as error:
        raise WarheadError(f"--allow-stall: {error.message}", error.remedy) from None
    return tuple(stated)
