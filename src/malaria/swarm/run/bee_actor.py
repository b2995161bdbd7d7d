"""A bee as an actor of Dask: `BeeRunner`, called and answering over the connection that a Dask worker has anyway."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from distributed import get_worker

from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined, ReportBatch
from malaria.swarm.run.bee_runner import BeeRunner

REPORT_BATCH: Final = "report_batch"
"""Key of a batch in an event of Dask."""
runners: Final[list[BeeRunner]] = []
"""The bees of this process; `bee_process` stops them when it ends."""


def topic_of(run: str) -> str:
    """Return the topic of Dask's events under which the bees of a run publish their batches."""
    return f"malaria-{run}"


class BeeActor:
    """Made by Dask on the bee. Its methods are called by the conductor, one at a time."""

    def __init__(self, name: str, run: str, directory: str) -> None:
        """`directory` empty: below that of the Dask worker."""
        worker: Any = get_worker()
        topic = topic_of(run)

        def send(batch: ReportBatch) -> None:
            worker.log_event(topic, {REPORT_BATCH: pickle.dumps(batch, pickle.HIGHEST_PROTOCOL)})

        own = Path(directory) if directory else Path(worker.local_directory).resolve() / "malaria"
        self._runner = BeeRunner(name, run, own, str(urlsplit(worker.address).hostname), send)
        runners.append(self._runner)

    def join(self, clock_key: bytes) -> Joined:
        return self._runner.join(clock_key)

    def assign(self, assignment: Assignment) -> Assigned:
        return self._runner.assign(assignment)

    def execute(self, command: Command) -> int:
        return self._runner.execute(command)

    def forget(self) -> None:
        self._runner.forget()
