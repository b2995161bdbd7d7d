"""A campaign: an ordered list of levels, each of them one attack and its variants, complete and checked.

Promises: whatever is impossible is refused when the file is read, with file, key path and remedy, also what is
impossible only together with the warhead, so that no one waits two hours for the error of the last level. Relative
paths start at the directory of the file. Does not promise that files of keys exist, nor that a broker starts.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from malaria.campaigns.file_tables import (
    KEYS,
    AttackChanges,
    CampaignFile,
    ComparisonTable,
    LevelTable,
    OnFail,
    SearchTable,
)
from malaria.campaigns.layers import LayeredWarhead
from malaria.errors import CampaignError
from malaria.input_file import read_input_text
from malaria.model.access import FILES
from malaria.model.broker import LISTENER_FILES, BrokerTable
from malaria.model.faults import KeyPathError, Location, explain, key_path
from malaria.model.observe import Observe
from malaria.model.warhead import Warhead, anchor_files, validated, warhead_table
from malaria.units import format_count, format_duration_ns

LARGEST_FILE_BYTES: Final = 10**6
UNTIL_A_LEVEL_SAYS: Final = "3650d"
"""The warhead of a campaign needs no duration. Its surges are checked against the hold of each level."""
DOCUMENT: Final = "see `malaria docs campaign`"
OWNERS: Final = {"password": "username", "psk": "psk_identity"}
"""Secret -> the key that it belongs to."""
NONE_GIVEN: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Variant:
    """One attack of a level. `name` is empty for the level itself.

    `listener` names the `[[broker.listener]]` that it goes to; the target in the warhead then has no url.
    """

    name: str
    warhead: Warhead
    listener: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Level:
    """One level: the attack itself first, then its variants. `clients` counts those that publish, before any surge.

    `number` is its place in the file, from 1, whatever `--levels` leaves out.
    """

    number: int
    title: str
    clients: int
    attacks: tuple[Variant, ...]
    note: str
    observe: Observe
    broker: BrokerTable
    repeat: int = 1

    @property
    def name(self) -> str:
        """The name for `--levels` and of its run directory."""
        return f"level-{self.number}"

    @property
    def warhead(self) -> Warhead:
        return self.attacks[0].warhead


@dataclass(frozen=True, slots=True)
class Campaign:
    """A whole campaign. `left_out` has a sentence for the page about each part that an option removed.

    One with a `search` has a single level: the load that the search varies. One with a `comparison` has two: its sides.
    """

    name: str
    title: str
    note: str
    on_fail: OnFail
    broker: BrokerTable
    levels: tuple[Level, ...]
    left_out: tuple[str, ...] = ()
    search: SearchTable | None = None
    comparison: ComparisonTable | None = None


# --- in ------------------------------------------------------------------------------------------------------------


def load_campaign(path: Path, secrets: Mapping[str, str] = NONE_GIVEN) -> Campaign:
    """Read a campaign file. Raises OperatorError: CampaignError, or WarheadError for a fault of the warhead."""
    text = read_text(path)
    if "group" in (table := parsed(text, str(path), path.parent)) and "level" not in table:
        remedy = f"write: malaria attack TARGET -w {shlex.quote(str(path))}"
        raise CampaignError(f"{path} is a warhead, and no campaign", remedy)
    return campaign_from_toml(text, str(path), path.parent, secrets)


def read_text(path: Path) -> str:
    """Return the text of a campaign file. Raises CampaignError if it cannot be read."""
    try:
        return read_input_text(path, LARGEST_FILE_BYTES)
    except FileNotFoundError:
        raise CampaignError(f"{path}: no such file", f"give the path of a campaign; {DOCUMENT}") from None
    except OSError as error:
        raise CampaignError(f"{path}: {error.strerror}", "give the path of a campaign file") from None
    except UnicodeDecodeError:
        raise CampaignError(f"{path} is not UTF-8 text", f"a campaign is a TOML file; {DOCUMENT}") from None


def campaign_from_toml(
    text: str, name: str = "campaign", directory: Path = Path(), secrets: Mapping[str, str] = NONE_GIVEN
) -> Campaign:
    """Read a campaign from text. `name` is the file name in errors. Raises as `load_campaign` does.

    `secrets` may have a `password` (a template) and a `psk`, for a [target] with a user or an identity but no secret.
    """
    table = parsed(text, name, directory)
    # before validation: an identity without its key would be refused
    common = table.get("target")
    _fill_in(common, secrets)
    for level in _dicts(table.get("level")):
        _fill_in(level.get("target"), secrets, above=common if isinstance(common, dict) else {})
    place = places(name)
    try:
        file = CampaignFile.model_validate(table)
    except ValidationError as error:
        raise explain(error, place, KEYS, CampaignError) from None
    base = _base(file, directory, place)
    tables = file.levels or (LevelTable(),)
    levels = tuple(
        _level(file, number, table, base if table.warhead is None else _base(file, directory, place, number))
        for number, table in enumerate(tables)
    )
    return Campaign(
        name,
        file.title,
        file.note,
        file.on_fail,
        file.broker,
        levels,
        search=file.search,
        comparison=file.comparison,
    )


def parsed(text: str, name: str, directory: Path) -> dict[str, Any]:
    """Return the tables unchecked, with their paths made absolute from `directory`. Raises CampaignError."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CampaignError(
            f"{name} is not TOML: {error}", f"{DOCUMENT}, or start from `malaria docs campaigns/500bytes-6s.toml`"
        ) from None
    _anchor(table, directory)
    return table


