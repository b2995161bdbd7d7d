"""What a conductor and a bee tell each other beside orders and reports. All frozen, all picklable, no secrets shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from malaria.control.messages import Order
from malaria.model.target import Target
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.schedule.share import Share
from malaria.swarm.run.spool import SpooledRun


@dataclass(frozen=True, slots=True)
class Joined:
    """A bee is there. `directory` is where it may write, `clock_address` where it tells the time to who has the key."""

    bee: str
    cores: int
    directory: str
    environment: Mapping[str, Any]
    clock_address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one bee is to carry. The warhead names its files as they are called on the bee."""

    warhead: Warhead = field(repr=False)
    targets: Mapping[str, Target] = field(repr=False)  # by group
    identity: Identity = field(repr=False)
    share: Share
    epoch_ns: int  # run time 0 on the bee's clock
    workers: int | None = None  # None: one per core
    gather_s: float = 0.1  # how long words of workers are gathered before they are sent as one
    sources: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The bee has its workers: their names and shares, in order."""

    workers: Mapping[str, Share]


@dataclass(frozen=True, slots=True)
class Command:
    """From the conductor, at least once a beat: what to do, and where run time 0 lies on the bee's clock by now."""

    orders: tuple[Order, ...] = ()
    epoch_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ReportBatch:
    """From a bee, at least once a beat: what its workers said since the last one, numbered without gaps.

    `stopped` says why the bee ended its load by itself; `kept` why its records are not on its disk. Empty: neither.
    """

    bee: str
    reports: tuple[SpooledRun, ...]
    stopped: str = ""
    unkept: str = ""
