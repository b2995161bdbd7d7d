"""A stored run in memory: everything that a report, an export or a verdict reads."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from malaria.records.damage import SOUND, RunDamage
from malaria.records.histogram import Histogram
from malaria.records.perf_profile import Profile
from malaria.records.rows import Event, LedgerTotals, Observation, Sample
from malaria.records.run_meta import RunMeta
from malaria.records.sample_timeline import Timeline


@dataclass(frozen=True)
class Run:
    """Facts, rows and ledger of one run. Rows are in order of time; `ledger` is None for a run that was cut short.

    Rows that could not be read are missing here, and `damage` says so.

    `after_loss` has the samples of lost workers from after they were lost, which were fetched from the disk of a bee.
    No figure stands on them: what such a worker owed was due to its host or its network, not to the broker.

    What is expensive to make is made once and kept. Do not change what `histogram` and `once` return.
    """

    meta: RunMeta
    samples: tuple[Sample, ...]
    events: tuple[Event, ...]
    ledger: LedgerTotals | None
    observations: tuple[Observation, ...] = ()
    profile: Profile | None = None
    damage: RunDamage = SOUND
    after_loss: tuple[Sample, ...] = ()
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def histogram(self, metric: str) -> Histogram:
        """Return the histogram of a metric over the whole run; an empty one if a part of it was lost.

        Raises RunError for a damaged one.
        """
        if self.damage.hits("sample", "histogram"):
            return Histogram()
        if metric not in self._kept:
            self._kept[metric] = self._merged(metric)
        found: Histogram = self._kept[metric]
        return found

    def _merged(self, metric: str) -> Histogram:
        """Merge the seconds, and not the samples again: to unpack a histogram takes longer than to add it."""
        merged = Histogram()
        for second in self.timeline:
            merged.merge(second.histogram(metric))
        return merged

    @cached_property
    def timeline(self) -> Timeline:
        """Return the samples by second, not to be changed."""
        return Timeline(self.samples)

    def once[T](self, make: Callable[[Run], T]) -> T:
        """Return `make(self)`, computed at the first call with this function."""
        if make not in self._kept:
            self._kept[make] = make(self)
        made: T = self._kept[make]
        return made
