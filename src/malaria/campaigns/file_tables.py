"""The tables of a campaign file as they are written; `malaria.campaigns.definition` makes attacks of them.

Promises: what can be checked in one table alone is checked here; what needs the warhead too is checked there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from malaria.clock import NS_PER_S
from malaria.model.access import Access
from malaria.model.attack_table import Attack
from malaria.model.broker import BrokerTable, ListenerTable
from malaria.model.faults import KeyPathError
from malaria.model.fields import Count, DurationNs, Flag, ShareOfOne
from malaria.model.group import Group
from malaria.model.json_schema import WrittenAs
from malaria.model.observe import Observe, Perf, Prometheus
from malaria.model.planned_change import PlannedChange
from malaria.model.surge import Surge
from malaria.model.table import Table
from malaria.model.threshold import thresholds_schema
from malaria.model.warhead import KEYS as WARHEAD_KEYS
from malaria.model.warhead import Warhead, keys_of
from malaria.units import NotationError

LONGEST_NAME: Final = 80
MOST_PAIRS: Final = 1_000


class OnFail(StrEnum):
    """The choice between going on and stopping after a level that fails."""

    STOP = "stop"
    CONTINUE = "continue"


class SearchBy(StrEnum):
    """The figure that a search varies: the number of clients, or the messages per second of all of them."""

    CLIENTS = "clients"
    RATE = "rate"


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
type AttackKeys = Annotated[dict[str, Any], BeforeValidator(_table), WrittenAs(Attack)]
type SurgeKeys = Annotated[dict[str, Any], BeforeValidator(_table), WrittenAs(Surge, "SurgeKeys")]
type ChangeKeys = Annotated[dict[str, Any], BeforeValidator(_table), WrittenAs(PlannedChange)]
type ThresholdChanges = Annotated[
    dict[str, Any], BeforeValidator(_table), WithJsonSchema(thresholds_schema(removable=True))
]
type GroupChanges = Annotated[
    dict[str, dict[str, Any]],
    BeforeValidator(_tables),
    WrittenAs(
        Group,
        "GroupChanges",
        without=frozenset({"name"}),
        around=lambda group: {"type": "object", "additionalProperties": group},
    ),
]
type WarheadKeys = Annotated[
    str | dict[str, Any],
    BeforeValidator(_warhead),
    WrittenAs(Warhead, around=lambda warhead: {"anyOf": [{"type": "string"}, warhead]}),
]


class AttackChanges(Table):
    """The changes that a table makes to the attack above it. `clients` is for the only group that publishes."""

    clients: Count | None = None
    """Number of clients of the only group that publishes."""
    hold_ns: DurationNs | None = Field(default=None, alias="hold", gt=0)
    """How long the load is measured."""
    listener: Name | None = None
    """Name of the [[broker.listener]] that clients connect to."""
    target: Access | None = None
    """Changes to [target]. With a url, it replaces [target]."""
    attack: AttackKeys = Field(default_factory=dict)
    """Changes to [attack] of the warhead."""
    group: GroupChanges = Field(default_factory=dict)
    """Changes to groups of the warhead: group.NAME.KEY = VALUE."""
    thresholds: ThresholdChanges = Field(default_factory=dict)
    """Conditions that a passing run meets; false removes those of the figure."""

    @model_validator(mode="after")
    def _check_changes(self) -> Self:
        if self.hold_ns is not None and "duration" in self.attack:
            raise KeyPathError("hold", "cannot be used with attack.duration: both set the length", "remove one of them")
        for name, table in self.group.items():
            # levels, surges and the page find a group by its name
            if "name" in table:
                raise KeyPathError(("group", name, "name"), "cannot be changed here", "remove it")
        return self


class Defaults(AttackChanges):
    """The table `[defaults]`: the warhead of every level, as a file name or in tables, and changes to it."""

    warhead: WarheadKeys
    """The load of every level: the name of a file, or its tables."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        # two places for one table would need a rule which one wins
        if self.target is not None:
            raise KeyPathError("target", "cannot be in [defaults]", "write it as [target] at the top of the file")
        return self


class VariantTable(AttackChanges):
    """A `[[level.variant]]`: the same level again with changes, shown next to it."""

    name: Name
    """Heading of the variant, next to the level's."""
    note: str = ""
    """A remark for the reader."""


