"""The messages between the conductor and a worker. All are frozen, can be pickled, and show no secret in their repr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from malaria.control.changes import TimedChange
from malaria.control.standing import Standing
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.records.ledger import Published, Received
from malaria.records.rows import Event, Sample
from malaria.schedule.share import Share
from malaria.transport.route import Route


@dataclass(frozen=True, slots=True)
class Task:
    """The first message to a worker: its name, load and share. It holds credentials, so it never goes through argv."""

    worker: str
    warhead: Warhead = field(repr=False)
    share: Share
    identity: Identity
    routes: Mapping[str, Route]  # by group
    epoch_ns: int


@dataclass(frozen=True, slots=True)
class ConnectAll:
    """Connect the clients that are there from the start: those that subscribe, or with `rest` the others."""

    rest: bool


@dataclass(frozen=True, slots=True)
class StartPublishing:
    """Publish from `origin_ns`, measure from `measure_ns` to `end_ns` (run time; None: until `EndPublishing`)."""

    origin_ns: int
    measure_ns: int
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class EndPublishing:
    """End the load now, or at `at_ns` (run time). Messages due before go out, and those in flight are waited for."""

    at_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ReportAccount:
    """Report the ledger as it stands."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Disconnect, report the rest, and end."""


@dataclass(frozen=True, slots=True)
class CorrectEpoch:
    """Correct where run time 0 lies on the worker's clock. Later stamps move; due times do not."""

    epoch_ns: int


@dataclass(frozen=True, slots=True)
class KeepGoing:
    """Allow the worker to go on for so long. Once one has come, it stops its load when no other one follows in time."""

    patience_ns: int


type Order = (
    ConnectAll | StartPublishing | TimedChange | EndPublishing | ReportAccount | Finish | CorrectEpoch | KeepGoing
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The worker has its plan; it is for `clients` clients."""

    clients: int


@dataclass(frozen=True, slots=True)
class SecondReport:
    """One second of a worker: its sample and marks, and how many clients have failed to connect so far, by reason.

    `failures` has the reasons that have hit a client in this second; the counts of the others are as before.
    """

    sample: Sample
    events: tuple[Event, ...]
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Account:
    """The worker's part of the ledger. `note` says why deliveries are not followed, if they are not."""

    published: tuple[Published, ...]
    received: Received
    note: str


@dataclass(frozen=True, slots=True)
class Started:
    """The load began. `at_ns` (run time) is when the worker noticed that its time had come."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The last report of a worker."""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker is gone without `Finished`. Its bee reports this.

    `bee` is set if all workers of that bee are lost, for the same reason.
    """

    reason: str
    bee: str = ""


type Report = Prepared | Standing | SecondReport | Account | Started | Finished | WorkerLost
