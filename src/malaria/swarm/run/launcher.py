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


class Launcher(Protocol):
    """Hosts that can have a bee. `scheduler` is set where they are the workers of a Dask cluster that runs already."""

    @property
    def scheduler(self) -> str: ...

    @property
    def swarm(self) -> str:
        """The name of the swarm in the record."""
        ...

    @property
    def workers(self) -> int | None:
        """Worker processes on each bee; None: one per core."""
        ...

    @property
    def port(self) -> int:
        """The port that the conductor listens at; 0: any free one."""
        ...

    async def find(self) -> tuple[str, ...]:
        """Return the names of the bees, which is all of them. Raises SwarmError if there are none."""
        ...

    async def start(self, port: int, certificates: Mapping[str, RunCertificates], command: str) -> None:
        """Start a bee on each host, which calls the conductor here at `port`, and watch over it.

        `command` is what others are told who find the bees in use.

        Raises SwarmError as soon as one failed; it names every bee that has. Returns when all have joined, or later.
        """
        ...

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        """Return the parts of files of keys that a bee has already."""
        ...

    def sources_of(self, name: str) -> tuple[str, ...]:
        """Return the addresses that the clients of a bee connect from; empty: the kernel chooses."""
        ...

    async def last_words(self, name: str) -> str:
        """Return the last line that a bee printed; empty if it cannot be known."""
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
