"""Drive a staircase while its attack runs: one rung higher while the target is well, and down again once it is not.

A state machine without I/O. Samples and the time go in; changes of the load come out, each with the run time of its
effect. A load that cannot be judged, because this machine was late, ends the climb: it is no evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from malaria.analysis.capacity.rung import RungJudgement, RungLimits, delivered, judge_rung, slack
from malaria.analysis.latency_limits import AT_MOST, default_limit_ms, own_lag_bound_ns
from malaria.analysis.seconds import LoadSecond, between, load_seconds
from malaria.analysis.thresholds import stated_thresholds
from malaria.clock import NS_PER_S
from malaria.control.change_schedule import HAND_NOTICE_NS
from malaria.control.changes import AddClients, Change, ChangeRate, RemoveClients
from malaria.model.warhead import Warhead
from malaria.plan.surge_schedule import SurgeTimes
from malaria.records.rows import Counter, Metric, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RungFacts, RunMeta, StaircaseFacts
from malaria.records.sample_timeline import Timeline
from malaria.records.staircase import Staircase

SETTLE_NS: Final = NS_PER_S
"""After a step, before the rung is judged."""
NEAR_NS: Final = NS_PER_S // 10
"""A sample that ends so little before a whole second completes it."""
WELL_S: Final = 3
"""Seconds in a row in which a target must be well to have recovered."""
GETS_BETTER: Final = 0.9
"""A queue that shrinks to this share in the time of a rung gets better."""


@dataclass(frozen=True, slots=True)
class LoadStep:
    """A change of the load, and the run time at which it takes effect."""

    change: Change
    effect_ns: int


@dataclass(frozen=True, slots=True)
class _Rung:
    place: int  # in the loads of the staircase
    upward: bool
    from_ns: int  # its load is due


class StaircasePilot:
    """Decides the steps of one attack. `advance` returns those that are due now; `over` tells that the load may end."""

    def __init__(
        self,
        staircase: Staircase,
        warhead: Warhead,
        workers: Sequence[str],
        surges: Sequence[SurgeTimes],
        planned: RunMeta,
    ) -> None:
        """`warhead` has the clients of the first load and, for a staircase of clients, one surge for each step.

        `planned` are the facts of the run: they state what it is judged by.
        """
        self.over = False
        self._stairs = staircase
        self._surges = surges
        self._group = warhead.publishing[0]
        self._others = sum(group.clients for group in warhead.groups) - self._group.clients
        self._done = Counter.ACKED if self._group.qos else Counter.SENT
        self._subscribed = any(group.subscribes for group in warhead.groups)
        judged = Run(planned, (), (), None)
        self._limits = RungLimits(own_lag_bound_ns(judged), 0, p99_ms=_p99_limits(judged))
        self._workers = set(workers)
        self._timeline = Timeline()
        self._known_s: dict[str, int] = {}  # the last second that each worker has reported
        self._start_ns = 0
        self._looked_ns = -1  # the last second that was known when the pilot decided
        self._rung: _Rung | None = None
        self._rungs: list[RungFacts] = []
        self._owed: dict[int, int] = {}  # at the end of each rung on the way up
        self._fan_out: float | None = None
        self._well_ns: int | None = None
        self._shortage = ""

    # --- in --------------------------------------------------------------------------------------------------------

    def add(self, sample: Sample) -> None:
        """Take a sample of a worker."""
        second = self._timeline.add(sample)
        # a piece that a phase cut off does not complete its second
        if second.end_s * NS_PER_S - sample.end_ns <= NEAR_NS:
            self._known_s[sample.worker] = max(second.end_s, self._known_s.get(sample.worker, 0))

    def run_short(self, cause: str) -> None:
        """Note that this machine had no room for a client: from then on missing clients say nothing of the target."""
        self._shortage = cause

    def lose(self) -> None:
        """End the staircase: with a lost worker the load is not what it should be."""
        self.over = True

    # --- out -------------------------------------------------------------------------------------------------------

    def advance(self, at_ns: int, measure_start_ns: int | None) -> list[LoadStep]:
        """Return the steps to order now. Raises RunError for a damaged sample."""
        known_ns = self._last_known_ns()
        if measure_start_ns is None or self.over or known_ns == self._looked_ns:
            return []
        self._looked_ns = known_ns
        if self._rung is None:
            self._start_ns = measure_start_ns
            self._rung = _Rung(0, True, measure_start_ns)
        return self._climb(self._rung, at_ns) if self._rung.upward else self._come_down(self._rung, at_ns)

    def facts(self) -> StaircaseFacts:
        """Return the rungs so far, as the run stores them."""
        return StaircaseFacts(by_rate=self._stairs.by_rate, rungs=tuple(self._rungs), well_ns=self._well_ns)

    # --- the way up ------------------------------------------------------------------------------------------------

    def _climb(self, rung: _Rung, at_ns: int) -> list[LoadStep]:
        begin_ns = rung.from_ns + SETTLE_NS
        end_ns = begin_ns + round(self._stairs.rung_s * NS_PER_S)
        if self._last_known_ns() < end_ns:
            return []
        course = self._course()
        seconds = between(course, begin_ns, end_ns)
        found = judge_rung(seconds, self._limits_of(rung.place), _owed_at(course, begin_ns))
        if self._shortage and found.well is not True:
            found = RungJudgement(None, f"clients could not connect: {self._shortage}")
        self._note(rung, found, end_ns)
        if found.well is None:
            self.over = True
            return []
        if not found.well:
            return self._step_down(rung, at_ns)
        self._owed[rung.place] = seconds[-1].owed
        self._learn_fan_out(seconds)
        return self._step_up(rung, at_ns)

    def _step_up(self, rung: _Rung, at_ns: int) -> list[LoadStep]:
        place = rung.place + 1
        if place == len(self._stairs.loads):
            self.over = True
            return []
        effect_ns = _next_second(at_ns)
        if self._stairs.by_rate:
            self._rung = _Rung(place, True, effect_ns)
            return [LoadStep(self._pace(place), effect_ns)]
        times = self._surges[rung.place]
        begin_ns = effect_ns + times.begin_ns - times.add_ns
        self._rung = _Rung(place, True, begin_ns)
        return [LoadStep(AddClients(rung.place, begin_ns), effect_ns)]

    def _learn_fan_out(self, seconds: Sequence[LoadSecond]) -> None:
        done = sum(second.done for second in seconds)
        # fewer messages than this say nothing about a ratio
        if self._fan_out is None and self._subscribed and done >= 10:
            self._fan_out = delivered(seconds) / done

    # --- the way down ----------------------------------------------------------------------------------------------

    def _come_down(self, rung: _Rung, at_ns: int) -> list[LoadStep]:
        course = self._course()
        seconds = [second for second in course if (second.end_s - 1) * NS_PER_S >= rung.from_ns]
        if len(seconds) < WELL_S:
            return []
        found = self._judge_down(rung, seconds[-WELL_S:])
        if found.well:
            self._well_ns = (seconds[-WELL_S].end_s - 1) * NS_PER_S
            self._note(rung, found, seconds[-1].end_s * NS_PER_S)
            self.over = True
            return []
        if self._may_recover_yet(rung, seconds):
            return []
        self._note(rung, RungJudgement(False, found.reason), seconds[-1].end_s * NS_PER_S)
        if not rung.place:
            self.over = True
            return []
        return self._step_down(rung, at_ns)

    def _judge_down(self, rung: _Rung, seconds: Sequence[LoadSecond]) -> RungJudgement:
        limits = self._limits_of(rung.place)
        usual = self._owed.get(rung.place, 0)
        return judge_rung(seconds, replace(limits, owed=usual + max(usual, slack(seconds))), 0)

    def _may_recover_yet(self, rung: _Rung, seconds: Sequence[LoadSecond]) -> bool:
        """Tell whether to wait on this rung: it is new, or it gets better; on the lowest for all its patience."""
        rung_s = max(WELL_S, round(self._stairs.rung_s))
        if len(seconds) < rung_s:
            return True
        patience_s = max(self._stairs.patience_s, rung_s)
        # below the lowest rung there is nothing: a target that gets better there has twice the time
        if len(seconds) >= (1 if rung.place else 2) * patience_s:
            return False
        if not rung.place and len(seconds) < patience_s:
            return True
        before, now = seconds[-rung_s], seconds[-1]
        wanted = self._limits_of(rung.place).ready
        fewer_missing = max(0, wanted - now.ready) < GETS_BETTER * max(0, wanted - before.ready)
        return now.owed < GETS_BETTER * before.owed or fewer_missing

    def _step_down(self, rung: _Rung, at_ns: int) -> list[LoadStep]:
        if not rung.place:
            self.over = True
            return []
        effect_ns = _next_second(at_ns)
        self._rung = _Rung(rung.place - 1, False, effect_ns)
        change = self._pace(rung.place - 1) if self._stairs.by_rate else RemoveClients(rung.place - 1)
        return [LoadStep(change, effect_ns)]

    # --- parts -----------------------------------------------------------------------------------------------------

    def _pace(self, place: int) -> ChangeRate:
        return ChangeRate(self._group.name, Fraction(self._group.clients, self._stairs.loads[place]))

    def _limits_of(self, place: int) -> RungLimits:
        clients = self._group.clients if self._stairs.by_rate else self._stairs.loads[place]
        return replace(self._limits, ready=clients + self._others, fan_out=self._fan_out)

    def _note(self, rung: _Rung, found: RungJudgement, until_ns: int) -> None:
        self._rungs.append(
            RungFacts(
                load=self._stairs.loads[rung.place],
                upward=rung.upward,
                from_ns=rung.from_ns,
                until_ns=until_ns,
                well=found.well,
                reason=found.reason,
            )
        )

    def _last_known_ns(self) -> int:
        """Return the end of the last second that every worker has reported."""
        return min((self._known_s.get(worker, 0) for worker in self._workers), default=0) * NS_PER_S

    def _course(self) -> list[LoadSecond]:
        seconds = load_seconds(self._timeline, self._workers, self._done, self._start_ns)
        known_ns = self._last_known_ns()
        return [second for second in seconds if second.end_s * NS_PER_S <= known_ns]


def _p99_limits(judged: Run) -> dict[Metric, float]:
    """Return the limits of the latencies that a rung is judged by, in milliseconds: stated ones, or the default."""
    limits: dict[Metric, float] = {}
    for metric in (Metric.ACK, Metric.END_TO_END):
        stated = [
            threshold.value
            for threshold in stated_thresholds(judged)
            if threshold.key == f"{metric}.p99" and threshold.operator in AT_MOST
        ]
        if stated:
            limits[metric] = min(stated)
    default_ms = default_limit_ms(judged)
    return limits if default_ms is None else {Metric.ACK: default_ms} | limits


def _owed_at(course: Sequence[LoadSecond], at_ns: int) -> int:
    return next((second.owed for second in reversed(course) if second.end_s * NS_PER_S <= at_ns), 0)


def _next_second(at_ns: int) -> int:
    """Return the first whole second of run time that leaves the workers time to hear of a change."""
    return -(-(at_ns + HAND_NOTICE_NS) // NS_PER_S) * NS_PER_S
