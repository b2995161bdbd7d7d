"""The facts of a run (`meta` in run.db): what the part that makes load tells the part that reads results.

Every key has one name and one type here, for writer and reader alike. `docs/run-format.md` explains each. A fact that
is unknown is None (or empty, where an empty list says the same).

Promises: frozen values; a value of the wrong type is a pydantic `ValidationError` when the object is made; keys of
later versions are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from malaria.records.stored_values import StoredCount, StoredFlag, StoredInt, StoredNumber

type RateStep = tuple[StoredNumber, StoredNumber]
"""(run time in ns, messages per second that are due from then on)"""


OF_CROWDS: Final = ("add", "remove")
"""The kinds of change that alter the number of clients."""


class _Facts(BaseModel):
    """A set of facts. Keys that this version does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def as_json(self) -> dict[str, object]:
        """Return the facts that were given, as JSON holds them."""
        return self.model_dump(exclude_unset=True)


class EnvironmentFacts(_Facts):
    """The host that made the load."""

    host: str | None = None
    system: str | None = None
    processor: str | None = None
    cores: StoredCount | None = None
    memory_bytes: StoredCount | None = None
    open_files_limit: Mapping[str, StoredInt] | None = None
    clock_source: str | None = None
    ephemeral_ports: str | None = None
    accept_backlog: str | None = None
    python: str | None = None
    openssl: str | None = None
    numpy: str | None = None
    malaria: str | None = None


class BrokerFacts(_Facts):
    """The broker as it is known before its figures."""

    name: str | None = None
    version: str | None = None
    queue_limit: StoredCount | None = None  # messages that it keeps for one client; 0: no limit


class SurgeFacts(_Facts):
    """The times of one surge: its clients to be added, all ready, to be removed, all gone. None: never."""

    group: str | None = None
    clients: StoredCount = 0
    add_ns: StoredCount | None = None
    added_ns: StoredCount | None = None
    remove_ns: StoredCount | None = None
    removed_ns: StoredCount | None = None


class ChangeFacts(_Facts):
    """A change of the running load that was made: when, its kind, its notation, and who asked for it."""

    at_ns: StoredInt | None = None
    verb: str = ""
    change: str = ""
    by: str = ""


class RungFacts(_Facts):
    """One rung of a staircase: its load, on the way up or down, from when to when it was due, and how it went.

    `well` is None where the load generator was the limit, or too little was seen.
    """

    load: StoredCount = 0
    upward: StoredFlag = True
    from_ns: StoredCount | None = None
    until_ns: StoredCount | None = None
    well: StoredFlag | None = None
    reason: str = ""


class StaircaseFacts(_Facts):
    """A load that climbed step by step until the target broke, and came down until it was well again."""

    by_rate: StoredFlag = False
    rungs: tuple[RungFacts, ...] = ()
    well_ns: StoredCount | None = None


class ObserverFacts(_Facts):
    """One observer of the target side, and how it went."""

    observer: str = ""
    about: str | None = None
    stated: StoredFlag | None = None
    interval_s: StoredNumber | None = None
    samples: StoredCount | None = None
    late_samples: StoredCount | None = None
    gaps: StoredCount | None = None
    dropped_rows: StoredCount | None = None
    reason: str | None = None


class LostWorker(_Facts):
    """A worker, or a whole bee, that was lost with its share of the load.

    `since_ns` is the end of its last sample that came before it was lost, `clients` the number of its clients.
    """

    worker: str | None = None
    share: str | None = None
    reason: str | None = None
    since_ns: StoredCount | None = None
    clients: StoredCount | None = None

    def has(self, worker: str) -> bool:
        """Tell whether this loss is that of a worker, or of its bee: the part of its name before the slash."""
        return self.worker is not None and self.worker in (worker, worker.partition("/")[0])


class WorkerFacts(_Facts):
    """One worker: how many clients it has, when it began to make load, and why clients of it failed to connect."""

    worker: str
    clients: StoredCount | None = None
    started_ns: StoredInt | None = None
    connect_failures: Mapping[str, StoredCount] = Field(default_factory=dict)


class DiskFacts(_Facts):
    """Commits that the disk refused, its first error, and the rows that were given up."""

    failures: StoredCount = 0
    first: str | None = None
    forgotten_rows: StoredCount = 0


class CleanStartFacts(_Facts):
    """The state of the broker at the start: clean, or with old state (None: not known), and the reason."""

    clean: StoredFlag | None = None
    reason: str = ""


class SwarmFacts(_Facts):
    """The swarm that made the load: its name, and that of its records on the bees."""

    name: str | None = None
    run: str = ""


