"""A warhead from options alone, and a warhead whose keys options override.

Promises: options win over the file; a fault names the option when an option said it, and the file when the file did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from malaria.errors import WarheadError
from malaria.model.completion import DEFAULT_TOPIC, wildcard
from malaria.model.faults import Location, key_path
from malaria.model.group import Group
from malaria.model.group_keys import Role
from malaria.model.surge import surge_table
from malaria.model.threshold import Threshold, parse_fail_if
from malaria.model.warhead import Warhead, to_table, validated
from malaria.units import NotationError

DEFAULT_CLIENTS: Final = {Role.PUBLISH: 10, Role.SUBSCRIBE: 1, Role.CONNECT: 10}
DEFAULT_DURATION: Final = "30s"
GROUP_NAMES: Final = {Role.PUBLISH: "publishers", Role.SUBSCRIBE: "subscribers", Role.CONNECT: "clients"}


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the command line says about the load, as it was written. None: nothing was said."""

    group: str | None = None
    clients: int | None = None
    interval: str | None = None
    rate: str | None = None
    arrival: str | None = None
    ramp: str | None = None
    rate_ramp: str | None = None
    qos: int | None = None
    retain: bool | None = None
    size: str | None = None
    payload: str | None = None
    messages: int | None = None
    topic: str | None = None
    inflight: int | None = None
    keepalive: str | None = None
    keep_session: bool | None = None
    client_id: str | None = None
    session_expiry: str | None = None
    topic_alias: bool | None = None
    message_expiry: str | None = None
    user_property: tuple[str, ...] | None = None
    will_topic: str | None = None
    will_payload: str | None = None
    will_qos: int | None = None
    will_retain: bool | None = None
    duration: str | None = None
    warmup: str | None = None
    drain: str | None = None
    connect_rate: str | None = None
    connects_in_progress: int | None = None
    connect_timeout: str | None = None
    seed: int | None = None
    source_address: tuple[str, ...] | None = None
    protocol: str | None = None
    header: tuple[str, ...] | None = None
    cafile: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool | None = None
    server_name: str | None = None
    tls_version: str | None = None
    ciphers: str | None = None
    no_resume: bool | None = None
    psk_file: str | None = None
    psk_identity: str | None = None
    psk: str | None = field(default=None, repr=False)
    credentials_file: str | None = None
    surge: tuple[str, ...] = ()
    fail_if: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """Where an option goes, how it is written on the command line, and what of the file it replaces."""

    table: str
    key: str
    flag: str
    replaces: tuple[str, ...] = ()
    read: Callable[[Any], Any] = lambda value: value


def _addresses(texts: tuple[str, ...]) -> list[str] | str:
    addresses = [address.strip() for text in texts for address in text.split(",")]
    return "auto" if addresses == ["auto"] else addresses


