"""Find the times in which the broker stood still: messages were due, and no worker heard anything of it.

The rule stands here alone, in `RULE`. A time in which a worker itself did not run is not in its record of silences, so
it is no stall. A stall that began in the measured time counts to its end if the broker was heard again, otherwise to
the end of the load: what is missing then is told as unacknowledged or lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from malaria.analysis.seconds import seconds_of
from malaria.analysis.steered_times import without_own_waits, without_pauses
from malaria.analysis.summary_figures import EpisodeFigures, StallFigures, Summary
from malaria.analysis.timeline import load_time_s
from malaria.analysis.windows import load_window_ns, workers_of
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import Gauge, Metric, Sample
from malaria.records.run import Run
from malaria.units import format_clock, format_count

LEAST_NS: Final = NS_PER_S
USUAL_TIMES: Final = 20
"""A stall is longer than LEAST_NS, and than so many times the usual latency."""
RULE: Final = (
    f"The broker stands still when messages are due and no worker hears an acknowledgement or a delivery for more than "
    f"{LEAST_NS // NS_PER_S} s, and for more than {USUAL_TIMES} times the usual p50 (the median of the seconds' p50). "
    "Times in which a worker itself did not run are left out, and so is the wait of clients before they connect again "
    "when malaria broke all connections."
)
STALL: Final = "stall"
"""The kind of these episodes in `summary.json`."""
MOST_TOLD: Final = 3
"""Stalls that one sentence names."""


@dataclass(frozen=True, slots=True)
class Stall:
    """One standstill of the broker, in run time."""

    since_ns: int
    until_ns: int

    @property
    def length_ns(self) -> int:
        return self.until_ns - self.since_ns

    @property
    def words(self) -> str:
        return f"the broker stood still for {_seconds(self.length_ns / NS_PER_S)}"

    def touches(self, spans: Iterable[tuple[int, int]]) -> bool:
        """Return True if a part of it lies in one of these times."""
        return any(self.since_ns < until_ns and since_ns < self.until_ns for since_ns, until_ns in spans)


@dataclass(frozen=True, slots=True)
class _Silence:
    """A span in which a worker heard nothing. `waiting_ns` is since when a message waited in it; None: none did."""

    since_ns: int
    until_ns: int
    waiting_ns: int | None
    ended: bool  # by hearing of the broker


def stalls_of(run: Run) -> tuple[Stall, ...] | None:
    """Return the stalls of a run in order of time; None where they cannot be known.

    That is a run of an earlier version, one with lost records, and one that expects no answer to some messages.
    """
    return run.once(_stalls)


def stall_limit_ns(run: Run) -> int:
    """Return how long the broker may be silent in this run before that is a stall."""
    return run.once(_limit_ns)


def stall_figures(run: Run) -> StallFigures:
    """Return the stalls in figures."""
    stalls = stalls_of(run)
    if stalls is None:
        return StallFigures()
    return StallFigures(len(stalls), longest_ms(stalls), round(stall_limit_ns(run) / NS_PER_MS, 6))


def longest_ms(stalls: Iterable[Stall]) -> float:
    """Return the length of the longest stall; 0 without any."""
    return round(max((stall.length_ns for stall in stalls), default=0) / NS_PER_MS, 6)


def episode_figures(run: Run) -> tuple[EpisodeFigures, ...]:
    """Return the stalls as `summary.json` has them, with times since the start of the load."""
    return tuple(
        EpisodeFigures(
            kind=STALL,
            at_s=round(load_time_s(run.meta, stall.since_ns), 3),
            length_s=round(stall.length_ns / NS_PER_S, 3),
            text=f"{stall.words} at {format_clock(load_time_s(run.meta, stall.since_ns))}",
        )
        for stall in stalls_of(run) or ()
    )


def stall_sentence(summary: Summary) -> str:
    """Return `the broker stood still for 3.0 s at 0:05`; of several, how often, and the longest."""
    stalls = [episode for episode in summary.episodes if episode.kind == STALL]
    if not stalls:
        return ""
    lost = "; nothing was lost" if summary.messages.lost == 0 else ""
    if len(stalls) == 1:
        return f"{stalls[0].text}{lost}"
    longest = sorted(stalls, key=lambda stall: -stall.length_s)[:MOST_TOLD]
    told = ", ".join(f"{_seconds(stall.length_s)} at {format_clock(stall.at_s)}" for stall in longest)
    more = "" if len(stalls) <= MOST_TOLD else "the longest: "
    return f"the broker stood still {format_count(len(stalls))} times: {more}{told}{lost}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


# --- of a run ------------------------------------------------------------------------------------------------------


def _stalls(run: Run) -> tuple[Stall, ...] | None:
    window = load_window_ns(run)
    recorded = any(Gauge.SILENT_MAX_NS in sample.gauges for sample in run.samples)
    if window is None or not recorded or run.damage.hits("sample") or not _every_message_is_answered(run):
        return None
    silences = _common([_silences(run, worker) for worker in workers_of(run)])
    found = (_stall(silence, window, acknowledged=bool(run.meta.acknowledged)) for silence in silences)
    stalls = [stall for stall in found if stall is not None]
    if not run.meta.acknowledged:  # then a worker cannot tell whether its messages were answered
        stalls = [Stall(*without_pauses(run, (stall.since_ns, stall.until_ns))) for stall in stalls]
    stalls = [Stall(*without_own_waits(run, (stall.since_ns, stall.until_ns))) for stall in stalls]
    long = [stall for stall in stalls if stall.length_ns > LEAST_NS]
    return tuple(stall for stall in long if stall.length_ns > stall_limit_ns(run))


def _every_message_is_answered(run: Run) -> bool:
    """Return True if the broker owes something for every message: an acknowledgement, or a delivery to a subscriber."""
    if run.meta.acknowledged:
        return True
    ledger = run.ledger
    known = ledger is not None and ledger.expected is not None and ledger.sent is not None
    return known and bool(ledger.expected) and ledger.expected >= ledger.sent  # type: ignore[union-attr,operator]


def _stall(silence: _Silence, window: tuple[int, int], *, acknowledged: bool) -> Stall | None:
    """Return the stall in a silence. Without acknowledgements one that did not end is a loss, which is told as that."""
    if silence.waiting_ns is None or not (silence.ended or acknowledged):
        return None
    since_ns = max(silence.since_ns, silence.waiting_ns, window[0])
    until_ns = silence.until_ns if silence.ended else min(silence.until_ns, window[1])
    return Stall(since_ns, until_ns) if since_ns < min(until_ns, window[1]) else None


def _limit_ns(run: Run) -> int:
    metric = Metric.ACK if run.meta.acknowledged else Metric.END_TO_END
    p50s = [p50 for second in seconds_of(run) if (p50 := second.reported.histogram(metric).quantile_ns(0.5))]
    return max(LEAST_NS, round(USUAL_TIMES * median(p50s))) if p50s else LEAST_NS


# --- of workers ----------------------------------------------------------------------------------------------------


def _silences(run: Run, worker: str) -> list[_Silence]:
    """Return the silences of a worker. One that lasts over several periods is reported in each of them, ever longer."""
    samples = [sample for sample in run.samples if sample.worker == worker]
    if not samples:
        return []
    silences: list[_Silence] = []
    first_ns, last_ns = min(s.start_ns for s in samples), max(s.end_ns for s in samples)
    for silence in sorted(map(_silence, samples), key=lambda one: one.until_ns):
        if silence.until_ns <= silence.since_ns:
            continue
        if silences and silence.since_ns < silences[-1].until_ns:
            silences.pop()
        silences.append(silence)
    return [_Silence(-1, first_ns, None, False), *silences, _Silence(last_ns, 1 << 62, None, False)]


def _silence(sample: Sample) -> _Silence:
    gauges = sample.gauges
    ago_ns, waited_ns = gauges.get(Gauge.SILENT_MAX_AGO_NS, 0), gauges.get(Gauge.WAITED_MAX_NS)
    until_ns = sample.end_ns - ago_ns
    return _Silence(
        since_ns=until_ns - gauges.get(Gauge.SILENT_MAX_NS, 0),
        until_ns=until_ns,
        waiting_ns=None if waited_ns is None else until_ns - waited_ns,
        ended=Gauge.SILENT_MAX_AGO_NS in gauges,
    )


def _common(of_workers: Sequence[Sequence[_Silence]]) -> list[_Silence]:
    """Return the times in which all workers were silent. Before its first sample and after its last a worker is."""
    common, *others = [silences for silences in of_workers if silences] or [[]]
    for silences in others:
        common = list(_both(common, silences))
    return list(common)


def _both(ones: Sequence[_Silence], others: Sequence[_Silence]) -> Iterator[_Silence]:
    """Yield the times in which two were silent, in order, as both are."""
    place = other_place = 0
    while place < len(ones) and other_place < len(others):
        one, other = ones[place], others[other_place]
        first = one if one.until_ns <= other.until_ns else other
        since_ns = max(one.since_ns, other.since_ns)
        if since_ns < first.until_ns:
            waiting = [silence.waiting_ns for silence in (one, other) if silence.waiting_ns is not None]
            yield replace(first, since_ns=since_ns, waiting_ns=min(waiting, default=None))
        place, other_place = place + (first is one), other_place + (first is other)
