"""A warhead: groups of clients, surges, settings, target and thresholds; read from TOML and written to it.

Promises: an impossible warhead is refused when it is read, with file, key path and remedy; what `to_toml` writes reads
back equal, except for secrets, which it never writes.
Does not promise that a payload file or function exists: `malaria.schedule.payload.load_source` finds out.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

import tomli_w
from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema, model_validator

from malaria.clock import NS_PER_S
from malaria.errors import WarheadError
from malaria.input_file import read_input_text
from malaria.model.access import FILES, Access
from malaria.model.attack_table import Attack
from malaria.model.completion import DEFAULT_SIZE, completed
from malaria.model.faults import SECRETS, KeyPathError, Location, explain, hidden_faults, key_path
from malaria.model.fields import (
    SOURCE_FILE,
    V5,
    interval_entry,
)
from malaria.model.group import Group
from malaria.model.group_conflicts import check_groups, check_protocol
from malaria.model.group_keys import WillTable
from malaria.model.old_warhead import is_old, old_table
from malaria.model.placeholders import literal
from malaria.model.planned_change import (
    ChangedLoad,
    PlannedChange,
    added_clients,
    change_keys,
    check_planned_changes,
    describe_planned_change,
    end_of,
)
from malaria.model.surge import Surge, check_surges, describe_surge
from malaria.model.table import Table
from malaria.model.threshold import Threshold, parse_threshold, thresholds_schema
from malaria.model.wanted_change import Verb
from malaria.mqtt.packets import Protocol
from malaria.units import NotationError, format_bytes, format_duration_ns, format_rate, format_things

LARGEST_FILE_BYTES: Final = 10**7
MOST_CHANGES_TOLD: Final = 5
"""Changes in the line that describes a load."""
SECRETS_LEFT_OUT: Final = (
    "# Passwords, keys and headers are not written here: put them back, or give MALARIA_PASSWORD or MALARIA_PSK.\n\n"
)


def _thresholds(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return tuple(_threshold(key, condition) for key, condition in flat_conditions(value, ""))


def flat_conditions(table: Mapping[str, Any], above: str) -> list[tuple[str, Any]]:
    """Flatten the tables that TOML makes of keys without quotes: `ack.p99 = "< 1s"` means `"ack.p99" = "< 1s"`."""
    pairs: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            pairs += flat_conditions(value, f"{above}{key}.")
        else:
            pairs += [(f"{above}{key}", one) for one in (value if isinstance(value, list | tuple) else [value])]
    return pairs


def _threshold(key: str, condition: Any) -> Threshold:
    try:
        return condition if isinstance(condition, Threshold) else parse_threshold(key, condition)
    except NotationError as error:
        raise KeyPathError(key, error.message, error.remedy) from None


class Warhead(Table):
    """A load: groups of clients, surges, settings of the attack, target and thresholds."""

    groups: tuple[Group, ...] = Field(default=(), alias="group")
    """Groups of clients that behave alike."""
    surges: tuple[Surge, ...] = Field(default=(), alias="surge")
    """Clients that are added to the running attack and taken away again."""
    changes: tuple[PlannedChange, ...] = Field(default=(), alias="change")
    """Changes of the running load at stated times: clients more or fewer, another rate, a pause, an end."""
    attack: Attack = Attack()
    """Settings of the whole attack."""
    target: Access = Access()
    """Address of the broker, TLS, and credentials of the clients."""
    thresholds: Annotated[tuple[Threshold, ...], BeforeValidator(_thresholds), WithJsonSchema(thresholds_schema())] = ()
    """Conditions that a passing run meets: "figure" = "operator limit", or a list of such texts."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.groups:
            raise KeyPathError("group", "there is no group of clients", "write a [[group]] table with name and clients")
        added = added_clients(self.changes, self.groups)
        check_groups(self.groups, [self.clients_of(group) + added.get(group.name, 0) for group in self.groups])
        for position, group in enumerate(self.groups):
            check_protocol(group, position, self.protocol_of(group))
        check_surges(self.surges, self.groups, self.attack)
        check_planned_changes(self.changes, ChangedLoad(self.groups, self.surges, self.attack))
        endless = [g.name for g in self.groups if g.publishes and g.messages is None]
        # without a duration the load ends with its last message, so there must be one
        if self.attack.duration_ns is None and (endless or not self.publishing):
            what = f"group {endless[0]} would publish" if endless else "the clients would stay"
            raise KeyPathError(("attack", "duration"), f"is missing, and {what} for ever", 'write duration = "30s"')
        return self

    def access_of(self, group: Group) -> Access:
        """Return how the clients of a group reach the broker: `[target]`, overridden by keys of the group."""
        return self.target.overridden(group.target)

    def protocol_of(self, group: Group) -> Protocol:
        """Return the MQTT version of a group."""
        return Protocol.V5 if (group.protocol or self.attack.protocol) == V5 else Protocol.V311

    @property
    def publishing(self) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if group.publishes)

    @property
    def counted(self) -> bool:
        """Return True if every publishing client has a number of messages, so that the load ends by itself."""
        return bool(self.publishing) and all(group.messages for group in self.publishing)

    @property
    def length_ns(self) -> int | None:
        """The time for which the load is measured: `duration`, or until a change ends it. None: to its last message."""
        ends = (self.attack.duration_ns, end_of(self.changes))
        return min((end_ns for end_ns in ends if end_ns is not None), default=None)

    def clients_of(self, group: Group) -> int:
        """Return the number of clients of a group, with those of its surges."""
        return group.clients + sum(surge.clients for surge in self.surges if surge.group == group.name)

    def dealt_to(self, group: Group) -> int:
        """Return for how many clients of a group names and keys are dealt: with its surges and its reserve."""
        return self.clients_of(group) + (group.reserve or 0)

    def with_credentials(self, username: str | None, password: str | None) -> Warhead:
        """Return the same warhead with these credentials in each group that states none."""
        if username is None:
            return self
        given = {"username": literal(username), "password": None if password is None else literal(password)}
        groups = tuple(g if g.username is not None else g.model_copy(update=given) for g in self.groups)
        return self.model_copy(update={"groups": groups})


