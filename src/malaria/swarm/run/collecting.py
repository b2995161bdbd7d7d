"""Bring the records on the disks of bees into the run that they belong to, each once.

A bee that lost its conductor, or was lost by it, has numbered reports that the run lacks. `next_sequence` in the run's
`bees` is the number of the first of them. It is stored in one step with the records before it, so that whatever was
interrupted, no record is doubled or left out. The verdict of such a run stays UNKNOWN: a part of its load was not made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from malaria.control.messages import SecondReport
from malaria.errors import RunError
from malaria.records.run_meta import BeeFacts, RunMeta
from malaria.records.store import RunWriter, open_run
from malaria.swarm.run.bee_messages import SpooledReport
from malaria.swarm.run.launcher import Launcher
from malaria.swarm.run.spool import read_spool


@dataclass(frozen=True, slots=True)
class CollectedBatch:
    """The reports on the disk of one bee that the run lacks."""

    bee: str
    reports: tuple[SpooledReport, ...]
    next_sequence: int


@dataclass(frozen=True, slots=True)
class Collection:
    """The result: seconds of records by bee, bees that had nothing more, and why bees were not reached."""

    seconds: Mapping[str, int]
    without: tuple[str, ...]
    unreachable: Mapping[str, str] = field(default_factory=dict)


def batch_of(data: bytes, bee: str, run: str, first_sequence: int) -> CollectedBatch | None:
    """Return the reports of a spool file from a number on; None if there are none or it belongs to another run."""
    try:
        header, reports = read_spool(data)
    except ValueError:
        return None
    fresh = tuple(spooled for spooled in reports if spooled.sequence >= first_sequence)
    if (header.run, header.bee) != (run, bee) or not fresh:
        return None
    return CollectedBatch(bee, fresh, fresh[-1].sequence + 1)


def collect(directory: Path, launcher: Launcher) -> Collection:
    """Store what the bees of a run still have. Raises RunError for a run that no swarm made."""
    run, bees = _swarm_of(open_run(directory).meta, directory)
    fetched = asyncio.run(launcher.fetch_spools([bee.bee for bee in bees], run))
    batches = [
        batch
        for bee in bees
        if (data := fetched.files.get(bee.bee)) and (batch := batch_of(data, bee.bee, run, bee.next_sequence))
    ]
    if batches:
        _store(directory, bees, batches)
    # only now, when their reports are on the disk of this host
    asyncio.run(launcher.remove_spools(list(fetched.files), run))
    seconds = {batch.bee: len(list(_seconds([batch]))) for batch in batches}
    others = (bee.bee for bee in bees if bee.bee not in seconds)
    return Collection(seconds, tuple(bee for bee in others if bee not in fetched.unreachable), fetched.unreachable)


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
        for spooled in batch.reports:
            if isinstance(spooled.report, SecondReport):
                yield spooled.report