def _fill_in(target: Any, secrets: Mapping[str, str], above: Mapping[str, Any] = NONE_GIVEN) -> None:
    """Add to the table of a target the secrets that belong to it and are neither in it nor in the one `above` it."""
    if isinstance(target, dict):
        wanted = {secret: secrets[secret] for secret, owner in OWNERS.items() if owner in target and secret in secrets}
        target |= {secret: value for secret, value in wanted.items() if secret not in target and secret not in above}


def places(name: str, above: Location = ()) -> Callable[[Location], str]:
    """Return what names a key to the operator: file and key path, below the tables `above`."""
    return lambda location: f"{name}: {key_path((*above, *location))}" if (*above, *location) else name


def _anchor(table: dict[str, Any], directory: Path) -> None:
    """Make the paths on this host absolute, from the directory of the file."""
    levels = _dicts(table.get("level"))
    variants = [variant for level in levels for variant in _dicts(level.get("variant"))]
    for holder in (table, *levels, *variants):
        _anchor_keys(holder.get("target"), FILES, directory)
        _anchor_keys(holder.get("observe"), ("ssh_config",), directory)
    for holder in (table, *levels):
        _anchor_broker(holder.get("broker"), directory)
    for loaded in (table.get("defaults"), *levels):
        if isinstance(loaded, dict) and isinstance(loaded.get("warhead"), dict):
            anchor_files(loaded["warhead"], directory)


def _anchor_broker(broker: Any, directory: Path) -> None:
    if not isinstance(broker, dict):
        return
    # on another host these are paths there
    here = () if "ssh" in broker else ("config", "persistence")
    _anchor_keys(broker, ("ssh_config", *here), directory)
    for listener in _dicts(broker.get("listener")):
        _anchor_keys(listener, LISTENER_FILES, directory)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _anchor_keys(table: Any, keys: Sequence[str], directory: Path) -> None:
    if not isinstance(table, dict):
        return
    for key in keys:
        if isinstance(table.get(key), str):
            table[key] = str(directory.absolute() / table[key])
        elif isinstance(table.get(key), list):
            table[key] = [str(directory.absolute() / part) if isinstance(part, str) else part for part in table[key]]


# --- from the warhead to the levels --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Base:
    """The attack that every level starts from, and what names the keys of both files to the operator."""

    layered: LayeredWarhead
    of_warhead: Callable[[Location], str]
    of_campaign: Callable[[Location], str]


def _base(file: CampaignFile, directory: Path, place: Callable[[Location], str], number: int | None = None) -> _Base:
    """Return what the levels start from, or the level of this number, which has a warhead of its own."""
    own = None if number is None else file.levels[number].warhead
    written: str | dict[str, Any] = file.defaults.warhead if own is None else own
    at: Location = ("defaults", "warhead") if own is None else ("level", number or 0, "warhead")
    if isinstance(written, str):
        of_warhead = places(str(directory / written))
        table = warhead_table(directory / written)
    else:
        of_warhead = lambda location: place((*at, *location))  # noqa: E731
        table = dict(written)
    attack = table.get("attack", {})
    # an `attack` that is no table stays as it is: the validation below refuses it by name
    whole = table | {"attack": {"duration": UNTIL_A_LEVEL_SAYS} | attack} if isinstance(attack, dict) else table
    warhead = validated(whole, of_warhead)
    layered = LayeredWarhead(table, warhead.target)
    base = _Base(layered, of_warhead, place)
    # an empty [target] must not hide the url of the warhead
    layered.set_target(file.target if file.target.model_fields_set else None, None, ())
    layered.set_thresholds(file.thresholds, ("thresholds",))
    _change(base, layered, file.defaults, ("defaults",))
    return base


