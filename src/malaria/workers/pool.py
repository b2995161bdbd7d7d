"""Describe the workers of an attack, on this host or on many, behind one interface."""

from __future__ import annotations

from typing import Protocol

from malaria.control.messages import Order, Report
from malaria.records.run_meta import RunMeta
from malaria.schedule.share import Share


class WorkerPool(Protocol):
    """The workers that make one load: `LocalWorkers` on this host, `SwarmWorkers` on many."""

    @property
    def workers(self) -> tuple[str, ...]: ...

    def share_of(self, worker: str) -> Share:
        """The share of a worker or, by the part of its name before the slash, of its bee."""
        ...

    def order(self, order: Order) -> None:
        """Tells every worker that is still there."""
        ...

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        """What the workers have said, waiting up to `timeout_s` for the first word."""
        ...

    def late(self) -> list[tuple[str, Report]]:
        """At the end: what workers told that was not heard while the load ran."""
        ...

    def facts(self) -> RunMeta:
        """What the record is to know of the hosts of this load, by now."""
        ...

    def forget(self) -> None:
        """All that was told is stored."""
        ...

    def close(self) -> None: ...
