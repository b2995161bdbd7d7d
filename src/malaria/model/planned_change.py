"""Changes of the running load that a warhead states: clients more or fewer, another rate, a pause, an end.

Promises: each names a group of the warhead or fits without one, comes before the load ends, and takes no more clients
away than there are. The notation is that of `malaria steer` (`malaria.model.wanted_change`), so that a session of
changes by hand can be stored as a warhead.
Does not promise that a change fits when its time comes: a hand may have changed the load before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from malaria.clock import NS_PER_S
from malaria.model.attack_table import Attack
from malaria.model.faults import KeyPathError
from malaria.model.fields import duration_text
from malaria.model.group import Group
from malaria.model.group_checks import LONGEST_INTERVAL_S
from malaria.model.surge import Surge
from malaria.model.table import Table
from malaria.model.wanted_change import STAY_AWAY, Verb, WantedChange, parse_change
from malaria.units import (
    DURATION_PATTERN,
    NotationError,
    format_clock,
    format_count,
    format_duration_ns,
    format_things,
    parse_duration_ns,
)

MOST_CHANGES: Final = 1000
"""As of surges: each is a mark in the charts."""
ONE_GROUP: Final = frozenset({Verb.ADD, Verb.REMOVE})
"""Changes that concern one group. The others concern all that they fit, if they name none."""


def _moment(value: Any) -> int:
    """Read a time that may lie before the measured time: `-2s`. Raises NotationError."""
    text = str(value).strip()
    if isinstance(value, bool) or not text.startswith("-"):
        return parse_duration_ns(value)
    return -parse_duration_ns(text[1:])


def _moment_text(moment_ns: int) -> str:
    return duration_text(moment_ns) if moment_ns >= 0 else f"-{duration_text(-moment_ns)}"


def _change(value: Any) -> WantedChange:
    if isinstance(value, WantedChange):
        return value
    if not isinstance(value, str):
        raise NotationError(f"{value!r} is not a change", 'write it in quotes: "+500", "rate=2/s", "pause"')
    return parse_change(value)


type MomentNs = Annotated[
    int, BeforeValidator(_moment), PlainSerializer(_moment_text),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^(?:-?{DURATION_PATTERN})$"}]}),
]  # fmt: skip
type ChangeText = Annotated[
    WantedChange, BeforeValidator(_change), PlainSerializer(str),
    WithJsonSchema({"type": "string"}),
]  # fmt: skip


class PlannedChange(Table):
    """A change of the running load at a stated time."""

    at_ns: MomentNs = Field(alias="at")
    """When it takes effect, counted from the beginning of the measured time; "-2s" is in the warm-up."""
    do: ChangeText
    """The change: "+500", "-500", "rate=2/s", "pause", "resume", "cut 20%", "cut 50", "storm" or "end"."""
    group: str | None = None
    """Group that is changed. Left out, the only group that the change fits."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.do.verb is Verb.STOP:
            raise KeyPathError("do", "'stop' is a change by hand alone", 'write "end": it ends the load')
        if self.group is None:
            return self
        if self.do.group is not None:
            raise KeyPathError("group", f"cannot be used with 'GROUP:' in do ({str(self.do)!r})", "remove one of them")
        if self.do.verb is Verb.END:
            raise KeyPathError("group", "cannot be used with 'end', which concerns the whole load", "remove it")
        return self

    @classmethod
    def at(cls, at_ns: int, wanted: WantedChange) -> PlannedChange:
        """Return the change `wanted` at a time."""
        return cls.model_construct(at_ns=at_ns, do=wanted, group=None)

    @property
    def wanted(self) -> WantedChange:
        """The change with its group, whichever key states it."""
        return self.do if self.group is None else replace(self.do, group=self.group)


def describe_planned_change(change: PlannedChange) -> str:
    """Describe a change, with its time as its mark shows it: `meters: +500 clients at 10:00`."""
    group = change.wanted.group
    before = "" if group is None else f"{group}: "
    return f"{before}{change.do.in_words} at {format_clock(change.at_ns / NS_PER_S)}"


def meant_group(wanted: WantedChange, groups: Sequence[Group]) -> Group | None:
    """Return the group that a change concerns; None if its name is unknown, or if it names none and several fit."""
    if wanted.group is not None:
        return next((group for group in groups if group.name == wanted.group), None)
    publishing = [group for group in groups if group.publishes]
    # the load that people mean is that of the publishers
    fitting = publishing if publishing or wanted.verb is Verb.RATE else groups
    return fitting[0] if len(fitting) == 1 else None


def added_clients(changes: Sequence[PlannedChange], groups: Sequence[Group]) -> dict[str, int]:
    """Return how many clients all changes together add to each group, by its name; those taken away count no less."""
    added: dict[str, int] = {}
    for change in changes:
        group = meant_group(change.wanted, groups)
        if change.do.verb is Verb.ADD and group is not None:
            added[group.name] = added.get(group.name, 0) + (change.do.clients or 0)
    return added


def end_of(changes: Sequence[PlannedChange]) -> int | None:
    """Return when the first change ends the load, counted like `at_ns`; None if none does."""
    return min((change.at_ns for change in changes if change.do.verb is Verb.END), default=None)


def rate_obstacle(group: Group) -> str:
    """Return the reason why the rate of a group cannot be changed while it runs; empty if it can be."""
    for applies, reason in (
        (not group.publishes, "publishes nothing"),
        (group.closed_loop, "is a closed loop: the broker sets its rate"),
        (group.messages is not None, "sends a stated number of messages"),
        (bool(group.rate_ramp_ns), "has a rate that grows by itself (rate_ramp)"),
    ):
        if applies:
            return reason
    return ""


