"""Find the times that changes of the running load account for: pauses, and connections that were broken on purpose."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import ValidationError

from malaria.analysis.seconds import between, seconds_of
from malaria.analysis.windows import measured_window_ns
from malaria.clock import NS_PER_S
from malaria.model.attack_table import Attack
from malaria.records.run import Run

BREAKS: Final = ("cut", "storm")
NEVER_NS: Final = 1 << 62


def broken_spans(run: Run) -> list[tuple[int, int]]:
    """Return the times from each cut and storm until as many clients were ready as before, and a second more.

    What waited in them had no connection, because we had broken it. Raises RunError for a damaged run.
    """
    window = measured_window_ns(run)
    cuts_ns = [change.at_ns for change in run.meta.changes if change.verb in BREAKS and change.at_ns is not None]
    return [] if window is None else [(at_ns, _back_ns(run, at_ns, window)) for at_ns in cuts_ns if at_ns < window[1]]


def _back_ns(run: Run, cut_ns: int, window: tuple[int, int]) -> int:
    seconds = seconds_of(run)
    before = between(seconds, window[0], cut_ns)
    usual = before[-1].ready if before else 0
    # in the second of the cut itself the clients may still be there at its end
    later = [second for second in seconds if second.end_s * NS_PER_S > cut_ns + NS_PER_S]
    back = next((second for second in later if second.ready >= usual), None)
    return window[1] if back is None else (back.end_s + 1) * NS_PER_S


def without_pauses(run: Run, span: tuple[int, int]) -> tuple[int, int]:
    """Return a time without its part at the beginning or the end in which the load paused; the longer part of several.

    Where several groups publish, a pause of one of them counts as well: nobody can tell whose answer is missing.
    """
    return _without(span, _pauses(run))


def without_own_waits(run: Run, span: tuple[int, int]) -> tuple[int, int]:
    """Return a time without that in which the clients of a storm, or of a cut of all, wait before they connect again.

    They hear nothing then because their own schedule says so (`reconnect`), whatever the broker does.
    """
    return _without(span, _own_waits(run))


def _without(span: tuple[int, int], times: Iterable[tuple[int, int]]) -> tuple[int, int]:
    since_ns, until_ns = span
    for begin_ns, end_ns in times:
        if begin_ns < until_ns and since_ns < end_ns:
            parts = (since_ns, max(since_ns, begin_ns)), (min(until_ns, end_ns), until_ns)
            since_ns, until_ns = max(parts, key=lambda part: part[1] - part[0])
    return since_ns, until_ns


def _own_waits(run: Run) -> list[tuple[int, int]]:
    all_broken_ns = [
        change.at_ns
        for change in run.meta.changes
        if change.at_ns is not None and (change.verb == "storm" or change.change.endswith("cut 100%"))
    ]
    if not all_broken_ns:
        return []
    waits_ns = _attack_of(run).reconnect_ns
    wait_ns = NEVER_NS if waits_ns is None else waits_ns[0]
    return [(at_ns, at_ns + wait_ns) for at_ns in all_broken_ns]


def _attack_of(run: Run) -> Attack:
    """Return the stored table of the attack; the default one where it is damaged or of another version."""
    try:
        return Attack.model_validate(tomllib.loads(run.meta.warhead_toml or "").get("attack", {}))
    except (tomllib.TOMLDecodeError, ValidationError):
        return Attack()


def _pauses(run: Run) -> Iterator[tuple[int, int]]:
    begun: dict[str, int] = {}
    for change in run.meta.changes:
        group, _, _ = change.change.rpartition(": ")
        if change.verb == "pause":
            begun.setdefault(group, change.at_ns or 0)
        elif change.verb == "resume":
            names = [group] if group else list(begun)
            yield from ((begun.pop(name), change.at_ns or 0) for name in names if name in begun)
    yield from ((at_ns, NEVER_NS) for at_ns in begun.values())
