"""Read the loop of a target from a staircase: where it tipped, where it was well again, and what kept it sick between.

A target has a loop when it stays sick at a load that it carried before (Bronson et al., "Metastable Failures in
Distributed Systems", HotOS 2021). What sustains it shows in the traffic: clients that connect again and again, messages
that are sent again, deliveries that are made again, or a queue that does not shrink.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.capacity.rung import slack
from malaria.analysis.capacity.signs import signs_of, where_bytes_wait
from malaria.analysis.seconds import LoadSecond, between, done_per_s, rate_of, seconds_of
from malaria.analysis.summary_figures import LoopFigures, RungFigures
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run
from malaria.records.run_meta import RungFacts, StaircaseFacts

SETTLE_NS: Final = NS_PER_S
"""After a step, before a rung counts."""
LEAST_SHARE: Final = 0.05
"""Of the messages sent: fewer extra packets sustain nothing."""
STILL_SICK: Final = 0.9
"""A queue that is above this share of what it was halfway through the last rung does not shrink."""
RECONNECTS: Final = "reconnects"
RETRANSMISSIONS: Final = "retransmissions"
REPLAY: Final = "queue replay"
BACKLOG: Final = "its queue"


@dataclass(frozen=True, slots=True)
class _Loop:
    """A staircase and its seconds, cut where the target tipped."""

    run: Run
    facts: StaircaseFacts
    up: Sequence[RungFacts]
    down: Sequence[RungFacts]
    seconds: Sequence[LoadSecond]

    @property
    def tipping(self) -> RungFacts | None:
        return next((rung for rung in self.up if rung.well is False), None)

    @property
    def recovery(self) -> RungFacts | None:
        return next((rung for rung in self.down if rung.well), None)

    @property
    def turn_ns(self) -> int | None:
        """Return when the first step down took effect."""
        return self.down[0].from_ns if self.down else None

    def of_trouble(self) -> list[LoadSecond]:
        """Return the seconds from the tipping rung until the target was well again, or the load ended."""
        since_ns = None if self.tipping is None else self.tipping.from_ns
        if since_ns is None:
            return []
        until_ns = self.facts.well_ns
        return [
            second
            for second in self.seconds
            if (second.end_s - 1) * NS_PER_S >= since_ns and (until_ns is None or second.end_s * NS_PER_S <= until_ns)
        ]

    def of_health(self) -> list[LoadSecond]:
        """Return the seconds of the rungs that were carried on the way up."""
        return [second for rung in self.up if rung.well for second in _seconds_of_rung(rung, self.seconds)]


def loop_figures(run: Run) -> LoopFigures | None:
    """Return the loop of a staircase; None for another run, or one without a rung. Raises RunError for damage."""
    facts = run.meta.staircase
    if facts is None or not facts.rungs:
        return None
    rungs = facts.rungs
    loop = _Loop(run, facts, [r for r in rungs if r.upward], [r for r in rungs if not r.upward], list(seconds_of(run)))
    tipping, recovery = loop.tipping, loop.recovery
    trouble, health = loop.of_trouble(), loop.of_health()
    known = None if tipping is None or recovery is None else recovery.load / tipping.load
    return LoopFigures(
        tipping=None if tipping is None else tipping.load,
        recovery=None if recovery is None else recovery.load,
        ratio=None if known is None else round(known, 3),
        recovery_s=_recovery_s(loop),
        restart_needed=_restart_needed(loop),
        never_back=_never_back(loop),
        connects_per_lost=_connects_per_lost(trouble),
        packets_per_message=_packets_per_message(trouble),
        healthy_packets_per_message=_packets_per_message(health),
        duplicates_per_message=_ratio(_total(trouble, Counter.DUPLICATED), _total(trouble, Counter.DELIVERED)),
        sustained_by=_sustained_by(loop),
        bytes_wait=where_bytes_wait(trouble) if tipping is not None else None,
        broke_first=() if tipping is None else signs_of(run, health, trouble),
        rungs=tuple(_rung_figures(rung, loop.seconds) for rung in rungs),
    )


def _rung_figures(rung: RungFacts, course: Sequence[LoadSecond]) -> RungFigures:
    seconds = _seconds_of_rung(rung, course)
    acks = Histogram()
    for second in seconds:
        acks.merge(second.reported.histogram(Metric.ACK))
    p99_ns = acks.quantile_ns(0.99)
    return RungFigures(
        load=rung.load,
        way="up" if rung.upward else "down",
        well=rung.well,
        seconds=len(seconds),
        due_per_s=rate_of(seconds, Counter.DUE),
        acked_per_s=done_per_s(seconds) if seconds else None,
        delivered_per_s=rate_of(seconds, Counter.DELIVERED),
        clients=seconds[-1].ready if seconds else None,
        ack_p99_ms=None if p99_ns is None else round(p99_ns / NS_PER_MS, 6),
        reason=rung.reason,
    )


def _seconds_of_rung(rung: RungFacts, course: Sequence[LoadSecond]) -> list[LoadSecond]:
    if rung.from_ns is None or rung.until_ns is None:
        return []
    return between(course, rung.from_ns + SETTLE_NS, rung.until_ns)


# --- the way back --------------------------------------------------------------------------------------------------


def _recovery_s(loop: _Loop) -> float | None:
    if loop.facts.well_ns is None or loop.turn_ns is None:
        return None
    return round(max(0, loop.facts.well_ns - loop.turn_ns) / NS_PER_S, 3)


def _restart_needed(loop: _Loop) -> bool | None:
    """Return True when the target stayed sick on the lowest rung and did not get better; None when it is not known."""
    if loop.recovery is not None:
        return False
    lowest = min(rung.load for rung in loop.up)
    last = loop.down[-1] if loop.down else None
    if last is None or last.load != lowest or last.well is not False:
        return None
    seconds = _seconds_of_rung(last, loop.seconds)
    if len(seconds) < 2:
        return None
    before, now = seconds[len(seconds) // 2], seconds[-1]
    fewer_missing = now.ready > before.ready
    shrinks = now.owed < STILL_SICK * before.owed
    return None if fewer_missing or shrinks else True


def _never_back(loop: _Loop) -> int | None:
    """Return how many clients were missing at the end, compared with those of the first rung."""
    first = _seconds_of_rung(loop.up[0], loop.seconds)
    if loop.tipping is None or not first or not loop.seconds:
        return None
    last = (loop.down or loop.up)[-1]
    more = 0 if loop.facts.by_rate else last.load - loop.up[0].load
    return max(0, first[-1].ready + more - loop.seconds[-1].ready)


# --- what keeps it sick --------------------------------------------------------------------------------------------


def _sustained_by(loop: _Loop) -> str | None:
    """Return the name of the loop that kept the target sick at a load that it had carried; None if there was none."""
    carried = max((rung.load for rung in loop.up if rung.well), default=None)
    if carried is None:
        return None
    sick = [rung for rung in loop.down if rung.well is False and rung.load <= carried]
    seconds = [second for rung in sick for second in _seconds_of_rung(rung, loop.seconds)]
    if not seconds:
        return None
    sent = max(1, _total(seconds, Counter.SENT))
    extra: Mapping[str, float] = {
        RECONNECTS: _attempts(seconds) / sent,
        RETRANSMISSIONS: _total(seconds, Counter.REDELIVERED) / sent,
        REPLAY: _total(seconds, Counter.DUPLICATED) / sent,
    }
    name = max(extra, key=lambda key: extra[key])
    if extra[name] >= LEAST_SHARE:
        return name
    return BACKLOG if seconds[-1].owed > slack(seconds) else None


def _connects_per_lost(seconds: Sequence[LoadSecond]) -> float | None:
    return _ratio(_attempts(seconds), sum(second.dropped for second in seconds))


def _attempts(seconds: Iterable[LoadSecond]) -> int:
    """Return the connects of clients that had lost their connection, those that failed included."""
    return _total(seconds, Counter.RECONNECTS) + _total(seconds, Counter.REFUSED)


def _packets_per_message(seconds: Sequence[LoadSecond]) -> float | None:
    sent = _total(seconds, Counter.SENT)
    return _ratio(sent + _total(seconds, Counter.REDELIVERED), sent)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 3) if whole else None


def _total(seconds: Iterable[LoadSecond], counter: Counter) -> int:
    return sum(second.reported.total(counter) for second in seconds)