class LevelTable(AttackChanges):
    """A `[[level]]`: one attack, its surges, and its variants."""

    title: Name | None = None
    """Heading of the level."""
    note: str = ""
    """A remark for the reader."""
    surges: tuple[SurgeKeys, ...] = Field(default=(), alias="surge")
    """Surges of this level, in place of the warhead's."""
    changes: tuple[ChangeKeys, ...] = Field(default=(), alias="change")
    """Changes of the running load of this level, in place of the warhead's."""
    variants: tuple[VariantTable, ...] = Field(default=(), alias="variant")
    """A variant: the level again with changes."""
    observe: Observe = Observe()
    """Changes to [observe] for this level."""
    repeat: Annotated[int, Field(strict=True, ge=1, le=99)] = 1
    """Number of runs of this level and of each of its variants."""
    broker: BrokerTable | None = None
    """The broker of this level, in place of [broker]."""
    warhead: WarheadKeys | None = None
    """The load of this level, in place of that of [defaults]: the name of a file, or its tables."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [variant.name for variant in self.variants]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise KeyPathError(
                    ("variant", position, "name"), f"{name!r} is used twice", "give each variant its own name"
                )
        return self


class SearchTable(Table):
    """The table `[search]`: in place of levels, the greatest load that the target carries is looked for."""

    by: SearchBy = SearchBy.CLIENTS
    """The load: clients at their rate, or the rate of all clients in messages per second."""
    start: Count | None = Field(default=None, alias="from")
    """First load that is tried; without it, the load of the warhead."""
    greatest: Count | None = Field(default=None, alias="to")
    """Greatest load that is tried; without it, 100,000 clients or 1,000,000 messages per second."""
    width: ShareOfOne = 0.05
    """Distance between neighbouring loads, as a share of the smaller one."""
    holds: Annotated[int, Field(strict=True, ge=1, le=99)] = 3
    """Number of full holds that prove a load."""
    budget_ns: DurationNs | None = Field(default=None, alias="budget", gt=0)
    """Time for the whole search; without it, as long as it takes."""
    triggers: Annotated[tuple[ShareOfOne, ...], Field(alias="trigger")] = ()
    """Parts of the proven load at which the smallest surge is looked for that does not heal: ["50%", "90%"]."""
    heal_ns: DurationNs = Field(default=30 * NS_PER_S, alias="heal", gt=0)
    """Time in which a surge has to heal."""
    staircase: bool = True
    """Whether the search begins with a load that climbs until the target breaks, and comes down until it is well."""


class ComparisonTable(Table):
    """The table `[comparison]`: the two levels are run alternately, in pairs, and compared."""

    pairs: Annotated[int, Field(strict=True, ge=1, le=MOST_PAIRS)] = 8
    """Number of pairs."""
    band: ShareOfOne = 0.05
    """Difference that counts: less than this is the same."""
    fail_if_worse: Flag = False
    """FAIL if the second level is worse by at least the band."""


class CampaignFile(Table):
    """A campaign file as a whole."""

    title: Name
    """Heading of the page, one line."""
    note: str = ""
    """A remark for the reader."""
    on_fail: OnFail = OnFail.CONTINUE
    """The choice between going on and stopping after a level that fails."""
    target: Access = Access()
    """How clients reach the broker, and how they prove who they are."""
    broker: BrokerTable = BrokerTable()
    """How the broker is started, stopped and cleaned."""
    observe: Observe = Observe()
    """The observers of the target."""
    defaults: Defaults
    """The warhead, and changes to it for all levels."""
    levels: tuple[LevelTable, ...] = Field(default=(), alias="level", min_length=1)
    """The levels, one attack each, in their order."""
    search: SearchTable | None = None
    """A search for the greatest load that the target carries, in place of levels."""
    comparison: ComparisonTable | None = None
    """A comparison of the two levels, which are run alternately."""
    thresholds: ThresholdChanges = Field(default_factory=dict)
    """Conditions that a passing run meets, in place of the warhead's on the same figure."""

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        if self.search is None and not self.levels:
            raise KeyPathError("level", "is missing", "write at least one [[level]], or a [search]")
        if self.search is not None and self.levels:
            raise KeyPathError("search", "cannot be used with [[level]]: it chooses its loads", "remove one of them")
        if self.comparison is not None:
            self._check_sides()
        return self

    def _check_sides(self) -> None:
        """Raise KeyPathError unless there are two levels without variants, which are the sides of a comparison."""
        if len(self.levels) != 2:
            remedy = "write two [[level]]: what is compared, and what it is compared with"
            raise KeyPathError("comparison", f"needs two levels, and has {len(self.levels)}", remedy)
        for number, level in enumerate(self.levels):
            if level.variants:
                raise KeyPathError(("level", number, "variant"), "cannot be used with [comparison]", "remove it")


KEYS: Final[Mapping[str, frozenset[str]]] = dict(WARHEAD_KEYS) | {
    "": keys_of(CampaignFile),
    "broker": keys_of(BrokerTable),
    "listener": keys_of(ListenerTable),
    "defaults": keys_of(Defaults),
    "level": keys_of(LevelTable),
    "variant": keys_of(VariantTable),
    "surge": keys_of(Surge),
    "change": keys_of(PlannedChange),
    "search": keys_of(SearchTable),
    "comparison": keys_of(ComparisonTable),
    "observe": keys_of(Observe),
    "perf": keys_of(Perf),
    "prometheus": keys_of(Prometheus),
}
"""The keys of each table, as they are written."""
