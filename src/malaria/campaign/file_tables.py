"""The tables of a campaign file as they are written; `malaria.campaign.definition` makes attacks of them.

Promises: what can be checked in one table alone is checked here; what needs the warhead too is checked there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from malaria.model.access import Access
from malaria.model.broker import BrokerTable, ListenerTable
from malaria.model.faults import KeyPathError
from malaria.model.fields import Count, DurationNs
from malaria.model.observe import Observe, Perf, Prometheus
from malaria.model.surge import Surge
from malaria.model.table import Table
from malaria.model.warhead import KEYS as WARHEAD_KEYS
from malaria.model.warhead import keys_of
from malaria.units import NotationError

LONGEST_NAME: Final = 80


class OnFail(StrEnum):
    """What happens after a level that fails."""

    STOP = "stop"
    CONTINUE = "continue"


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_NAME:
        raise NotationError(f"{text[:LONGEST_NAME]!r} is not a name", f"write one line, at most {LONGEST_NAME} long")
    return text


def _table(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise NotationError(f"{value!r} is not a table", "write its keys on lines below a [header], or in { }")
    return value


def _tables(value: Any) -> Any:
    if not isinstance(value, Mapping) or not all(isinstance(part, Mapping) for part in value.values()):
        raise NotationError("is not a table of groups", "write group.NAME.KEY = VALUE, or [level.group.NAME]")
    return value


def _warhead(value: Any) -> Any:
    if isinstance(value, str | Mapping) and value:
        return value
    raise NotationError(f"{value!r} is not a warhead", 'name a file, warhead = "meters.toml", or write its tables here')


type Name = Annotated[str, AfterValidator(_one_line)]
type Raw = Annotated[dict[str, Any], BeforeValidator(_table)]
type Groups = Annotated[dict[str, dict[str, Any]], BeforeValidator(_tables)]


class AttackChanges(Table):
    """The changes that a table makes to the attack above it. `clients` is for the only group that publishes."""

    clients: Count | None = None
    hold_ns: DurationNs | None = Field(default=None, alias="hold", gt=0)
    listener: Name | None = None
    target: Access | None = None
    attack: Raw = Field(default_factory=dict)
    group: Groups = Field(default_factory=dict)
    thresholds: Raw = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_changes(self) -> Self:
        if self.hold_ns is not None and "duration" in self.attack:
            raise KeyPathError("hold", "cannot be used with attack.duration: both set the length", "remove one of them")
        for name, table in self.group.items():
            if "name" in table:
                raise KeyPathError(("group", name, "name"), "cannot be changed here", "remove it")
        return self


class Defaults(AttackChanges):
    """The table `[defaults]`: the warhead of every level, as a file name or in tables, and changes to it."""

    warhead: Annotated[str | dict[str, Any], BeforeValidator(_warhead)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.target is not None:
            raise KeyPathError("target", "cannot be in [defaults]", "write it as [target] at the top of the file")
        return self


class VariantTable(AttackChanges):
    """A `[[level.variant]]`: the same level again with changes, shown next to it."""

    name: Name
    note: str = ""


class LevelTable(AttackChanges):
    """A `[[level]]`: one attack, its surges, and its variants."""

    title: Name | None = None
    note: str = ""
    surges: tuple[Raw, ...] = Field(default=(), alias="surge")
    variants: tuple[VariantTable, ...] = Field(default=(), alias="variant")
    observe: Observe = Observe()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [variant.name for variant in self.variants]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise KeyPathError(
                    ("variant", position, "name"), f"{name!r} is used twice", "give each variant its own name"
                )
        return self


class CampaignFile(Table):
    """A campaign file as a whole."""

    title: Name
    note: str = ""
    on_fail: OnFail = OnFail.CONTINUE
    target: Access = Access()
    broker: BrokerTable = BrokerTable()
    observe: Observe = Observe()
    defaults: Defaults
    levels: tuple[LevelTable, ...] = Field(alias="level", min_length=1)
    thresholds: Raw = Field(default_factory=dict)


KEYS: Final[Mapping[str, frozenset[str]]] = dict(WARHEAD_KEYS) | {
    "": keys_of(CampaignFile),
    "broker": keys_of(BrokerTable),
    "listener": keys_of(ListenerTable),
    "defaults": keys_of(Defaults),
    "level": keys_of(LevelTable),
    "variant": keys_of(VariantTable),
    "surge": keys_of(Surge),
    "observe": keys_of(Observe),
    "perf": keys_of(Perf),
    "prometheus": keys_of(Prometheus),
}
"""The keys of each table, as they are written."""
