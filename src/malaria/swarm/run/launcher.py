"""Where the bees of an attack live, and how the process of each is started and ended there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from malaria.swarm.bee_layout import BeeLayout

if TYPE_CHECKING:
    from malaria.model.key_part import KeyPart
    from malaria.swarm.run.certificates import RunCertificates


class Launcher(Protocol):
    """Hosts that can have a bee. `scheduler` is set where Dask workers run already: then nothing is started."""

    @property
    def scheduler(self) -> str: ...

    @property
    def swarm(self) -> str:
        """What the record calls it."""
        ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def workers(self) -> int | None:
        """Worker processes on each; None: one per core."""
        ...

    @property
    def port(self) -> int:
        """Where the conductor's scheduler is to listen; 0: any free one."""
        ...

    async def start(self, port: int, papers: Mapping[str, RunCertificates]) -> list[BeeLayout]:
        """Starts a process on each, which joins the scheduler that listens here. Raises SwarmError, with the bees that
        failed.
        """
        ...

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        """The parts of files of keys that a bee has already."""
        ...

    def sources_of(self, name: str) -> tuple[str, ...]:
        """The addresses that the clients of a bee leave from; none: as its kernel likes."""
        ...

    async def fetch_kept(self, names: Sequence[str], run_name: str) -> dict[str, bytes]:
        """The files of records of a run that those bees have kept, as far as they can be reached."""
        ...

    async def forget_kept(self, names: Sequence[str], run_name: str) -> None:
        """They have been collected."""
        ...

    async def end(self) -> None:
        """Lets go of what was needed to start them."""
        ...
