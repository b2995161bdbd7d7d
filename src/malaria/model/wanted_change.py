"""Read what a person or a file wants to change in a running load: `+500`, `meters: rate=2/s`, `pause`.

The command `malaria steer`, the keys, the browser, HTTP and `[[change]]` in a warhead write the same texts. Without a
group a change concerns the only group that it fits, or all of them where the verb allows that; who carries it out
decides. Pure: no load is known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from malaria.units import NotationError, format_rate, format_things, parse_count, parse_rate

NOTATION: Final = (
    "write +500, -500, rate=2/s, pause, resume, cut 20%, cut 50, storm, end or stop; GROUP: before it names a group"
)
LONGEST: Final = 200
STAY_AWAY: Final = (
    "clients that are cut off would stay away, and their messages would never leave (reconnect = never)",
    "take clients away with -N, or let them connect again",
)
"""Why no connection can be broken, and what to do: (reason, remedy)."""
PART_DECIMALS: Final = 3
_PART_REMEDY: Final = "write cut 20% for a part, or storm for all"
_CUT: Final = re.compile(r"cut\s+(?:(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*%|([0-9 ,_]{1,15}))")


class Verb(StrEnum):
    """The kinds of change."""

    ADD = "add"
    REMOVE = "remove"
    RATE = "rate"
    PAUSE = "pause"  # nothing is due
    RESUME = "resume"
    CUT = "cut"  # break connections; their clients reconnect
    STORM = "storm"  # break every connection at once
    END = "end"  # end the present phase
    STOP = "stop"  # as Ctrl-C does


@dataclass(frozen=True, slots=True)
class WantedChange:
    """One change. `group` is None where the text names none; the figure that the verb needs is set, the others not."""

    verb: Verb
    group: str | None = None
    clients: int | None = None  # ADD, REMOVE, CUT
    part: Fraction | None = None  # CUT: of the clients, 0 < part <= 1
    interval: Fraction | None = None  # RATE: seconds between two messages of a client

    def __str__(self) -> str:
        """Return the text that `parse_change` reads back equal."""
        write = _TEXTS.get(self.verb)
        text = self.verb.value if write is None else write(self)
        return text if self.group is None else f"{self.group}: {text}"

    @property
    def in_words(self) -> str:
        """Return the change as people read it: `+500 clients`, `2 msg/s each`."""
        match self.verb:
            case Verb.ADD:
                return f"+{format_things(self.clients or 0, 'client')}"
            case Verb.REMOVE:
                return f"\N{MINUS SIGN}{format_things(self.clients or 0, 'client')}"
            case Verb.RATE if self.interval:
                return f"{format_rate(float(1 / self.interval), 'msg')} each"
            case Verb.CUT if self.part is not None:
                return f"disconnect {float(self.part * 100):g} %"
            case Verb.CUT:
                return f"disconnect {format_things(self.clients or 0, 'client')}"
            case Verb.STORM:
                return "reconnect storm"
            case _:
                return self.verb.value


_TEXTS: Final[Mapping[Verb, Callable[[WantedChange], str]]] = {
    Verb.ADD: lambda change: f"+{change.clients}",
    Verb.REMOVE: lambda change: f"-{change.clients}",
    Verb.RATE: lambda change: f"rate={1 / (change.interval or 1)}",
    Verb.CUT: lambda change: f"cut {change.clients}" if change.part is None else f"cut {float(change.part * 100):g}%",
}


def parse_change(text: str) -> WantedChange:
    """Read one change. Raises NotationError, which says what to write."""
    if len(text) > LONGEST:
        raise NotationError(f"a change has at most {LONGEST} characters", NOTATION)
    before, colon, after = text.partition(":")
    group, rest = (before.strip(), after.strip()) if colon else (None, text.strip())
    if group == "":
        raise NotationError(f"{text!r} names no group before the colon", NOTATION)
    for read in (_clients, _rate, _cut, _plain):
        change = read(rest, group)
        if change is not None:
            return change
    raise NotationError(f"{text!r} is not a change", NOTATION)


def _clients(text: str, group: str | None) -> WantedChange | None:
    if text[:1] not in ("+", "-", "\N{MINUS SIGN}"):
        return None
    count = parse_count(text[1:].strip())
    if count < 1:
        raise NotationError(f"{text!r} changes nothing", "give a number of clients from 1 on")
    return WantedChange(Verb.ADD if text[0] == "+" else Verb.REMOVE, group, clients=count)


def _rate(text: str, group: str | None) -> WantedChange | None:
    name, sign, value = text.partition("=")
    if not sign or name.strip() != "rate":
        return None
    per_s = parse_rate(value.strip())
    if per_s <= 0:
        raise NotationError(f"{text!r} would end the load of a client", "write pause, or a rate above 0")
    return WantedChange(Verb.RATE, group, interval=1 / per_s)


def _cut(text: str, group: str | None) -> WantedChange | None:
    found = _CUT.fullmatch(text)
    if found is None:
        return None
    percent, count = found.groups()
    if percent is None:
        clients = parse_count(count.strip())
        if clients < 1:
            raise NotationError(f"{text!r} changes nothing", "give a number of clients from 1 on")
        return WantedChange(Verb.CUT, group, clients=clients)
    part = Fraction(percent) / 100
    if not 0 < part <= 1:
        raise NotationError(f"{text!r} is not a part of the clients: it is above 0 % and up to 100 %", _PART_REMEDY)
    if len(percent.partition(".")[2]) > PART_DECIMALS:
        raise NotationError(f"{text!r} has more than {PART_DECIMALS} decimals", _PART_REMEDY)
    return WantedChange(Verb.CUT, group, part=part)


def _plain(text: str, group: str | None) -> WantedChange | None:
    if text.startswith("storm "):
        raise NotationError(f"{text!r} names a part: a storm breaks every connection", _PART_REMEDY)
    if text not in (Verb.PAUSE, Verb.RESUME, Verb.STORM, Verb.END, Verb.STOP):
        return None
    verb = Verb(text)
    if group is not None and verb in (Verb.END, Verb.STOP):
        raise NotationError(f"{text} concerns the whole load, not group {group}", f"write {text} alone")
    return WantedChange(verb, group)
