"""Brings records that bees have kept on their disks into the run that they belong to, each once.

A bee that lost its conductor, or was lost by it, has numbered reports that the run lacks. `next_sequence` in the run's
`bees` says from which number on, and is stored in one step with what came before it, so that whatever was interrupted,
nothing is doubled and nothing left out. The verdict of such a run stays UNKNOWN: a part of its load was not made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from malaria.control.messages import SecondReport
from malaria.errors import RunError
from malaria.records.run_meta import BeeFacts, RunMeta
from malaria.records.store import RunWriter, open_run
from malaria.swarm.run.launcher import Launcher
from malaria.swarm.run.spool import SpooledRun, read_kept


@dataclass(frozen=True, slots=True)
class CollectedBatch:
    """What one bee has kept and the run lacks."""

    bee: str
    reports: tuple[SpooledRun, ...]
    next_sequence: int


@dataclass(frozen=True, slots=True)
class Collection:
    """What came of it: seconds of records by bee, and the bees that had nothing or could not be reached."""

    seconds: Mapping[str, int]
    without: tuple[str, ...]


def batch_of(data: bytes, bee: str, run: str, first_sequence: int) -> CollectedBatch | None:
    """The reports of a file that are new; None when there are none, or it belongs to something else."""
    try:
        heading, reports = read_kept(data)
    except ValueError:
        return None
    fresh = tuple(kept for kept in reports if kept.sequence >= first_sequence)
    if (heading.run, heading.bee) != (run, bee) or not fresh:
        return None
    return CollectedBatch(bee, fresh, fresh[-1].sequence + 1)


def collect(directory: Path, quarters: Launcher) -> Collection:
    """Brings what the bees of a stored run still have. Raises RunError for a run that no swarm made."""
    records = open_run(directory)
    run, bees = _swarm_of(records.meta, directory)
    files = asyncio.run(quarters.fetch_kept([bee.bee for bee in bees], run))
    batches = [
        batch
        for bee in bees
        if (data := files.get(bee.bee)) and (batch := batch_of(data, bee.bee, run, bee.next_sequence))
    ]
    if batches:
        _store(directory, bees, batches)
    asyncio.run(quarters.forget_kept(list(files), run))
    seconds = {batch.bee: sum(isinstance(kept.report, SecondReport) for kept in batch.reports) for batch in batches}
    return Collection(seconds, tuple(bee.bee for bee in bees if bee.bee not in seconds))


def _swarm_of(meta: RunMeta, directory: Path) -> tuple[str, tuple[BeeFacts, ...]]:
    if meta.swarm is None or meta.bees is None:
        raise RunError(f"{directory} was not made by a swarm", "name the directory of a run with --swarm")
    return meta.swarm.run, meta.bees


def _store(directory: Path, bees: tuple[BeeFacts, ...], batches: list[CollectedBatch]) -> None:
    with RunWriter.reopen(directory) as writer:
        for second in _seconds(batches):
            writer.append([second.sample])
            for event in second.events:
                writer.event(event)
        new = {batch.bee: batch for batch in batches}
        writer.describe(RunMeta(bees=tuple(_with_batch(bee, new.get(bee.bee)) for bee in bees)))


def _with_batch(bee: BeeFacts, batch: CollectedBatch | None) -> BeeFacts:
    if batch is None:
        return bee
    collected = bee.collected + len(batch.reports)
    return bee.model_copy(update={"next_sequence": batch.next_sequence, "collected": collected})


def _seconds(batches: list[CollectedBatch]) -> Iterator[SecondReport]:
    for batch in batches:
        for kept in batch.reports:
            if isinstance(kept.report, SecondReport):
                yield kept.report
