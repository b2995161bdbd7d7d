"""Pass each row of an attack on to those who follow it while it runs: the live page, the terminal, metrics.

Promises: a follower that fails is left out with a mark, and the load goes on.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from malaria.attacks.change_door import ChangeDoor
from malaria.errors import OperatorError
from malaria.model.warhead import Warhead
from malaria.printable import printable
from malaria.records.rows import Event, Observation, Progress, Sample
from malaria.records.run_meta import RunMeta


def unheard(text: str) -> None:
    """Do nothing with a note: nobody keeps the marks of this attack."""


@dataclass(frozen=True, slots=True)
class AttackUnderWay:
    """An attack that begins, as its followers get to know it. `facts` are those that are planned (`meta` of the run).

    `directory` holds the run as it grows: `malaria.records.store.open_run` reads what is stored so far. `note` puts a
    mark on the record for what a follower has to report, such as a full disk; it may be called on any thread.
    """

    directory: Path
    title: str
    warhead: Warhead
    workers: tuple[str, ...]
    facts: RunMeta
    door: ChangeDoor
    note: Callable[[str], None] = unheard


class Follower(Protocol):
    """All methods are called on the thread of the attack, and must return at once: keep what is given, work elsewhere.

    A follower may follow several attacks, one after the other: each begins with `begin`.
    """

    def begin(self, attack: AttackUnderWay) -> None:
        """Note that an attack begins."""

    def sample(self, sample: Sample) -> None:
        """Take the sample of one worker for one period, about a second."""

    def observation(self, row: Observation) -> None:
        """Take a row of an observer."""

    def event(self, event: Event) -> None:
        """Take a mark on the time axis."""

    def progress(self, progress: Progress) -> None:
        """Take the state of the attack, a few times a second."""

    def end(self, failure: str) -> None:
        """Note that the attack is over and stored, with its `summary.json`.

        `failure` is the reason if it ended with an error; else empty.
        """


class Followers:
    """Several followers as one: each gets everything, and one that raises gets nothing more."""

    def __init__(self, followers: Sequence[Follower]) -> None:
        self._there = list(followers)
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()

    def begin(self, attack: AttackUnderWay) -> None:
        self._tell(lambda one: one.begin(attack))

    def sample(self, sample: Sample) -> None:
        self._tell(lambda one: one.sample(sample))

    def observation(self, row: Observation) -> None:
        self._tell(lambda one: one.observation(row))

    def event(self, event: Event) -> None:
        self._tell(lambda one: one.event(event))

    def progress(self, progress: Progress) -> None:
        self._tell(lambda one: one.progress(progress))

    def end(self, failure: str) -> None:
        self._tell(lambda one: one.end(failure))

    def note(self, text: str) -> None:
        """Keep a sentence of a follower for the record. May be called on any thread."""
        self._notes.put(printable(text))  # a file that it names may be no UTF-8

    def take_notes(self) -> list[str]:
        """Return what followers noted, and a sentence for each that was left out, since the last call."""
        return [self._notes.get_nowait() for _ in range(self._notes.qsize())]

    def _tell(self, call: Callable[[Follower], None]) -> None:
        for follower in list(self._there):
            try:
                call(follower)
            except Exception as error:  # whatever is wrong with a page or a metric, the load goes on
                self._there.remove(follower)
                self.note(_loss(follower, error))


def _loss(follower: Follower, error: Exception) -> str:
    """Return the sentence on a follower that is left out: its own, where it could say what is wrong."""
    if isinstance(error, OperatorError):
        return error.message
    return f"{type(follower).__name__} failed and is left out: {type(error).__name__}: {error}"
