"""Judge what surges did to the target: whether it held, whether it recovered after they left, and how fast.

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
    SecondValues,
    baseline_before,
    measures_of,
    with_missing_clients,
)
from malaria.analysis.recovery_time import STAYS_SHARE, SUSTAINED_S, RecoveryTime, RecoveryWatch, time_to_recover
from malaria.analysis.seconds import LoadSecond, between, due_per_s, own_lag_limit_ns, seconds_of, touches, touching
from malaria.analysis.steered_times import broken_spans
from malaria.analysis.summary_figures import RecoveryFigures, SurgeFigures
from malaria.analysis.surge_hold import ON_TARGET, HoldWindow, SurgeHold, judge_hold
from malaria.analysis.surge_windows import Episode, SurgeSpan, episodes_of
from malaria.analysis.windows import measured_window_ns
from malaria.clock import NS_PER_S
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.units import format_things


@dataclass(frozen=True, slots=True)
class SurgeResult:
    """The judgement on one surge. None is unknown. `trouble_ns` is from its start until the target recovered."""

    surge: SurgeSpan
    hold: SurgeHold
    recovery: RecoveryTime
    watched_s: float | None
    trouble_ns: tuple[int, int]

    @property
    def is_well(self) -> bool:
        """Return True when the time after it is steady: the target recovered, or carries the clients that stay."""
        return self.recovery.recovered is True or (self.surge.remove_ns is None and self.hold.held is True)

    def as_figures(self) -> SurgeFigures:
        """Return the figures of the summary."""
        surge, recovery = self.surge, self.recovery
        return SurgeFigures(
            group=surge.group,
            clients=surge.clients,
            at_s=_seconds(surge.add_ns),
            until_s=None if surge.remove_ns is None else _seconds(surge.remove_ns),
            held=self.hold.held,
            broke=self.hold.broke,
            recovered=recovery.recovered,
            recovery_s=recovery.recovery_s,
            watched_s=self.watched_s,
            metastable=recovery.metastable,
            reasons=(*self.hold.reasons, *recovery.reasons),
        )


@dataclass(frozen=True, slots=True)
class _SurgeContext:
    run: Run
    seconds: Sequence[LoadSecond]
    judged: Sequence[LoadSecond]  # without those in which we were late ourselves
    measures: Mapping[str, SecondValues]


def surge_results(run: Run) -> list[SurgeResult]:
    """Return the result of every surge that came, in order of time. Raises RunError for a damaged run."""
    episodes, window = episodes_of(run), measured_window_ns(run)
    if not episodes or window is None:
        return []
    seconds = seconds_of(run)
    limit_ns = own_lag_limit_ns(run.meta)
    broken = broken_spans(run)  # in these the generator itself held the load back
    judged = [second for second in seconds if not second.is_late(limit_ns) and not touches(second, broken)]
    context = _SurgeContext(run, seconds, judged, measures_of(run, seconds))
    results: list[SurgeResult] = []
    before = between(judged, window[0], episodes[0].add_ns)
    for episode in episodes:
        if results and results[-1].is_well:  # otherwise what was usual is what was so before the trouble
            before = between(judged, results[-1].trouble_ns[1], episode.add_ns)
        results += _of_episode(context, episode, before)
    return results


STAYED: Final = RecoveryTime(None, reasons=("its clients stayed to the end",))
OTHERS_STAYED: Final = RecoveryTime(None, reasons=("clients of a surge that overlaps it stayed to the end",))


def recovery_figures(results: Sequence[SurgeResult]) -> RecoveryFigures:
    """Return the figures over all surges, for thresholds. None: unknown."""
    held = [result.hold.held for result in results]
    gone = [result.recovery.recovery_s for result in results if result.surge.remove_ns is not None]
    known = [seconds for seconds in gone if seconds is not None]
    return RecoveryFigures(
        not_held=held.count(False) if held and None not in held else None,
        slowest_ms=1000 * max(known) if known and len(known) == len(gone) else None,
    )


def _of_episode(context: _SurgeContext, episode: Episode, before: Sequence[LoadSecond]) -> list[SurgeResult]:
    baseline = baseline_before(context.measures, before, sum(surge.clients for surge in episode.surges))
    trouble_before = _trouble_before(context, before) if baseline is not None else ""
    recovery = (
        RecoveryTime(None, reasons=(trouble_before,))
        if trouble_before
        else _recovery(context, episode, baseline, len(before))
    )
    well_ns = episode.watched_ns
    if recovery.recovery_s is not None and episode.leave_ns is not None:
        well_ns = episode.leave_ns + round(recovery.recovery_s * NS_PER_S)
    watched_s = None if episode.leave_ns is None else _seconds(episode.watched_ns - episode.leave_ns)
    results: list[SurgeResult] = []
    for surge in episode.surges:
        held = (
            SurgeHold(None, (), ())
            if trouble_before
            else judge_hold(_hold_window(context, episode, surge, baseline, well_ns))
        )
        until_ns = surge.added_ns if surge.remove_ns is None and surge.added_ns is not None and held.held else well_ns
        own = OTHERS_STAYED if recovery is STAYED and surge.remove_ns is not None else recovery
        results.append(SurgeResult(surge, held, own, watched_s, (surge.add_ns, until_ns)))
    return results


def _trouble_before(context: _SurgeContext, before: Sequence[LoadSecond]) -> str:
    """Return why there is no baseline: the target had fallen behind before the surge. Empty when there is one."""
    if OWED not in context.measures:
        return ""
    due, done = (sum(getattr(second, name) for second in before) for name in ("due", "done"))
    under_way = MEASURES[OWED].allowed(0, due_per_s(before), 0)
    return "" if done + under_way >= ON_TARGET * due else "it had fallen behind before the surge"


def _recovery(context: _SurgeContext, episode: Episode, baseline: Baseline | None, seconds_before: int) -> RecoveryTime:
    if episode.leave_ns is None:
        return STAYED
    if baseline is None:
        seen = format_things(seconds_before, "second")
        return RecoveryTime(None, reasons=(f"{seen} before them could be judged, {LEAST_BEFORE_S} are needed",))
    watch = RecoveryWatch(
        baseline=baseline,
        measures=with_missing_clients(context.measures, baseline, context.seconds),
        seconds=between(context.judged, episode.leave_ns, episode.watched_ns),
        add_ns=episode.add_ns,
        leave_ns=episode.leave_ns,
        until_ns=episode.watched_ns,
    )
    return time_to_recover(watch)


def _hold_window(
    context: _SurgeContext, episode: Episode, surge: SurgeSpan, baseline: Baseline | None, well_ns: int
) -> HoldWindow:
    leave_ns = episode.watched_ns if surge.remove_ns is None else surge.remove_ns
    theirs = touching(context.judged, surge.add_ns, leave_ns)
    return HoldWindow(context.run, surge, theirs, context.seconds, baseline, leave_ns, max(well_ns, leave_ns))


def _seconds(ns: int) -> float:
    return round(ns / NS_PER_S, 3)


_OWED, _ACK = MEASURES[OWED], MEASURES[Metric.ACK]

RULES: Final[Mapping[str, str]] = {
    "before": (
        "The seconds before the surge show what is usual: those since the measured time began, or since the target had "
        f"recovered from the surge before; at least {LEAST_BEFORE_S} of them, at most the last {LONGEST_BEFORE_S}. "
        "Seconds in which the generator was later than its own limit, or in which clients were offline because a "
        "change broke their connections, count neither here nor below."
    ),
    "baseline": (
        f"A measure is within its baseline if it is at most the median of these seconds plus {DEVIATIONS} median "
        "absolute deviations. The baseline is never narrower than this: for messages owed (due and not acknowledged), "
        f"{_OWED.count:g} messages or {_OWED.load_s:g} s of the load above the median, or twice the median; for the "
        f"p99 of a second, {_ACK.count:g} ms above the median, or twice the median; for what the broker stores, also "
        "one message for each client of the surge. No message may be dropped, no connection broken, and no client "
        "missing that was connected before."
    ),
    "held": (
        "The target held if, while the clients of the surge were there, all of them were let in, at least "
        f"{100 * ON_TARGET:g} % of the messages due were acknowledged (except those that may be under way), no queue "
        "grew, ack p99 and end to end p99 stayed under the threshold (without one: within the baseline), and neither "
        "messages nor connections were dropped. A target that dropped some broke; one that only fell behind or became "
        "slow bent."
    ),
    "recovered": (
        "The target recovered in the first second after these clients had left from which every measure was within "
        f"its baseline: for {SUSTAINED_S} seconds in a row, and then in all later seconds except one, or except "
        f"{100 - 100 * STAYS_SHARE:g} % of them. From then on, at least {100 * ON_TARGET:g} % of the messages due must "
        "be acknowledged. Surges that overlap have one recovery, which is counted from when the last of them had left."
    ),
    "metastable": (
        "A failure is metastable when the surge has gone, the load is what the target carried before, and the trouble "
        "stays and does not lessen."
    ),
    "verdict": (
        "A surge that broke the target, or from which the target never recovered, is a FAIL. If the target bent and "
        "recovered, the verdict gets a remark; a threshold such as recovery.slowest < 30s or recovery.not_held == 0 "
        "turns it into a FAIL. A threshold on broker.dropped or clients.dropped states how many drops are allowed. If "
        "the target bent and too little was seen to tell whether it recovered, the verdict is UNKNOWN."
    ),
}
"""The rules by which surges are judged, in the order in which one would ask."""
