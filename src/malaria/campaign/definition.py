"""A campaign: an ordered list of levels, each of them one attack and its variants, complete and checked.

Promises: whatever is impossible is refused when the file is read, with file, key path and remedy, also what is
impossible only beside the warhead: nobody waits two hours for the fault of the last level. Paths are seen from where
the file lies. Does not promise that files of keys are there, nor that a broker starts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from malaria.campaign.composition import Composition
from malaria.campaign.file_tables import KEYS, CampaignFile, Changes, OnFail
from malaria.errors import CampaignError
from malaria.model.access import FILES
from malaria.model.broker import LISTENER_FILES, BrokerTable
from malaria.model.faults import KeyPathError, Location, explain, key_path
from malaria.model.observe import Observe
from malaria.model.warhead import Warhead, anchor_files, validated, warhead_table
from malaria.units import format_bytes, format_count, format_duration_ns

LARGEST_FILE_BYTES: Final = 10**6
UNTIL_A_LEVEL_SAYS: Final = "3650d"
"""A warhead of a campaign need not say when it ends. Whether its surges lie within a level's hold is seen there."""
DOCUMENT: Final = "see docs/campaign.md"
WHOSE: Final = {"password": "username", "psk": "psk_identity"}
"""What a secret belongs to."""
NO_SECRETS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Variant:
    """One attack of a level. `name` is empty for the level itself. `listener`: which of our broker's it goes to.

    The target in the warhead lacks its url when the attack goes to a listener of our broker.
    """

    name: str
    warhead: Warhead
    listener: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Level:
    """One step: the attack itself first, then its variants. `clients` counts those who publish, before any surge.

    `number` is its place in the file, from 1, whatever is left out.
    """

    number: int
    title: str
    clients: int
    attacks: tuple[Variant, ...]
    note: str
    observe: Observe

    @property
    def name(self) -> str:
        """What `--levels` and the directory of its run call it."""
        return f"level-{self.number}"

    @property
    def warhead(self) -> Warhead:
        return self.attacks[0].warhead


@dataclass(frozen=True, slots=True)
class Campaign:
    """The whole. `left_out` names what an option took away, one sentence each, for the page."""

    name: str
    title: str
    note: str
    on_fail: OnFail
    broker: BrokerTable
    levels: tuple[Level, ...]
    left_out: tuple[str, ...] = ()


# --- in ------------------------------------------------------------------------------------------------------------


def load_campaign(path: Path, secrets: Mapping[str, str] = NO_SECRETS) -> Campaign:
    """Reads a campaign file. Raises OperatorError: CampaignError, or WarheadError for a fault of the warhead."""
    return campaign_from_toml(read_text(path), str(path), path.parent, secrets)


def read_text(path: Path) -> str:
    """The text of a campaign file. Raises CampaignError where there is none."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise CampaignError(f"{path} is too large for a campaign", f"at most {format_bytes(LARGEST_FILE_BYTES)}")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CampaignError(f"{path}: no such file", f"give the path of a campaign; {DOCUMENT}") from None
    except OSError as error:
        raise CampaignError(f"{path}: {error.strerror}", "give the path of a file that can be read") from None
    except UnicodeDecodeError:
        raise CampaignError(f"{path} is no text in UTF-8", f"a campaign is a TOML file; {DOCUMENT}") from None


def campaign_from_toml(
    text: str, name: str = "campaign", directory: Path = Path(), secrets: Mapping[str, str] = NO_SECRETS
) -> Campaign:
    """Reads a campaign from text. `name` is what errors call it. Raises as `load_campaign` does.

    `secrets` are a `password` and a `psk`, for a [target] that names a user or an identity and says none.
    """
    table = parsed(text, name, directory)
    _fill_in(table.get("target"), secrets)
    place = places(name)
    try:
        file = CampaignFile.model_validate(table)
    except ValidationError as error:
        raise explain(error, place, KEYS, CampaignError) from None
    base = _base(file, directory, place)
    levels = tuple(_level(file, number, base) for number in range(len(file.levels)))
    return Campaign(name, file.title, file.note, file.on_fail, file.broker, levels)


def parsed(text: str, name: str, directory: Path) -> dict[str, Any]:
    """The tables as they are written, unchecked, their paths seen from `directory`. Raises CampaignError."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CampaignError(f"{name} is no TOML: {error}", f"{DOCUMENT}, or start from campaigns/") from None
    _anchor(table, directory)
    return table


def _fill_in(target: Any, secrets: Mapping[str, str]) -> None:
    if isinstance(target, dict):
        wanted = {secret: secrets[secret] for secret, whose in WHOSE.items() if whose in target and secret in secrets}
        target |= {secret: value for secret, value in wanted.items() if secret not in target}


def places(name: str, above: Location = ()) -> Callable[[Location], str]:
    """How keys are named to the operator, those in tables below `above` too."""
    return lambda location: f"{name}: {key_path((*above, *location))}" if (*above, *location) else name


