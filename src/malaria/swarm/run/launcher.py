"""The interface to the hosts of an attack: start the process of each bee there, and fetch what it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from malaria.model.key_part import KeyPart
    from malaria.swarm.run.certificates import RunCertificates


@dataclass(frozen=True, slots=True)
class FetchedSpools:
    """Spool files by bee, and for each bee that could not be reached the reason. Other bees have no file."""

    files: Mapping[str, bytes]
    unreachable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LaunchedBee:
    """A bee's process: its name as a worker of Dask, and where it may write (empty: where Dask may)."""

    name: str
    directory: str = ""


class Launcher(Protocol):
    """Hosts that can have a bee. `scheduler` is set where Dask workers run already: then nothing is started."""

    @property
    def scheduler(self) -> str: ...

    @property
    def swarm(self) -> str:
        """The name of the swarm in the record."""
        ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def workers(self) -> int | None:
        """Worker processes on each bee; None: one per core."""
        ...

    @property
    def port(self) -> int:
        """The port that the conductor's scheduler listens at; 0: any free one."""
        ...

    async def start(self, port: int, certificates: Mapping[str, RunCertificates]) -> list[LaunchedBee]:
        """Start a process on each bee, and wait until it has joined the scheduler that listens here at `port`.

        Raises SwarmError, which names every bee that failed.
        """
        ...

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        """Return the parts of files of keys that a bee has already."""
        ...

    def sources_of(self, name: str) -> tuple[str, ...]:
        """Return the addresses that the clients of a bee connect from; empty: the kernel chooses."""
        ...

    async def fetch_spools(self, names: Sequence[str], run_name: str) -> FetchedSpools:
        """Fetch the spool files of a run from those bees."""
        ...

    async def remove_spools(self, names: Sequence[str], run_name: str) -> None:
        """Remove spool files that have been collected."""
        ...

    async def end(self) -> None:
        """Release what was needed to start the bees."""
        ...
