"""The workers and bees that were lost during a run: which, with what share, and since when their share is missing.

A worker that stayed is one that was not lost. What is judged of the broker is judged by those that stayed: what the
others owed when they were lost was due to their hosts or their network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from malaria.analysis.timeline import load_clock, load_start_ns
from malaria.analysis.windows import workers_of
from malaria.records.rows import Sample
from malaria.records.run import Run
from malaria.records.run_meta import LostWorker
from malaria.records.sample_histograms import second_of


@dataclass(frozen=True, slots=True)
class Loss:
    """One worker, or a whole bee, that was lost. Its share is missing from `since_ns` (run time) to the end.

    `clients` is None where the run does not say how many clients it had.
    """

    name: str
    is_bee: bool
    share: str
    since_ns: int
    workers: tuple[str, ...]
    clients: int | None

    @property
    def who(self) -> str:
        """Return `bee-2`, or `worker 2`."""
        return self.name if self.is_bee else f"worker {self.name}"


def losses_of(run: Run) -> tuple[Loss, ...]:
    """Return the losses in order of time."""
    return run.once(_losses)


def _losses(run: Run) -> tuple[Loss, ...]:
    losses = [_loss(run, one) for one in run.meta.lost_workers]
    return tuple(sorted(losses, key=lambda loss: loss.since_ns))


def _loss(run: Run, lost: LostWorker) -> Loss:
    workers = tuple(worker for worker in workers_of(run) if lost.has(worker))
    since_ns = lost.since_ns
    if since_ns is None:  # an earlier version stored the run: the share is missing from its last sample on
        since_ns = max((sample.end_ns for sample in run.samples if lost.has(sample.worker)), default=0)
    name = str(lost.worker)
    is_bee = any(worker != name for worker in workers)
    return Loss(name, is_bee, str(lost.share), since_ns, workers, lost.clients)


def gone_since_ns(run: Run) -> Mapping[str, int]:
    """Return for each lost worker when its share began to be missing."""
    return {worker: loss.since_ns for loss in losses_of(run) for worker in loss.workers}


def stayed(run: Run) -> list[str]:
    """Return the workers that were not lost; all of them where every one was lost, for nothing else is left."""
    gone = gone_since_ns(run)
    workers = workers_of(run)
    return [worker for worker in workers if worker not in gone] or workers


def samples_that_stayed(run: Run) -> Sequence[Sample]:
    """Return the samples of the workers that stayed."""
    if not run.meta.lost_workers:
        return run.samples
    there = set(stayed(run))
    return [sample for sample in run.samples if sample.worker in there]


def samples_before_loss(run: Run) -> Sequence[Sample]:
    """Return the samples from before the first bee was lost; all of them where none was.

    What a bee has sent arrives after the loss, with all of the time in which its network was away.
    """
    since_ns = [loss.since_ns for loss in losses_of(run) if loss.is_bee]
    if not since_ns:
        return run.samples
    last_s = second_of(min(since_ns))
    return [sample for sample in run.samples if second_of(sample.end_ns) <= last_s]


def missing_words(run: Run) -> str:
    """Return `bee-2 (1/2 of the load) is missing from 0:04 on`; empty where nobody was lost.

    Times count from the start of the load.
    """
    losses = losses_of(run)
    if not losses:
        return ""
    return f"{missing_names(losses)} from {load_clock(run.meta, _begins_ns(run, losses[0]))} on"


def missing_names(losses: Sequence[Loss]) -> str:
    """Return `bee-2 (1/2 of the load) is missing`; at least one loss is needed."""
    named = _listed(f"{loss.who} ({loss.share} of the load)" for loss in losses)
    return f"{named} {'is' if len(losses) == 1 else 'are'} missing"


def _begins_ns(run: Run, loss: Loss) -> int:
    """Return when its share began to be missing in the load."""
    return max(loss.since_ns, load_start_ns(run.meta))


def _listed(texts: Iterable[str]) -> str:
    """Return the texts as a list in words: `a, b and c`."""
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last