# --- in ------------------------------------------------------------------------------------------------------------


def load_warhead(path: Path, duration: str | None = None, protocol: str | None = None) -> Warhead:
    """Read a warhead file, TOML or one of 2013. Paths in it are relative to its directory.

    `duration` is taken if the file does not say when the attack ends. With protocol "5" the file may hold keys of
    MQTT 5, whatever version it states. Raises WarheadError.
    """
    table = warhead_table(path)
    attack = table.setdefault("attack", {})
    # -V 5 must hold before the groups are checked, or their keys of MQTT 5 are refused
    if protocol == V5 and isinstance(attack, dict):
        attack["protocol"] = V5
    return _with_duration(table, str(path), duration)


OF_CAMPAIGN: Final = frozenset({"level", "campaign", "defaults", "search"})
"""Tables of a campaign file, which no warhead has."""


def warhead_table(path: Path) -> dict[str, Any]:
    """Return the tables of a warhead file, unchecked, with paths relative to the file's directory.

    Raises WarheadError for what is no file of tables.
    """
    text = _read(path)
    table = old_table(text, str(path)) if is_old(path.name) else _parsed(text, str(path))
    if OF_CAMPAIGN & table.keys() and "group" not in table:
        raise WarheadError(f"{path} is a campaign, and no warhead", f"write: malaria campaign {shlex.quote(str(path))}")
    anchor_files(table, path.parent)
    return table


def _read(path: Path) -> str:
    try:
        return read_input_text(path, LARGEST_FILE_BYTES)
    except FileNotFoundError:
        raise WarheadError(
            f"{path}: no such file", "give the path of a warhead; `malaria docs --copy .` puts examples here"
        ) from None
    except OSError as error:
        raise WarheadError(f"{path}: {error.strerror}", "give the path of a warhead file") from None
    except UnicodeDecodeError:
        raise WarheadError(
            f"{path} is not text in UTF-8", "a warhead is a TOML file; see `malaria docs warhead`"
        ) from None


