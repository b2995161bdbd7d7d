"""The figures of the attack that runs, and of the one before it, for programs that ask while it runs.

Promises: counters and histograms of a run only grow; the totals are those of the runner itself, and at the end those of
`summary.json`; memory does not grow with time. What an attack gives is added up on a thread of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final

from malaria.clock import NS_PER_S
from malaria.outputs.files import SUMMARY
from malaria.outputs.live.background_sink import BackgroundSink
from malaria.outputs.live.followed_attack import FollowedAttack, run_name
from malaria.outputs.live.metric_names import ACCOUNT, CLIENTS_PLANNED, DUE_RATE, GAUGES, HISTOGRAMS, LiveMetric
from malaria.records.histogram import Histogram
from malaria.records.rows import Event, Gauge, Metric, Observation, Progress, RunPhase, Sample
from malaria.records.run_meta import RunMeta
from malaria.records.sample_histograms import unpack
from malaria.report.terminal.latest_readings import LatestReadings

RUNS_KEPT: Final = 2
"""The attack that runs and the one before it, so that a page does not grow with the attacks of a campaign."""


def _gauge_of(run: LiveRun, gauge: Gauge) -> float | None:
    return run.gauges.get(gauge)


def _account_of(run: LiveRun, key: str) -> float | None:
    found: float | None = (run.summary or {}).get("messages", {}).get(key)
    return found


class LiveRun:
    """The figures of one attack. `summary` is what `summary.json` holds, {} if there is none; None until the end."""

    def __init__(self, name: str, facts: RunMeta) -> None:
        self.name = name
        self.facts = facts
        self.totals: Mapping[str, int] = {}
        self.gauges: Mapping[str, int] = {}
        self.histograms: dict[Metric, Histogram] = {}
        self.phase = RunPhase.PREPARE
        self.clients_planned = facts.clients_planned
        self.due_per_s: float | None = None
        self.at_ns = 0
        self.summary: Mapping[str, Any] | None = None
        self._cpu_ns: dict[str, int] = {}

    @property
    def cpu_ns(self) -> int:
        """The CPU time of all workers, those that were lost included."""
        return sum(self._cpu_ns.values())

    @property
    def outcome(self) -> str | None:
        """The verdict, once it is known."""
        found: str | None = (self.summary or {}).get("verdict", {}).get("outcome")
        return found

    @property
    def started_wall_ns(self) -> int:
        """The wall clock at the zero of run time."""
        return self.facts.epoch_wall_ns or 0

    def add(self, sample: Sample) -> None:
        """Add the sample of one worker."""
        for metric in HISTOGRAMS:
            if metric in sample.histograms:
                self.histograms.setdefault(metric, Histogram()).merge(unpack(sample, metric))
        self._cpu_ns[sample.worker] = max(
            self._cpu_ns.get(sample.worker, 0), sample.gauges.get(Gauge.CPU_NS, 0)
        )  # a report that comes late, from a bee's disk, is an older one

    def show(self, progress: Progress) -> None:
        """Take how the attack stands."""
        self.totals, self.gauges = progress.totals, progress.gauges
        self.phase, self.at_ns = progress.phase, progress.at_ns
        self.clients_planned = progress.clients_planned
        self.due_per_s = progress.due_now_per_s


type ReadGauge = Callable[[LiveRun], float | None]

GAUGE_READERS: Final[tuple[tuple[LiveMetric, ReadGauge], ...]] = (
    *((metric, partial(_gauge_of, gauge=gauge)) for gauge, metric in GAUGES.items()),
    (CLIENTS_PLANNED, lambda run: run.clients_planned),
    (DUE_RATE, lambda run: run.due_per_s),
    *((metric, partial(_account_of, key=key)) for key, metric in ACCOUNT.items()),
)
"""The gauges of a run, and what reads each; None is unknown."""


class LiveFigures:
    """A follower of attacks. `root` is the directory that the command writes to.

    Readers on any thread take the runs and readings from `reading`, under its lock and not for long.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sink = BackgroundSink("live figures")
        self._lock = Lock()
        self._runs: list[LiveRun] = []
        self._directory = root
        self.readings = LatestReadings()

    def begin(self, attack: FollowedAttack) -> None:
        self._sink.put(partial(self._begin, attack))

    def sample(self, sample: Sample) -> None:
        self._sink.put(partial(self._sample, sample))

    def observation(self, row: Observation) -> None:
        self._sink.put(lambda: self.readings.take(row))

    def event(self, event: Event) -> None:
        """Do nothing: marks are not figures."""

    def progress(self, progress: Progress) -> None:
        self._sink.put(partial(self._progress, progress))

    def end(self, failure: str) -> None:
        self._sink.put(partial(self._end, failure))

    def close(self) -> str:
        """Add up what waits. May be called twice. Return what there is to tell: nothing."""
        self._sink.close()
        return ""

    @property
    def dropped(self) -> int:
        """The rows that these figures lack."""
        return self._sink.dropped

    @contextmanager
    def reading(self) -> Iterator[list[LiveRun]]:
        """Give the runs, the one under way last. They stand still during the block."""
        with self._lock:
            yield self._runs

    def _begin(self, attack: FollowedAttack) -> None:
        run = LiveRun(run_name(attack.directory, self._root), attack.facts)
        with self._lock:
            self._directory = attack.directory
            self.readings = LatestReadings()
            self._runs = [*(one for one in self._runs if one.name != run.name), run][-RUNS_KEPT:]

    def _sample(self, sample: Sample) -> None:
        with self._lock:
            self._runs[-1].add(sample)

    def _progress(self, progress: Progress) -> None:
        with self._lock:
            self._runs[-1].show(progress)

    def _end(self, failure: str) -> None:
        summary = {} if failure else read_summary(self._directory)
        with self._lock:
            # an attack may end before it began
            if self._runs and self._runs[-1].summary is None:
                self._runs[-1].summary = summary


def read_summary(directory: Path) -> Mapping[str, Any]:
    """Return what `summary.json` of a run holds; {} if there is none that can be read."""
    try:
        summary = json.loads((directory / SUMMARY).read_text())
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def seconds(ns: float) -> float:
    """Return nanoseconds in the base unit of metrics."""
    return ns / NS_PER_S
