"""Bees on a Dask cluster that runs already, on Kubernetes, Slurm or a cloud: each of its workers becomes a bee.

Dask's own configuration names the TLS files (`distributed.comm.tls`, or DASK_DISTRIBUTED__COMM__TLS__CA_FILE and its
like in the environment). Its workers must have this version of malaria.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from malaria.swarm.run.launcher import FetchedSpools, LaunchedBee

if TYPE_CHECKING:
    from malaria.model.key_part import KeyPart
    from malaria.swarm.run.certificates import RunCertificates


class DaskLauncher:
    """The workers of one scheduler, as they are when the attack begins."""

    names: Final[tuple[str, ...]] = ()
    port: Final = 0

    def __init__(self, scheduler: str, workers: int | None = None) -> None:
        self.scheduler = scheduler
        self.workers = workers

    @property
    def swarm(self) -> str:
        return self.scheduler

    async def start(self, port: int, certificates: Mapping[str, RunCertificates]) -> list[LaunchedBee]:
        """Start nothing: the workers run already."""
        return []

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        return ()

    def sources_of(self, name: str) -> tuple[str, ...]:
        return ()

    async def fetch_spools(self, names: Sequence[str], run_name: str) -> FetchedSpools:
        """Return nothing: the disks of Dask workers are out of reach."""
        return FetchedSpools({}, dict.fromkeys(names, "the disks of Dask workers are out of reach"))

    async def remove_spools(self, names: Sequence[str], run_name: str) -> None:
        return None

    async def end(self) -> None:
        return None