class BeeFacts(_Facts):
    """One bee: its share, and which of its reports the run has."""

    bee: str
    share: str | None = None
    workers: tuple[str, ...] = ()
    next_sequence: StoredCount
    lost: str | None = None
    collected: StoredCount = 0


class OffsetFacts(_Facts):
    """The offset of a bee's clock (bee minus conductor) at a run time, and its error."""

    at_ns: StoredInt | None = None
    offset_ns: StoredInt | None = None
    error_ns: StoredCount | None = None


class BeeClockFacts(_Facts):
    """The clock of one bee before the load and at last."""

    bee: str | None = None
    before: OffsetFacts | None = None
    last: OffsetFacts | None = None
    worst_error_ns: StoredCount | None = None
    best_rtt_ns: StoredInt | None = None
    exchanges: StoredCount | None = None
    corrections: StoredCount | None = None
    steps: StoredCount | None = None


class ClockFacts(_Facts):
    """The largest error of a time between two bees, and the clock of each bee."""

    error_ns: StoredCount | None = None
    bees: tuple[BeeClockFacts, ...] = ()


class StartFacts(_Facts):
    """The times at which the first and the last worker took up the start of the load, in run time."""

    first_ns: StoredInt | None = None
    last_ns: StoredInt | None = None
    spread_ns: StoredCount | None = None


class RunMeta(_Facts):
    """All facts of a run. See `docs/run-format.md`."""

    format: StoredCount | None = None
    malaria_version: str | None = None
    command: str | None = None
    target: str | None = None
    addresses: tuple[str, ...] = ()
    started: str | None = None
    epoch_wall_ns: StoredCount | None = None
    title: str | None = None
    load: str | None = None
    closed_loop: StoredFlag | None = None
    tracked: StoredFlag | None = None
    publishing: StoredFlag | None = None
    acknowledged: StoredFlag | None = None
    subscribing: StoredFlag | None = None
    clients_planned: StoredCount | None = None
    publishers_planned: StoredCount | None = None
    own_client_ids: StoredFlag | None = None
    workers: tuple[str, ...] | None = None
    worker_facts: tuple[WorkerFacts, ...] = ()
    rate_planned_per_s: StoredNumber | None = None
    interval_s: StoredNumber | None = None
    rate_steps: tuple[RateStep, ...] | None = None
    duration_planned_s: StoredNumber | None = None
    thresholds: tuple[str, ...] = ()
    own_lag_limit_ns: StoredCount | None = None
    warhead_toml: str | None = None
    environment: EnvironmentFacts | None = None
    broker: BrokerFacts | None = None
    surges: tuple[SurgeFacts, ...] = ()
    measure_start_ns: StoredCount | None = None
    measure_end_ns: StoredCount | None = None
    first_connect_ns: StoredCount | None = None
    last_connack_ns: StoredCount | None = None
    first_due_ns: StoredCount | None = None
    last_done_ns: StoredCount | None = None
    last_delivered_ns: StoredCount | None = None
    due_measured: StoredCount | None = None
    sent_measured: StoredCount | None = None
    end_ns: StoredCount | None = None
    aborted: str | None = None
    stalled: str | None = None
    unmade_changes: tuple[str, ...] = ()
    changes: tuple[ChangeFacts, ...] = ()
    steered: str | None = None
    observers: tuple[ObserverFacts, ...] = ()
    lost_workers: tuple[LostWorker, ...] = ()
    swarm: SwarmFacts | None = None
    bees: tuple[BeeFacts, ...] | None = None
    bee_environments: Mapping[str, EnvironmentFacts] = Field(default_factory=dict)
    clocks: ClockFacts | None = None
    start: StartFacts | None = None
    connect_failures: Mapping[str, StoredCount] = Field(default_factory=dict)
    own_shortages: Mapping[str, StoredCount] | None = None
    remedies: Mapping[str, str] = Field(default_factory=dict)
    disk_trouble: DiskFacts | None = None
    notes: tuple[str, ...] = ()
    level: StoredCount | None = None
    variant: str | None = None
    note: str | None = None
    clean_start: CleanStartFacts | None = None
    staircase: StaircaseFacts | None = None

    @property
    def crowd_changes(self) -> bool:
        """Tell whether clients came or left while the load ran, as the load wanted it."""
        return bool(self.surges) or any(change.verb in OF_CROWDS for change in self.changes)

    def known(self) -> dict[str, object]:
        """Return the facts that are known, as JSON holds them."""
        return {key: value for key, value in self.as_json().items() if value is not None}
