"""Clients that are added to a running attack, and taken away again.

Promises: a surge names a group of the warhead, begins before the attack ends, and has all its clients
connected before they leave. They are further clients of that group: their indices continue after the group's own, and
after those of its earlier surges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from pydantic import Field

from malaria.clock import NS_PER_S
from malaria.model.attack_table import Attack
from malaria.model.faults import KeyPathError
from malaria.model.fields import Count, DurationNs
from malaria.model.group import Group
from malaria.model.table import Table
from malaria.units import NotationError, format_clock, format_count, format_duration_ns, format_things

_COUNT: Final = re.compile(r"\s*[0-9]{1,12}\s*")
MOST_SURGES: Final = 1000
"""Each is reported ten times a second by every worker, and judged by itself."""
NOTATION: Final = "write clients@at+hold, such as 500@10m+5m; without +hold they stay to the end"


class Surge(Table):
    """Clients that are added to the running attack. Without `hold_ns` they stay to the end."""

    group: str
    """Group that the clients are added to."""
    clients: Count
    """Number of clients that are added."""
    at_ns: DurationNs = Field(alias="at")
    """When they are added, counted from the beginning of the measured time."""
    hold_ns: DurationNs | None = Field(default=None, alias="hold")
    """How long until they are taken away again. Left out, they stay to the end."""
    ramp_ns: DurationNs = Field(default=0, alias="ramp")
    """Time over which they come in, one by one."""

    @property
    def leave_ns(self) -> int | None:
        """Return when the clients leave, counted like `at_ns`, or None."""
        return None if self.hold_ns is None else self.at_ns + self.hold_ns


def surge_table(text: str) -> dict[str, Any]:
    """Read `500@10s+20s` into the keys of a surge. Raises NotationError."""
    clients, sign, times = text.partition("@")
    at, plus, hold = times.partition("+")
    if not sign or not _COUNT.fullmatch(clients) or not at.strip() or (plus and not hold.strip()):
        raise NotationError(f"{text[:80]!r} is not a surge", NOTATION)
    table: dict[str, Any] = {"clients": int(clients), "at": at.strip()}
    return table | ({"hold": hold.strip()} if plus else {})


def describe_surge(surge: Surge) -> str:
    """Describe a surge, with its time as its mark shows it: `+500 clients at 10:00 for 5 min`."""
    hold = "" if surge.hold_ns is None else f" for {format_duration_ns(surge.hold_ns)}"
    return f"+{format_things(surge.clients, 'client')} at {format_clock(surge.at_ns / NS_PER_S)}{hold}"


# --- checks --------------------------------------------------------------------------------------------------------


def check_surges(surges: Sequence[Surge], groups: Sequence[Group], attack: Attack) -> None:
    """Raise KeyPathError for the first surge that is impossible, and for more of them than can be followed."""
    if len(surges) > MOST_SURGES:
        message = f"are {len(surges):,} surges; a load can have {MOST_SURGES:,}"
        raise KeyPathError("surge", message, "put clients that come together into one surge, with ramp")
    by_name = {group.name: group for group in groups}
    for number, surge in enumerate(surges):
        try:
            _check_group(surge, by_name)
            _check_times(surge, attack.duration_ns)
            _check_pace(surge, attack.connect_rate)
        except KeyPathError as error:
            # the checks below know one surge; the place in the file is known here
            raise KeyPathError(("surge", number, *error.path), error.message, error.remedy) from None


def _check_group(surge: Surge, groups: Mapping[str, Group]) -> None:
    group = groups.get(surge.group)
    if group is None:
        raise KeyPathError("group", f"there is no group {surge.group!r}", f"the load has {', '.join(groups)}")
    if group.has_one_id:
        raise KeyPathError("group", f"every client of {surge.group} has the same id", "put {index} into its client_id")


def _check_times(surge: Surge, duration_ns: int | None) -> None:
    if surge.hold_ns == 0:
        raise KeyPathError("hold", "must be longer than 0 s", "leave hold out to keep the clients to the end")
    if surge.hold_ns is not None and surge.ramp_ns > surge.hold_ns:
        raise KeyPathError("ramp", "is longer than hold, so not all of them would come", "write a shorter one")
    # a load without a duration ends with its last message, at a time that is not known here
    if duration_ns is None:
        return
    length = format_duration_ns(duration_ns)
    if surge.at_ns >= duration_ns:
        raise KeyPathError("at", f"the attack ends before: it lasts {length}", f"write a time before {length}")
    if surge.at_ns + surge.ramp_ns > duration_ns:
        raise KeyPathError(
            "ramp",
            f"is not over when the attack ends after {length}, so not all of them would come",
            "write a shorter one",
        )


def _check_pace(surge: Surge, connect_rate: Fraction) -> None:
    """Refuse a surge that ends before the connect rate has let all of its clients in."""
    # without an end, or without a pace, all of them come
    if surge.hold_ns is None or not connect_rate:
        return
    needed_ns = int(surge.clients * NS_PER_S / connect_rate)
    if needed_ns > surge.hold_ns:
        raise KeyPathError(
            "hold",
            f"{format_count(surge.clients)} clients at {connect_rate} connects per second need "
            f"{format_duration_ns(needed_ns)} to come in",
            "write a longer one, or a larger connect_rate",
        )
