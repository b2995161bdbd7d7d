"""Say what perf recorded: where the broker's time went, or why that is not known. All texts are plain."""

from __future__ import annotations

from typing import Final

from malaria.records.perf_profile import Profile, ProfileRow
from malaria.records.rows import GAP
from malaria.records.run import Run
from malaria.units import format_count, format_things

PERF: Final = "perf"
UNFINISHED: Final = "perf was still recording when the run ended"
KERNEL: Final = "[k]"
USER: Final = "[.]"
PERF_HEAD: Final = ("overhead", "samples", "command", "shared object", "symbol")
"""The columns of the table, as `perf report` has them."""


def was_asked_for(run: Run) -> bool:
    return run.profile is not None or any(one == PERF for one, _ in _observers(run)) or bool(_rows(run))


def why_none(run: Run) -> str:
    """Return the reason why there is no recording; empty if there is one, or none was asked for."""
    if run.profile is not None or not was_asked_for(run):
        return ""
    gaps = [str(row[GAP]) for row in _rows(run) if GAP in row]
    reasons = [reason for one, reason in _observers(run) if one == PERF and reason]
    # the observer's own reason at its end, then its last gap, then none: it was still at work
    return next(iter([*reasons, *reversed(gaps)]), UNFINISHED)


def no_recording(run: Run) -> str:
    """Return the reason as a sentence; empty as for `why_none`."""
    why = why_none(run)
    return f"There is no recording: {why}." if why else ""


def caption(profile: Profile) -> str:
    """Return in a few words what was recorded: `100 samples of cpu-clock over 20 s`."""
    parts = [format_things(profile.samples, "sample")]
    parts += [f"of {profile.event}"] if profile.event else []
    parts += [f"over {profile.seconds:g} s"] if profile.seconds else []
    return " ".join(parts)


def perf_rows(profile: Profile, most: int | None = None) -> list[list[str]]:
    """Return the rows under PERF_HEAD; those beyond `most`, and samples without a row, are summed up in one."""
    shown = profile.rows[:most]
    made = [[f"{row.percent:.2f} %", format_count(row.samples), row.command, row.shared_object, _symbol(row)]
            for row in shown]  # fmt: skip
    # perf leaves out rows below its own limit, so the rows may have fewer samples than the recording
    rest = profile.samples - sum(row.samples for row in shown)
    if rest > 0:
        made.append([f"{100 * rest / profile.samples:.2f} %", format_count(rest), "", "", "everything else"])
    return made


def _symbol(row: ProfileRow) -> str:
    in_kernel = row.shared_object.startswith("[kernel") or row.shared_object.endswith(".ko")
    return f"{KERNEL if in_kernel else USER} {row.symbol}"


def _observers(run: Run) -> list[tuple[str, str]]:
    return [(one.observer, one.reason or "") for one in run.meta.observers]


def _rows(run: Run) -> list[dict[str, object]]:
    return [dict(row.values) for row in run.observations if row.observer == PERF]
