"""What surges did to the target: whether it held, and whether and how fast it came back when they had gone.

`RULES` states the rules for people, with the figures that the code uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.baseline import (
    DEVIATIONS,
    LEAST_BEFORE_S,
    LONGEST_BEFORE_S,
    MEASURES,
    OWED,
    Baseline,
    Values,
    band_before,
    measures_of,
    with_missing,
)
from malaria.analysis.episodes import Episode, ExcessStay, episodes_of
from malaria.analysis.recovery_time import STAYS_SHARE, SUSTAINED_S, RecoveryTime, RecoveryWatch, comeback
from malaria.analysis.seconds import LoadSecond, between, own_lag_limit_ns, seconds_of, touching
from malaria.analysis.summary_figures import RecoveryFigures, SurgeFigures
from malaria.analysis.surge_hold import ON_TARGET, HoldWindow, SurgeHold, holding
from malaria.analysis.windows import measured_window_ns
from malaria.clock import NS_PER_S
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.units import format_things


@dataclass(frozen=True, slots=True)
class SurgeResult:
    """What one surge did. None is unknown. `trouble_ns`: from when it came to when all was well, as far as seen."""

    stay: ExcessStay
    holding: SurgeHold
    comeback: RecoveryTime
    watched_s: float | None
    trouble_ns: tuple[int, int]

    @property
    def is_well(self) -> bool:
        """Whether the time after it is a steady one: it recovered, or carries those who stay."""
        return self.comeback.recovered is True or (self.stay.remove_ns is None and self.holding.held is True)

    def as_figures(self) -> SurgeFigures:
        """Return the figures of the summary."""
        stay, back = self.stay, self.comeback
        return SurgeFigures(
            group=stay.group,
            clients=stay.clients,
            at_s=_seconds(stay.add_ns),
            until_s=None if stay.remove_ns is None else _seconds(stay.remove_ns),
            held=self.holding.held,
            broke=self.holding.broke,
            recovered=back.recovered,
            recovery_s=back.recovery_s,
            watched_s=self.watched_s,
            metastable=back.metastable,
            reasons=(*self.holding.reasons, *back.reasons),
        )


@dataclass(frozen=True, slots=True)
class _Run:
    records: Run
    seconds: Sequence[LoadSecond]
    judged: Sequence[LoadSecond]  # without those in which we were late ourselves
    measures: Mapping[str, Values]


def surge_results(records: Run) -> list[SurgeResult]:
    """Of every surge that came, in order of time. Raises RunError for a damaged run."""
    episodes, window = episodes_of(records), measured_window_ns(records)
    if not episodes or window is None:
        return []
    seconds = seconds_of(records)
    limit_ns = own_lag_limit_ns(records.meta)
    judged = [second for second in seconds if not second.is_late(limit_ns)]
    run = _Run(records, seconds, judged, measures_of(records, seconds))
    results: list[SurgeResult] = []
    before = between(judged, window[0], episodes[0].add_ns)
    for episode in episodes:
        if results and results[-1].is_well:  # otherwise what was usual is what was so before the trouble
            before = between(judged, results[-1].trouble_ns[1], episode.add_ns)
        results += _of_episode(run, episode, before)
    return results


def recovery_figures(results: Sequence[SurgeResult]) -> RecoveryFigures:
    """Return the figures over all surges, for thresholds. None: it is not known."""
    held = [result.holding.held for result in results]
    gone = [result.comeback.recovery_s for result in results if result.stay.remove_ns is not None]
    known = [seconds for seconds in gone if seconds is not None]
    return RecoveryFigures(
        not_held=held.count(False) if held and None not in held else None,
        slowest_ms=1000 * max(known) if known and len(known) == len(gone) else None,
    )


def _of_episode(run: _Run, episode: Episode, before: Sequence[LoadSecond]) -> list[SurgeResult]:
    band = band_before(run.measures, before, sum(stay.clients for stay in episode.stays))
    unwell = _trouble_before(run, before) if band is not None else ""
    back = RecoveryTime(None, reasons=(unwell,)) if unwell else _comeback(run, episode, band, len(before))
    well_ns = episode.watched_ns
    if back.recovery_s is not None and episode.leave_ns is not None:
        well_ns = episode.leave_ns + round(back.recovery_s * NS_PER_S)
    watched_s = None if episode.leave_ns is None else _seconds(episode.watched_ns - episode.leave_ns)
    results: list[SurgeResult] = []
    for stay in episode.stays:
        held = SurgeHold(None, (), ()) if unwell else holding(_trial(run, episode, stay, band, well_ns))
        until_ns = stay.added_ns if stay.remove_ns is None and stay.added_ns is not None and held.held else well_ns
        results.append(SurgeResult(stay, held, back, watched_s, (stay.add_ns, until_ns)))
    return results


def _trouble_before(run: _Run, before: Sequence[LoadSecond]) -> str:
    """Why there is no band to hold or to come back to: it was in trouble before they came. Empty: there is one."""
    if OWED not in run.measures:
        return ""
    due, done = (sum(getattr(second, name) for second in before) for name in ("due", "done"))
    under_way = MEASURES[OWED].allowed(0, due / len(before), 0)
    return "" if done + under_way >= ON_TARGET * due else "it had fallen behind before they came"


def _comeback(run: _Run, episode: Episode, band: Baseline | None, seconds_before: int) -> RecoveryTime:
    if episode.leave_ns is None:
        return RecoveryTime(None, reasons=("they stayed to the end",))
    if band is None:
        seen = format_things(seconds_before, "second")
        return RecoveryTime(None, reasons=(f"{seen} before them could be judged, {LEAST_BEFORE_S} are needed",))
    watch = RecoveryWatch(
        band=band,
        measures=with_missing(run.measures, band, run.seconds),
        seconds=between(run.judged, episode.leave_ns, episode.watched_ns),
        add_ns=episode.add_ns,
        leave_ns=episode.leave_ns,
        until_ns=episode.watched_ns,
    )
    return comeback(watch)


def _trial(run: _Run, episode: Episode, stay: ExcessStay, band: Baseline | None, well_ns: int) -> HoldWindow:
    leave_ns = episode.watched_ns if stay.remove_ns is None else stay.remove_ns
    theirs = touching(run.judged, stay.add_ns, leave_ns)
    return HoldWindow(run.records, stay, theirs, run.seconds, band, leave_ns, max(well_ns, leave_ns))


def _seconds(ns: int) -> float:
    return round(ns / NS_PER_S, 3)


_OWED, _ACK = MEASURES[OWED], MEASURES[Metric.ACK]

RULES: Final[Mapping[str, str]] = {
    "before": (
        "What is usual is taken from the seconds before the surge, since the measured time began or the target had "
        f"recovered from the one before: at least {LEAST_BEFORE_S}, and the last {LONGEST_BEFORE_S} at most. Seconds "
        "in which this generator was itself later than its bound do not count, here and below."
    ),
    "band": (
        f"A measure is in its band up to its median of before and {DEVIATIONS} median absolute deviations, and at "
        f"least up to: for messages owed (due and not acknowledged), {_OWED.count:g} messages or {_OWED.load_s:g} s of "
        f"the load more, or twice the median; for the p99 of a second, {_ACK.count:g} ms more or twice the median; for "
        "what the broker stores, also one message more for each client of the surge. No message dropped, no connection "
        "broken, no client missing that was there before."
    ),
    "held": (
        f"It held when, while they were there, all of them were let in, at least {100 * ON_TARGET:g} % of what was due "
        "was acknowledged (but for what may be under way), no queue grew, ack p99 and end to end p99 stayed under the "
        "threshold or, without one, in the band, and neither messages nor connections were dropped. If it dropped, it "
        "broke; if it only fell behind or grew slow, it bent."
    ),
    "recovered": (
        "It recovered in the first second after they had gone from which on every measure was in its band for "
        f"{SUSTAINED_S} seconds in a row, and then in all that were watched but one, or but "
        f"{100 - 100 * STAYS_SHARE:g} %; from then on at least {100 * ON_TARGET:g} % of what was due was acknowledged."
    ),
    "metastable": (
        "A failure is metastable when the surge has gone, the load is what the target carried before, and the trouble "
        "stays and does not lessen."
    ),
    "verdict": (
        "A surge under which the target broke, or from which it never recovered, is a FAIL. One under which it bent "
        "and recovered is not: that is told, and a threshold such as recovery.slowest < 30s or recovery.not_held == 0 "
        "makes it one. A threshold on broker.dropped or "
        "clients.dropped says how many drops are none. Bent, and too little seen to say whether it recovered: UNKNOWN."
    ),
}
"""How surges are judged, in the order in which one would ask."""