def warhead_from_toml(
    text: str, name: str = "warhead", directory: Path | None = None, duration: str | None = None
) -> Warhead:
    """Read a warhead from text. Errors call it `name`; `duration` as in load_warhead. Raises WarheadError."""
    table = _parsed(text, name)
    if directory is not None:
        anchor_files(table, directory)
    return _with_duration(table, name, duration)


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    # tables nested by the thousand exhaust the parser's stack
    except (ValueError, RecursionError) as error:
        raise WarheadError(
            f"{name} is not TOML: {error}",
            "see `malaria docs warhead`, or start from `malaria docs examples/meters.toml`",
        ) from None


def _with_duration(table: dict[str, Any], name: str, duration: str | None) -> Warhead:
    attack = table.setdefault("attack", {})
    if duration is not None and isinstance(attack, dict):
        # the file's own duration wins: the option is put over it later, by `override`
        attack.setdefault("duration", duration)
    return validated(table, lambda location: f"{name}: {key_path(location)}" if location else name)


def validated(table: Mapping[str, Any], place: Callable[[Location], str]) -> Warhead:
    """Check a table and return its warhead. Raises WarheadError; `place` names a key to the operator."""
    try:
        return Warhead.model_validate(table)
    except ValidationError as error:
        hidden = hidden_faults(error, table, Warhead.model_validate)
        raise explain(error, place, KEYS, hidden=hidden) from None


def anchor_files(table: Mapping[str, Any], directory: Path) -> None:
    """Make the paths in the tables relative to `directory`."""
    groups = table.get("group")
    for group in groups if isinstance(groups, list) else ():
        payload = group.get("payload") if isinstance(group, dict) else None
        # wrong types are left for validation, which names their place
        if isinstance(payload, str) and payload.startswith(SOURCE_FILE):
            group["payload"] = f"{SOURCE_FILE}{directory / payload.removeprefix(SOURCE_FILE)}"
    for holder in (table, *(groups if isinstance(groups, list) else ())):
        target = holder.get("target") if isinstance(holder, dict) else None
        if isinstance(target, dict):
            target |= {key: str(directory / target[key]) for key in FILES if isinstance(target.get(key), str)}


def keys_of(table: type[Table]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in table.model_fields.items())


KEYS: Final[Mapping[str, frozenset[str]]] = {
    "": keys_of(Warhead),
    "group": keys_of(Group) | {"rate"},
    "surge": keys_of(Surge),
    "change": keys_of(PlannedChange),
    "attack": keys_of(Attack),
    "will": keys_of(WillTable),
    "target": keys_of(Access),
}
"""The keys of each table, as they are written."""


# --- out -----------------------------------------------------------------------------------------------------------


def to_toml(warhead: Warhead, directory: Path | None = None) -> str:
    """Write the warhead as a file, without keys that have their default. A comment says that secrets are left out.

    Paths that are relative to `directory` become absolute, for a file that is read elsewhere.
    """
    table = to_table(warhead)
    if directory is not None:
        anchor_files(table, directory)
    holders = [table.get("target", {}), *table["group"], *(group.get("target", {}) for group in table["group"])]
    secrets = [holder.pop(key, None) for holder in holders for key in SECRETS]
    return (SECRETS_LEFT_OUT if any(secrets) else "") + _file_text(table)


def _file_text(table: Mapping[str, Any]) -> str:
    """Write the tables of a file, each change and surge under a heading of its own, after all others."""
    # tomli_w writes short tables as one list of values, and at the top of the file
    apart = [(key, entry) for key in ("surge", "change") for entry in table.get(key, ())]
    rest = {key: value for key, value in table.items() if key not in ("surge", "change")}
    return "\n".join([tomli_w.dumps(rest), *(f"[[{key}]]\n{tomli_w.dumps(entry)}" for key, entry in apart)])


def to_table(warhead: Warhead) -> dict[str, Any]:
    """Return the tables of the file, passwords included. `validated` turns them into an equal warhead."""
    table: dict[str, Any] = {"attack": _stated(warhead.attack), "group": [_group_table(g) for g in warhead.groups]}
    if warhead.surges:
        table["surge"] = [_stated(surge) for surge in warhead.surges]
    if warhead.changes:
        table["change"] = change_keys(warhead.changes)
    if target := warhead.target.model_dump(exclude_unset=True, exclude_none=True):
        table["target"] = target
    thresholds: dict[str, list[str]] = {}
    for threshold in warhead.thresholds:
        thresholds.setdefault(threshold.key, []).append(threshold.condition)
    if thresholds:
        table["thresholds"] = {key: texts if len(texts) > 1 else texts[0] for key, texts in thresholds.items()}
    return table


