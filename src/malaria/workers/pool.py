"""The interface of the workers of an attack, on this host or on many."""

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
        """Return the share of a worker, or of a bee by the part of a worker's name before the slash."""
        ...

    def order(self, order: Order) -> None:
        """Send an order to every worker that has not finished."""
        ...

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        """Return the reports since the last call, with their worker; wait up to `timeout_s` for the first one."""
        ...

    def late(self) -> list[tuple[str, Report]]:
        """Return, at the end, the reports that did not arrive while the load ran."""
        ...

    def facts(self) -> RunMeta:
        """Return what is known of the hosts of this load by now."""
        ...

    def forget(self) -> None:
        """Let the workers delete their copies of the reports: everything is stored."""
        ...

    def close(self) -> None: ...
