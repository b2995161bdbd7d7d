"""A stored run in memory: everything that a report, an export or a verdict reads."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.records.perf_profile import Profile
from malaria.records.rows import Event, LedgerTotals, Observation, Sample
from malaria.records.run_meta import RunMeta


@dataclass(frozen=True)
class Run:
    """Facts, rows and ledger of one run. Rows are in order of time; `ledger` is None for a run that was cut short."""

    meta: RunMeta
    samples: tuple[Sample, ...]
    events: tuple[Event, ...]
    ledger: LedgerTotals | None
    observations: tuple[Observation, ...] = ()
    profile: Profile | None = None
