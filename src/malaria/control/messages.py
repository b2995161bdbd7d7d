"""What a conductor tells a worker, and a worker its conductor. All frozen, all picklable, no secrets in repr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from malaria.control.changes import Act
from malaria.control.standing import Standing
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.records.ledger import Published, Received
from malaria.records.rows import Event, Sample
from malaria.schedule.share import Share
from malaria.transport.route import Route


@dataclass(frozen=True, slots=True)
class Task:
    """The first word to a worker: what it is to be. Sent over the pipe, never through argv: it holds credentials."""

    worker: str
    warhead: Warhead = field(repr=False)
    share: Share
    identity: Identity
    routes: Mapping[str, Route]  # by group
    epoch_ns: int


@dataclass(frozen=True, slots=True)
class ConnectAll:
    """Bring in the clients that are there from the start: first those that subscribe, then (`rest`) the others."""

    rest: bool


@dataclass(frozen=True, slots=True)
class StartPublishing:
    """Publish from `origin_ns`, measure from `measure_ns` until `end_ns` (run time; None: until told or done)."""

    origin_ns: int
    measure_ns: int
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class EndPublishing:
    """Nothing is due any more; finish what is under way."""


@dataclass(frozen=True, slots=True)
class TellAccount:
    """Report the ledger as it stands."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Hang up, report the rest, end."""


@dataclass(frozen=True, slots=True)
class CorrectEpoch:
    """Run time 0 lies here on this host's clock, as it is known by now. Moves what is stamped, not what is due."""

    epoch_ns: int


type Order = ConnectAll | StartPublishing | Act | EndPublishing | TellAccount | Finish | CorrectEpoch


@dataclass(frozen=True, slots=True)
class Prepared:
    """The worker has its plan; `clients` are its own."""

    clients: int


@dataclass(frozen=True, slots=True)
class SecondReport:
    """A closed period, the marks in it, and the reasons of failed connects so far."""

    sample: Sample
    events: tuple[Event, ...]
    causes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Account:
    """The worker's part of the ledger. `note` says why deliveries are not followed, if they are not."""

    published: tuple[Published, ...]
    received: Received
    note: str


@dataclass(frozen=True, slots=True)
class Started:
    """The load began: when (run time) the worker took up the instant that `StartPublishing` named."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The last word of a worker."""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """Said by the bee, not by the worker: it is gone without a last word.

    `bee` is named when all of that bee is lost, for the same reason.
    """

    reason: str
    bee: str = ""


type Report = Prepared | Standing | SecondReport | Account | Started | Finished | WorkerLost