# --- checks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangedLoad:
    """The load that changes are checked against."""

    groups: Sequence[Group]
    surges: Sequence[Surge]
    attack: Attack


def check_planned_changes(changes: Sequence[PlannedChange], load: ChangedLoad) -> None:
    """Raise KeyPathError for the first change that is impossible, and for more of them than can be followed."""
    if len(changes) > MOST_CHANGES:
        message = f"are {len(changes):,} changes; a load can have {MOST_CHANGES:,}"
        raise KeyPathError("change", message, "write a load that changes by itself as ramp, rate_ramp or surges")
    for number, check in _checks(changes, load):
        try:
            check()
        except KeyPathError as error:
            # the checks know one change; the place in the file is known here
            raise KeyPathError(("change", number, *error.path), error.message, error.remedy) from None


def _checks(changes: Sequence[PlannedChange], load: ChangedLoad) -> Iterator[tuple[int, Callable[[], None]]]:
    """Yield the checks with the number of their change; what depends on changes before goes in the order of time."""
    end_ns = end_of(changes)
    for number, change in enumerate(changes):
        yield number, partial(_check_group, change, load.groups)
        yield number, partial(_check_return, change, load.attack)
        yield number, partial(_check_time, change, load.attack, end_ns)
    counts: dict[str, int] = {group.name: group.clients for group in load.groups}
    for number, change in sorted(enumerate(changes), key=lambda pair: pair[1].at_ns):
        yield number, partial(_count, change, load, counts)


def _check_group(change: PlannedChange, groups: Sequence[Group]) -> None:
    wanted, names = change.wanted, ", ".join(group.name for group in groups)
    key = "group" if change.group is not None else "do"
    if wanted.verb is Verb.RATE:
        _check_rate(wanted, groups)
    group = meant_group(wanted, groups)
    if group is None:
        if wanted.group is not None:
            raise KeyPathError(key, f"there is no group {wanted.group!r}", f"the load has {names}")
        if wanted.verb in ONE_GROUP:
            raise KeyPathError("group", f"is missing: {wanted.in_words} fits several groups", f"the load has {names}")
        return
    if wanted.verb is Verb.ADD and group.has_one_id:
        raise KeyPathError(key, f"every client of {group.name} has the same id", "put {index} into its client_id")
    if wanted.verb is Verb.RATE and wanted.group is not None:
        _check_rate_of(group)


def _check_return(change: PlannedChange, attack: Attack) -> None:
    if change.do.verb in (Verb.CUT, Verb.STORM) and attack.reconnect_ns is None:
        raise KeyPathError("do", *STAY_AWAY)


def _check_rate_of(group: Group) -> None:
    if obstacle := rate_obstacle(group):
        message = f"the rate of group {group.name} cannot be changed: it {obstacle}"
        raise KeyPathError("do", message, "choose another group")


def _check_rate(wanted: WantedChange, groups: Sequence[Group]) -> None:
    publishing = [group for group in groups if group.publishes] or groups
    if wanted.group is None and all(rate_obstacle(group) for group in publishing):
        _check_rate_of(publishing[0])
    if wanted.interval is not None and wanted.interval > LONGEST_INTERVAL_S:
        longest = format_duration_ns(int(LONGEST_INTERVAL_S) * 10**9)
        raise KeyPathError("do", f"is less than one message in {longest}", 'write a higher rate, or "pause"')


def _check_time(change: PlannedChange, attack: Attack, end_ns: int | None) -> None:
    if change.do.verb is Verb.END and change.at_ns <= 0:
        raise KeyPathError("at", "nothing would be measured before this end", "write a time above 0")
    if change.at_ns < -attack.warmup_ns:
        begins = f"{format_duration_ns(attack.warmup_ns)} before" if attack.warmup_ns else "with it"
        raise KeyPathError("at", f"no load runs then: it begins {begins}", "write a later time")
    ends = [(attack.duration_ns, "the attack ends before: it lasts")]
    if change.do.verb is not Verb.END:
        ends += [(end_ns, 'another change, "end", ends the load before: at')]
    for limit_ns, words in ends:
        if limit_ns is not None and change.at_ns >= limit_ns:
            length = format_duration_ns(limit_ns)
            raise KeyPathError("at", f"{words} {length}", f"write a time before {length}")


def _count(change: PlannedChange, load: ChangedLoad, counts: dict[str, int]) -> None:
    """Count clients on from change to change. Raises KeyPathError where more leave than there can be.

    How many of a surge are left when it goes depends on who left before, so those of all surges so far count.
    """
    group = meant_group(change.wanted, load.groups)
    if group is None or change.do.clients is None or change.do.verb is Verb.CUT:
        return
    if change.do.verb is Verb.ADD:
        counts[group.name] += change.do.clients
        return
    there = counts[group.name] + sum(
        surge.clients for surge in load.surges if surge.group == group.name and surge.at_ns <= change.at_ns
    )
    if change.do.clients > there:
        message = f"{group.name} has {format_things(there, 'client')} then, and {format_count(change.do.clients)} leave"
        raise KeyPathError("do", message, f"write -{there} at most" if there else "remove this change")
    counts[group.name] -= change.do.clients


def change_keys(changes: Sequence[PlannedChange]) -> list[Mapping[str, Any]]:
    """Return the tables of a file that read back equal."""
    return [change.model_dump(by_alias=True, exclude_defaults=True) for change in changes]