def _change(base: _Base, layered: LayeredWarhead, changes: AttackChanges, at: Location) -> None:
    """Apply one layer of changes. Raises CampaignError."""
    try:
        if changes.clients is not None:
            layered.set_clients(changes.clients, (*at, "clients"))
        if changes.hold_ns is not None:
            layered.set_hold(changes.hold_ns, (*at, "hold"))
        layered.set_attack(changes.attack, (*at, "attack"))
        for name, keys in changes.group.items():
            layered.set_group(name, keys, (*at, "group", name))
        layered.set_thresholds(changes.thresholds, (*at, "thresholds"))
        layered.set_target(changes.target, changes.listener, at)
    except KeyPathError as error:
        raise CampaignError(f"{base.of_campaign(error.path)}: {error.message}", error.remedy) from None


def _level(file: CampaignFile, number: int, table: LevelTable, base: _Base) -> Level:
    at: Location = ("level", number)
    layered = base.layered.fork()
    _change(base, layered, table, at)
    if table.surges:
        layered.set_surges(table.surges, (*at, "surge"))
    if table.changes:
        layered.set_changes(table.changes, (*at, "change"))
    broker = table.broker or file.broker
    attacks = [_attack(broker, base, layered, at)]
    for position, variant in enumerate(table.variants):
        # each variant changes the level, not the variant before it
        branch, where = layered.fork(), (*at, "variant", position)
        _change(base, branch, variant, where)
        attacks.append(replace(_attack(broker, base, branch, where), name=variant.name, note=variant.note))
    clients = _clients(attacks[0].warhead)
    stated = {key: getattr(table.observe, key) for key in table.observe.model_fields_set}
    observe = file.observe.model_copy(update=stated)
    # the error names the table that says it: the level, or the top of the file
    owner: Location = at if "perf" in stated else ()
    _check_perf(observe, attacks[0].warhead, base.of_campaign((*owner, "observe", "perf", "at")))
    title = table.title or _title(attacks[0].warhead)
    return Level(number + 1, title, clients, tuple(attacks), table.note, observe, broker, table.repeat)


def _check_perf(observe: Observe, warhead: Warhead, place: str) -> None:
    hold_ns = warhead.length_ns
    if observe.perf is not None and hold_ns is not None and observe.perf.at_ns >= hold_ns:
        length = format_duration_ns(hold_ns)
        raise CampaignError(f"{place}: the level is over by then: it lasts {length}", f"write a time before {length}")


def _attack(broker: BrokerTable, base: _Base, layered: LayeredWarhead, at: Location) -> Variant:
    def place(location: Location) -> str:
        origin = layered.origin(location)
        if origin is not None:
            return base.of_campaign(origin)
        # the level lacks a hold: the warhead of a campaign needs no duration
        if location == ("attack", "duration"):
            return base.of_campaign((*at, "hold"))
        return base.of_warhead(location)

    warhead = validated(layered.finished(), place)
    listener = layered.listener
    try:
        _check_target(broker, warhead, listener)
    except KeyPathError as error:
        raise CampaignError(f"{base.of_campaign((*at, *error.path))}: {error.message}", error.remedy) from None
    return Variant("", warhead, listener, "")


def _check_target(broker: BrokerTable, warhead: Warhead, listener: str | None) -> None:
    """Check that an attack has either a url or a listener of the broker that the campaign configures."""
    url = warhead.target.url
    if listener is None:
        if url is None and not broker.tells_its_url:
            raise KeyPathError(("target", "url"), "is missing", 'write url = "mqtt://host" in [target]')
        return
    if url is not None:
        raise KeyPathError(
            "listener", "cannot be used with the url of a target: both set the address", "remove one of them"
        )
    names = [one.name for one in broker.listeners]
    if listener not in names:
        known = (
            f"its listeners: {', '.join(names)}" if names else 'write a [[broker.listener]], with kind = "mosquitto"'
        )
        raise KeyPathError("listener", f"the broker has no listener {listener!r}", known)


def _clients(warhead: Warhead) -> int:
    # the levels of a campaign differ in those that publish; a warhead may have none
    return sum(group.clients for group in warhead.publishing or warhead.groups)


def _title(warhead: Warhead) -> str:
    """Return a title from clients and surges, without times, which `--hold` changes."""
    surges = [f"+{format_count(surge.clients)}" for surge in warhead.surges]
    return ", ".join([f"{format_count(_clients(warhead))} clients", *surges])
