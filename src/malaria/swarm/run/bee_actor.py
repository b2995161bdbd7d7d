"""A bee as an actor of Dask: the lodging, with its words sent over the connection that a Dask worker has anyway."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from distributed import get_worker

from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined, ReportBatch
from malaria.swarm.run.bee_runner import BeeRunner

DISPATCH: Final = "dispatch"

lodged: Final[list[BeeRunner]] = []
"""Of this process, for whoever ends it (`malaria.swarm.run.bee_process`)."""


def topic_of(run: str) -> str:
    """Under which a bee's words are published."""
    return f"malaria-{run}"


class BeeActor:
    """Made by Dask on the bee. Its methods are called from afar, one at a time."""

    def __init__(self, name: str, run: str, directory: str) -> None:
        """`directory` empty: that of the Dask worker."""
        worker: Any = get_worker()
        topic = topic_of(run)

        def send(dispatch: ReportBatch) -> None:
            worker.log_event(topic, {DISPATCH: pickle.dumps(dispatch, pickle.HIGHEST_PROTOCOL)})

        place = Path(directory) if directory else Path(worker.local_directory).resolve() / "malaria"
        self._lodging = BeeRunner(name, run, place, str(urlsplit(worker.address).hostname), send)
        lodged.append(self._lodging)

    def join(self, clock_key: bytes) -> Joined:
        return self._lodging.join(clock_key)

    def hire(self, contract: Assignment) -> Assigned:
        return self._lodging.hire(contract)

    def obey(self, word: Command) -> int:
        return self._lodging.obey(word)

    def forget(self) -> None:
        self._lodging.forget()