def _headers(texts: tuple[str, ...]) -> dict[str, str]:
    """`Name: value`, as curl has it."""
    for text in texts:
        if ":" not in text:
            raise WarheadError(f"--header: {text!r} is no header of HTTP", "write 'Name: value'")
    pairs = (text.partition(":") for text in texts)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _user_properties(texts: tuple[str, ...]) -> dict[str, list[str]]:
    """`name=value`; a name can come several times."""
    properties: dict[str, list[str]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        properties.setdefault(name.strip(), []).append(value.strip())
    return properties


KEYS: Final[Mapping[str, Key]] = {
    "clients": Key("group", "clients", "-c/--clients"),
    "interval": Key("group", "interval", "-I/--interval", ("rate",)),
    "rate": Key("group", "rate", "-r/--rate", ("interval",)),
    "arrival": Key("group", "arrival", "--arrival", ("jitter",)),
    "ramp": Key("group", "ramp", "--ramp"),
    "rate_ramp": Key("group", "rate_ramp", "--rate-ramp"),
    "qos": Key("group", "qos", "-q/--qos"),
    "retain": Key("group", "retain", "--retain"),
    "size": Key("group", "size", "-s/--size"),
    "payload": Key("group", "payload", "--payload", ("size", "header")),
    "messages": Key("group", "messages", "-n/--messages"),
    "topic": Key("group", "topic", "-t/--topic", ("filters",)),
    "inflight": Key("group", "inflight", "-F/--inflight"),
    "keepalive": Key("group", "keepalive", "-k/--keepalive"),
    "keep_session": Key("group", "clean_start", "--keep-session", read=lambda kept: not kept),
    "client_id": Key("group", "client_id", "--client-id"),
    "session_expiry": Key("group", "session_expiry", "--session-expiry"),
    "topic_alias": Key("group", "topic_alias", "--topic-alias"),
    "message_expiry": Key("group", "message_expiry", "--message-expiry"),
    "user_property": Key("group", "user_properties", "--user-property", read=_user_properties),
    "will_topic": Key("will", "topic", "--will-topic"),
    "will_payload": Key("will", "payload", "--will-payload"),
    "will_qos": Key("will", "qos", "--will-qos"),
    "will_retain": Key("will", "retain", "--will-retain"),
    "duration": Key("attack", "duration", "-d/--duration"),
    "warmup": Key("attack", "warmup", "--warmup"),
    "drain": Key("attack", "drain", "--drain"),
    "connect_rate": Key("attack", "connect_rate", "-R/--connect-rate"),
    "connects_in_progress": Key("attack", "connects_in_progress", "--connects-in-progress"),
    "connect_timeout": Key("attack", "connect_timeout", "--connect-timeout"),
    "seed": Key("attack", "seed", "--seed"),
    "source_address": Key("attack", "source_addresses", "--source-address", read=_addresses),
    "protocol": Key("attack", "protocol", "-V/--protocol"),
    "header": Key("target", "headers", "--header", read=_headers),
    "cafile": Key("target", "cafile", "--cafile"),
    "cert": Key("target", "cert", "--cert"),
    "key": Key("target", "key", "--key"),
    "insecure": Key("target", "insecure", "--insecure"),
    "server_name": Key("target", "server_name", "--server-name"),
    "tls_version": Key("target", "tls_version", "--tls-version"),
    "ciphers": Key("target", "ciphers", "--ciphers"),
    "no_resume": Key("target", "resume", "--no-resume", read=lambda refused: not refused),
    "psk_file": Key("target", "psk_file", "--psk-file"),
    "psk_identity": Key("target", "psk_identity", "--psk-identity"),
    "psk": Key("target", "psk", "--psk"),
    "credentials_file": Key("target", "credentials_file", "--credentials-file"),
}
"""Option -> its key. What is not here (`group`, `surge`, `fail_if`) is no key of a file."""

SURGE_FLAG: Final = "--surge"
FLAGS: Final = {(key.table, key.key): key.flag for key in KEYS.values()}


def build_warhead(options: LoadOptions, role: Role = Role.PUBLISH, *, subscriber: bool = False) -> Warhead:
    """One group of that role, as the options say; with `subscriber`, one client more that hears everything.

    Raises WarheadError that names the option.
    """
    if options.group is not None:
        raise WarheadError(f"--group {options.group}: there is no warhead to choose a group from", "give -w FILE too")
    said = _said(options)
    group = {"name": GROUP_NAMES[role], "role": str(role), "clients": DEFAULT_CLIENTS[role]} | _group_part(said, {})
    attack = dict(_part(said, "attack"))
    if "messages" not in group:
        attack.setdefault("duration", DEFAULT_DURATION)
    groups = [group, _listener(group)] if subscriber else [group]
    table = {
        "group": groups,
        "attack": attack,
        "target": _part(said, "target"),
        "surge": _surges(options, GROUP_NAMES[role]),
    }
    warhead = validated(table, lambda location: _flag(location) or key_path(location))
    return warhead.model_copy(update={"thresholds": _thresholds(options)})


def override(warhead: Warhead, options: LoadOptions, name: str = "warhead") -> Warhead:
    """The warhead with what the options say: about all publishing groups (all, if none publishes), or about `--group`.

    `name` is what errors call the file. Raises WarheadError.
    """
    said, table = _said(options), to_table(warhead)
    changed = [i for i, group in enumerate(warhead.groups) if _is_meant(group, warhead, options.group)]
    if not changed:
        names = ", ".join(group.name for group in warhead.groups)
        raise WarheadError(f"--group {options.group}: {name} has no such group", f"it has {names}")
    for i in changed:
        table["group"][i] = _group_part(said, table["group"][i])
    table["attack"] |= _part(said, "attack")
    table["target"] = table.get("target", {}) | _part(said, "target")
    if options.surge:
        table["surge"] = table.get("surge", []) + _surges(options, _one_of(warhead, changed, name))

    def place(location: Location) -> str:
        if _is_surge_of_file(location, warhead):
            return f"{name}: {key_path(location)}"
        flag = _flag(location) if location[:1] == ("surge",) or _is_said(location, said, changed) else None
        return flag or f"{name}: {key_path(location)}"

    overridden = validated(table, place)
    return overridden.model_copy(update={"thresholds": warhead.thresholds + _thresholds(options)})


def _surges(options: LoadOptions, group: str) -> list[dict[str, Any]]:
    """The tables of the surges that options ask for. Raises WarheadError."""
    try:
        return [{"group": group, **surge_table(text)} for text in options.surge]
    except NotationError as error:
        raise WarheadError(f"{SURGE_FLAG}: {error.message}", error.remedy) from None


def _one_of(warhead: Warhead, meant: list[int], name: str) -> str:
    """The one group that a surge can mean."""
    if len(meant) == 1:
        return warhead.groups[meant[0]].name
    names = ", ".join(warhead.groups[i].name for i in meant)
    raise WarheadError(f"{SURGE_FLAG}: {name} has several groups that it could add to: {names}",
                       "say which one with --group")  # fmt: skip


def _is_surge_of_file(location: Location, warhead: Warhead) -> bool:
    number = location[1] if location[:1] == ("surge",) and len(location) > 1 else None
    return isinstance(number, int) and number < len(warhead.surges)


def _said(options: LoadOptions) -> dict[str, Any]:
    """Option -> value, of those that were given."""
    values = {name: getattr(options, name) for name in KEYS}
    return {name: KEYS[name].read(value) for name, value in values.items() if value is not None}


def _part(said: Mapping[str, Any], table: str) -> dict[str, Any]:
    return {KEYS[name].key: value for name, value in said.items() if KEYS[name].table == table}


def _group_part(said: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """The table of a group with what was said in it, and without what that replaces."""
    replaced = {key for name in said if KEYS[name].table == "group" for key in KEYS[name].replaces}
    changed = {key: value for key, value in group.items() if key not in replaced} | _part(said, "group")
    will = _part(said, "will")
    return changed | {"will": {**changed.get("will", {}), **will}} if will else changed


def _listener(group: Mapping[str, Any]) -> dict[str, Any]:
    """One subscriber that hears all that the group publishes, so that loss, order and end-to-end latency are known."""
    filter_ = wildcard(str(group.get("topic", DEFAULT_TOPIC["publish"])))
    listener = {"name": GROUP_NAMES[Role.SUBSCRIBE], "role": "subscribe", "clients": 1, "topic": filter_}
    return listener | {key: group[key] for key in ("qos", "keepalive") if key in group}


def _is_meant(group: Group, warhead: Warhead, name: str | None) -> bool:
    if name is not None:
        return group.name == name
    return group.publishes or not warhead.publishing


def _is_said(location: Location, said: Mapping[str, Any], changed: list[int]) -> bool:
    if location[:1] == ("group",) and len(location) > 1 and location[1] not in changed:
        return False
    table, key = _table_and_key(location)
    keys = [KEYS[name] for name in said if KEYS[name].table == table]
    return bool(keys) if table == "will" else any(said_key.key == key for said_key in keys)


def _flag(location: Location) -> str | None:
    return SURGE_FLAG if location[:1] == ("surge",) else FLAGS.get(_table_and_key(location))


def _table_and_key(location: Location) -> tuple[str, str]:
    """("group", 0, "will", "topic") is key `topic` of table `will`."""
    words = [part for part in location if isinstance(part, str)]
    return (words[-2], words[-1]) if len(words) > 1 else ("", words[0] if words else "")


def _thresholds(options: LoadOptions) -> tuple[Threshold, ...]:
    try:
        return tuple(parse_fail_if(text) for text in options.fail_if)
    except NotationError as error:
        raise WarheadError(f"--fail-if: {error.message}", error.remedy) from None