def _stated(table: Table) -> dict[str, Any]:
    return table.model_dump(by_alias=True, exclude_defaults=True)


def _group_table(group: Group) -> dict[str, Any]:
    stated = _stated(group)
    table = {"name": group.name, "role": str(group.role), "clients": group.clients}
    if group.publishes:
        key, text = interval_entry(group.interval)
        # written even if it is the default: the stored file should show the load without a look at defaults
        table[key] = text
    if group.publishes or group.subscribes:
        table["qos"] = group.qos
    if group.publishes and group.generated:
        table["size"] = stated.get("size", int(DEFAULT_SIZE))
    # written only where it differs from what the other keys imply
    if group.header == completed(table | {"payload": group.payload})["header"]:
        stated.pop("header", None)
    else:
        table["header"] = group.header
    if group.subscribes and not group.publishes:
        # a subscriber has one of the two; reading fills in the other
        stated.pop("filters" if group.filters == (group.topic,) else "topic")
    if group.topics:
        stated.pop("topic")
    stated.pop("interval", None)
    stated.pop("target", None)
    if target := group.target.model_dump(exclude_unset=True, exclude_none=True):
        table["target"] = target
    return table | {key: _plain(value) for key, value in stated.items()}


def _plain(value: Any) -> Any:
    """Turn a value into one that TOML can write."""
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, StrEnum) else value


# --- in one line ---------------------------------------------------------------------------------------------------


def describe(warhead: Warhead) -> str:
    """Describe the load in one line: `3,000 clients · 500 B · QoS 1 · every 6 s · 10 min`."""
    publishing, duration_ns = warhead.publishing, warhead.length_ns
    parts = [_crowd(warhead)]
    if len(publishing) == 1:
        parts += [_size_text(publishing[0]), f"QoS {publishing[0].qos}", _pace_text(publishing[0])]
    elif publishing:
        parts += [_sum_text(publishing)]
    if len(publishing) == 1 and publishing[0].messages:
        parts += [f"{format_things(publishing[0].messages, 'message')} each"]
    parts += [format_duration_ns(duration_ns)] if duration_ns else []
    parts += [describe_surge(surge) for surge in warhead.surges]
    return " · ".join(parts + _change_texts(warhead.changes))


def _change_texts(changes: tuple[PlannedChange, ...]) -> list[str]:
    """Return the changes in words; of many, how many more there are. The end of the load is said as its length."""
    shown = [describe_planned_change(change) for change in changes if change.do.verb is not Verb.END]
    more = len(shown) - MOST_CHANGES_TOLD
    return [*shown[:MOST_CHANGES_TOLD], *([f"{format_things(more, 'more change')}"] if more > 0 else [])]


def _crowd(warhead: Warhead) -> str:
    listening = sum(g.clients for g in warhead.groups if g.subscribes and not g.publishes)
    others = sum(g.clients for g in warhead.groups) - listening
    heads = {"client": others, "subscriber": listening}
    return " + ".join(format_things(count, thing) for thing, count in heads.items() if count)


def _size_text(group: Group) -> str:
    if not group.generated:
        return group.payload
    return format_bytes(int(group.size)) if group.size.isdigit() else f"{group.size} B"


def _pace_text(group: Group) -> str:
    if group.closed_loop:
        return "as fast as possible" if not group.qos else f"as fast as a window of {group.inflight} allows"
    interval_ns = group.interval * NS_PER_S
    if interval_ns.denominator == 1:
        return f"every {format_duration_ns(int(interval_ns))}"
    return f"{format_rate(float(1 / group.interval), 'msg')} each"


def _sum_text(publishing: tuple[Group, ...]) -> str:
    count = f"{len(publishing)} publishing groups"
    if any(group.closed_loop for group in publishing):
        return f"{count} · as fast as possible"
    return f"{count} · {format_rate(float(sum(g.clients / g.interval for g in publishing)), 'msg')}"
