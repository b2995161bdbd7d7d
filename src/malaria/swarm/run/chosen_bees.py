"""Choose the bees that make a load, as options or keywords name them, and mark the process that conducts them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from malaria.errors import SwarmError

if TYPE_CHECKING:
    from malaria.swarm.run.launcher import Launcher


@dataclass(frozen=True, slots=True)
class ChosenBees:
    """The bees of a swarm or of a Dask cluster. Nothing named: this machine makes the load.

    `workers` is the number of worker processes on each bee, `knock_from` the bee that looks at the target first.
    """

    swarm: str | None = None
    scheduler: str | None = None
    workers: int | None = None
    bees: Sequence[str] = ()
    without: Sequence[str] = ()
    knock_from: str | None = None

    def launcher(self) -> Launcher | None:
        """Return how they are started; None if this machine makes the load. Raises OperatorError."""
        self._check()
        if self.scheduler is not None:
            return _dask(self.scheduler, self.workers)
        if self.swarm is None:
            return None
        from malaria.swarm.hosts.state import load_swarm
        from malaria.swarm.run.ssh_launcher import SshLauncher

        return SshLauncher(load_swarm(self.swarm).limited_to(self.bees, self.without), self.workers)

    def _check(self) -> None:
        # silently ignored, they would make the load somewhere else than was meant
        if self.swarm is None and (self.bees or self.without):
            raise SwarmError("--bee and --without choose bees of a swarm", "give --swarm NAME as well")
        if self.swarm is None and self.scheduler is None and self.knock_from is not None:
            raise SwarmError("--knock-from names a bee of a swarm", "give --swarm NAME as well")
        if self.swarm is not None and self.scheduler is not None:
            raise SwarmError("--swarm and --scheduler cannot be used together", "give one of them")

    def words(self) -> list[str]:
        """Return the options of `malaria attack` that name them, but for `--workers`."""
        stated = [("--swarm", self.swarm), ("--scheduler", self.scheduler)]
        stated += [*(("--bee", name) for name in self.bees), *(("--without", name) for name in self.without)]
        return [word for flag, name in [*stated, ("--knock-from", self.knock_from)] if name for word in (flag, name)]


def _dask(scheduler: str, workers: int | None) -> Launcher:
    from malaria.extras import need_extra

    need_extra("distributed")
    from malaria.swarm.run.dask_launcher import DaskLauncher

    return DaskLauncher(scheduler, workers)


def conducting(launcher: Launcher | None) -> AbstractContextManager[None]:
    """Let `malaria swarm abort` find this process while it conducts a swarm. It must take SIGTERM as Ctrl-C."""
    # bees of a Dask cluster belong to it; `malaria swarm abort` does not reach them
    if launcher is None or launcher.scheduler:
        return nullcontext()
    from malaria.swarm.hosts.conductor_lock import conducting_swarm

    return conducting_swarm(launcher.swarm)
