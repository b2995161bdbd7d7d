"""Messages between a conductor and a bee, besides the orders and reports of workers. All frozen.

What a bee sends is read by a schema (`bee_schema`). What the conductor sends is pickled: its user may run any program
on the bee. Promises: no secret shows in a repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from malaria.control.messages import Order, Report
from malaria.model.target import Target
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.records.run_meta import EnvironmentFacts
from malaria.schedule.share import Share
from malaria.swarm.run.version_check import VersionStamp


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first message of a conductor: it has let the bee in. `run` is the name of the run."""

    run: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of the methods of `BeeRunner`, and the number that its answer has."""

    number: int
    method: str
    argument: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """A bee is ready for an assignment.

    `directory` is where the bee may write. At `clock_address` it answers questions for its time, which are sealed
    with the run's key.
    """

    bee: str
    cores: int
    directory: str
    environment: EnvironmentFacts
    clock_address: tuple[str, int]
    version: VersionStamp


@dataclass(frozen=True, slots=True)
class Assignment:
    """The part of a load that one bee makes. The warhead names its files by their paths on the bee."""

    warhead: Warhead = field(repr=False)
    targets: Mapping[str, Target] = field(repr=False)  # by group
    identity: Identity = field(repr=False)
    share: Share
    epoch_ns: int  # run time 0 on the bee's clock
    workers: int | None = None  # None: one per core
    gather_s: float = 0.1  # how long reports of workers are gathered before they are sent as one batch
    sources: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The bee has started its workers: their names and shares, in order."""

    workers: Mapping[str, Share]


@dataclass(frozen=True, slots=True)
class Command:
    """Orders for a bee's workers, sent at least once a heartbeat; `epoch_ns` corrects run time 0 on the bee's clock."""

    orders: tuple[Order, ...] = ()
    epoch_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A bee cannot do what it was called for: the cause and the remedy."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Knocked:
    """The target lets the first clients of a bee in: the version that it states, and how they get in (sentences)."""

    bee: str
    version: str | None
    notes: tuple[str, ...]


type CallResult = Joined | Knocked | Assigned | int | Refusal | None


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """The answer to the call of that number; None where the call has no result."""

    number: int
    result: CallResult = None


@dataclass(frozen=True, slots=True)
class SpooledReport:
    """One numbered report of a worker."""

    sequence: int
    worker: str
    report: Report


@dataclass(frozen=True, slots=True)
class ReportBatch:
    """The reports of a bee's workers since the last batch, numbered without gaps; sent at least once a heartbeat.

    `stopped` is the reason if the bee ended its load by itself; `spool_failure` is the reason if its records are not on
    its disk. Both are empty otherwise.
    """

    bee: str
    reports: tuple[SpooledReport, ...]
    stopped: str = ""
    spool_failure: str = ""
