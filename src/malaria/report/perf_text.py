"""What perf recorded: where the broker's time went; or why that is not known. Texts are plain."""

from __future__ import annotations

from typing import Final

from malaria.records.perf_profile import Profile, Row
from malaria.records.rows import GAP
from malaria.records.run import Run
from malaria.units import format_count, format_things

PERF: Final = "perf"
UNFINISHED: Final = "it was not done when the run ended"
KERNEL: Final = "[k]"
USER: Final = "[.]"
HEAD: Final = ("overhead", "samples", "command", "shared object", "symbol")
"""Of the table, as `perf report` has it."""


def was_asked_for(records: Run) -> bool:
    return records.profile is not None or any(one == PERF for one, _ in _accounts(records)) or bool(_rows(records))


def why_none(records: Run) -> str:
    """The reason in words. Empty when there is a recording, or nobody asked for one."""
    if records.profile is not None or not was_asked_for(records):
        return ""
    gaps = [str(row[GAP]) for row in _rows(records) if GAP in row]
    told = [reason for one, reason in _accounts(records) if one == PERF and reason]
    return next(iter([*told, *reversed(gaps)]), UNFINISHED)


def caption(profile: Profile) -> str:
    """What was recorded, in a sentence."""
    parts = [format_things(profile.samples, "sample")]
    parts += [f"of {profile.event}"] if profile.event else []
    parts += [f"over {profile.seconds:g} s"] if profile.seconds else []
    return " ".join(parts)


def lines(profile: Profile, most: int | None = None) -> list[list[str]]:
    """The table's rows; what is beyond `most` is summed up in one."""
    shown = profile.rows[:most]
    made = [[f"{row.percent:.2f} %", format_count(row.samples), row.command, row.shared_object, _symbol(row)]
            for row in shown]  # fmt: skip
    rest = profile.samples - sum(row.samples for row in shown)
    if rest > 0:
        made.append([f"{100 * rest / profile.samples:.2f} %", format_count(rest), "", "", "everything else"])
    return made


def _symbol(row: Row) -> str:
    in_kernel = row.shared_object.startswith("[kernel") or row.shared_object.endswith(".ko")
    return f"{KERNEL if in_kernel else USER} {row.symbol}"


def _accounts(records: Run) -> list[tuple[str, str]]:
    return [(one.observer, one.reason or "") for one in records.meta.observers]


def _rows(records: Run) -> list[dict[str, object]]:
    return [dict(row.values) for row in records.observations if row.observer == PERF]