def _anchor(table: dict[str, Any], directory: Path) -> None:
    """Paths on this host are seen from where the file lies."""
    levels = _dicts(table.get("level"))
    variants = [variant for level in levels for variant in _dicts(level.get("variant"))]
    for holder in (table, *levels, *variants):
        _anchor_keys(holder.get("target"), FILES, directory)
        _anchor_keys(holder.get("observe"), ("ssh_config",), directory)
    broker = table.get("broker")
    if isinstance(broker, dict):
        here = () if "ssh" in broker else ("config", "persistence")
        _anchor_keys(broker, ("ssh_config", *here), directory)
        for listener in _dicts(broker.get("listener")):
            _anchor_keys(listener, LISTENER_FILES, directory)
    defaults = table.get("defaults")
    if isinstance(defaults, dict) and isinstance(defaults.get("warhead"), dict):
        anchor_files(defaults["warhead"], directory)


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
    """What every level begins with, and how the keys of the warhead and of the campaign are named to the operator."""

    composition: Composition
    of_warhead: Callable[[Location], str]
    of_campaign: Callable[[Location], str]


def _base(file: CampaignFile, directory: Path, place: Callable[[Location], str]) -> _Base:
    written = file.defaults.warhead
    if isinstance(written, str):
        of_warhead = places(str(directory / written))
        table = warhead_table(directory / written)
    else:
        of_warhead = lambda location: place(("defaults", "warhead", *location))  # noqa: E731
        table = dict(written)
    whole = table | {"attack": {"duration": UNTIL_A_LEVEL_SAYS} | table.get("attack", {})} if isinstance(
        table.get("attack", {}), dict) else table  # fmt: skip
    warhead = validated(whole, of_warhead)
    composition = Composition(table, warhead.target)
    base = _Base(composition, of_warhead, place)
    composition.set_way(file.target if file.target.model_fields_set else None, None, ())
    composition.set_thresholds(file.thresholds, ("thresholds",))
    _change(base, composition, file.defaults, ("defaults",))
    return base


def _change(base: _Base, composition: Composition, changes: Changes, at: Location) -> None:
    """One layer. Raises CampaignError."""
    try:
        if changes.clients is not None:
            composition.set_clients(changes.clients, (*at, "clients"))
        if changes.hold_ns is not None:
            composition.set_hold(changes.hold_ns, (*at, "hold"))
        composition.set_attack(changes.attack, (*at, "attack"))
        for name, keys in changes.group.items():
            composition.set_group(name, keys, (*at, "group", name))
        composition.set_thresholds(changes.thresholds, (*at, "thresholds"))
        composition.set_way(changes.target, changes.listener, at)
    except KeyPathError as error:
        raise CampaignError(f"{base.of_campaign(error.path)}: {error.message}", error.remedy) from None


def _level(file: CampaignFile, number: int, base: _Base) -> Level:
    table = file.levels[number]
    at: Location = ("level", number)
    composition = base.composition.fork()
    _change(base, composition, table, at)
    if table.surges:
        composition.set_surges(table.surges, (*at, "surge"))
    attacks = [_attack(file, base, composition, at)]
    for position, variant in enumerate(table.variants):
        further, where = composition.fork(), (*at, "variant", position)
        _change(base, further, variant, where)
        attacks.append(replace(_attack(file, base, further, where), name=variant.name, note=variant.note))
    clients = _clients(attacks[0].warhead)
    said = {key: getattr(table.observe, key) for key in table.observe.model_fields_set}
    observe = file.observe.model_copy(update=said)
    whose: Location = at if "perf" in said else ()
    _check_perf(observe, attacks[0].warhead, base.of_campaign((*whose, "observe", "perf", "at")))
    title = table.title or _title(attacks[0].warhead)
    return Level(number + 1, title, clients, tuple(attacks), table.note, observe)


def _check_perf(observe: Observe, warhead: Warhead, place: str) -> None:
    hold_ns = warhead.attack.duration_ns
    if observe.perf is not None and hold_ns is not None and observe.perf.at_ns >= hold_ns:
        length = format_duration_ns(hold_ns)
        raise CampaignError(f"{place}: the level is over then: it lasts {length}", f"write a time before {length}")


def _attack(file: CampaignFile, base: _Base, composition: Composition, at: Location) -> Variant:
    def place(location: Location) -> str:
        origin = composition.origin(location)
        if origin is not None:
            return base.of_campaign(origin)
        if location == ("attack", "duration"):
            return base.of_campaign((*at, "hold"))
        return base.of_warhead(location)

    warhead = validated(composition.finished(), place)
    listener = composition.listener
    try:
        _check_way(file.broker, warhead, listener)
    except KeyPathError as error:
        raise CampaignError(f"{base.of_campaign((*at, *error.path))}: {error.message}", error.remedy) from None
    return Variant("", warhead, listener, "")


def _check_way(broker: BrokerTable, warhead: Warhead, listener: str | None) -> None:
    """A url, or a listener of a broker that we configure, and not both."""
    url = warhead.target.url
    if listener is None:
        if url is None and not broker.tells_its_url:
            raise KeyPathError(("target", "url"), "is missing", 'write url = "mqtt://host" in [target]')
        return
    if url is not None:
        raise KeyPathError("listener", "stands beside the url of a target, and both say where to", "leave one out")
    names = [one.name for one in broker.listeners]
    if listener not in names:
        known = f"it has {', '.join(names)}" if names else 'write a [[broker.listener]], with kind = "mosquitto"'
        raise KeyPathError("listener", f"the broker has no listener {listener!r}", known)


def _clients(warhead: Warhead) -> int:
    return sum(group.clients for group in warhead.publishing or warhead.groups)


def _title(warhead: Warhead) -> str:
    """No times in it: `--hold` changes them."""
    surges = [f"+{format_count(surge.clients)}" for surge in warhead.surges]
    return ", ".join([f"{format_count(_clients(warhead))} clients", *surges])
