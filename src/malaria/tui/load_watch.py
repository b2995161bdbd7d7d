"""Keep what the full screen shows of a load, as its attacks tell it.

The attack's thread writes, the screen's thread reads whole pictures: neither waits for the other longer than it takes
to copy a few numbers. Memory does not grow with time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from malaria.attacks.change_door import ENDED, ChangeDoor
from malaria.attacks.followers import AttackUnderWay
from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.records.rows import Event, EventKind, Observation, Progress, RunPhase, Sample
from malaria.report.terminal.latest_readings import LatestReadings
from malaria.report.terminal.live_block import TROUBLED, LiveCourse
from malaria.report.terminal.so_far import BAD, DOUBTFUL
from malaria.units import format_clock, format_count

NOTES_KEPT: Final = 200
PREPARING: Final = "preparing: the target is looked at, the workers start"
OVER: Final = "over; the result is made"
ANSWER_STYLES: Final[Mapping[AnswerKind, str]] = {
    AnswerKind.TAKEN: "",
    AnswerKind.CONFLICT: DOUBTFUL,
    AnswerKind.REFUSED: BAD,
}
KEY: Final = "key"
"""The name under which the screen asks for changes, in the marks of the record."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the events. `at_ns` is run time; None for what happened between two attacks."""

    text: str
    at_ns: int | None = None
    style: str = ""


@dataclass(frozen=True, slots=True)
class ObserverReadings:
    """The latest readings of one observer as (name, label, text); `gap` says why it reads nothing."""

    observer: str
    gap: str
    readings: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class ScreenPicture:
    """All that the screen shows at one moment. `stage` says what goes on before and after the load."""

    title: str
    place: str = ""
    stage: str = PREPARING
    progress: Progress | None = None
    notes: tuple[Note, ...] = ()
    dues: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    acks_ms: tuple[float, ...] = ()
    average_per_s: Mapping[str, float] = field(default_factory=dict)
    observed: tuple[ObserverReadings, ...] = ()
    workers: int = 0


class LoadWatch:
    """Follows the attacks of a command, one after the other, and gives pictures of them."""

    def __init__(self, title: str, place: str = "") -> None:
        self._lock = Lock()
        self._title, self._place = title, place
        self._notes: deque[Note] = deque(maxlen=NOTES_KEPT)
        self._told: list[str] = []
        self._forget()

    def _forget(self) -> None:
        """Begin anew, for the next attack. Notes with a time belong to the clock of the load before."""
        self._stage = PREPARING
        self._door: ChangeDoor | None = None
        self._progress: Progress | None = None
        self._course = LiveCourse()
        self._average = AverageRates()
        self._latest = LatestReadings()
        self._workers = 0
        timeless = [note for note in self._notes if note.at_ns is None]
        self._notes.clear()
        self._notes.extend(timeless)

    # --- the command -----------------------------------------------------------------------------------------------

    def announce(self, title: str, place: str) -> None:
        """Show that the next attack is prepared."""
        with self._lock:
            self._title, self._place = title, place
            self._forget()

    def tell(self, text: str) -> None:
        """Show a line about what happened between two attacks; `take_told` gives it back."""
        with self._lock:
            self._told.append(text)
            self._notes.append(Note(text))

    def take_told(self) -> list[str]:
        """Return the lines of `tell` since the last call: the screen leaves no trace of them."""
        with self._lock:
            told, self._told = self._told, []
        return told

    # --- the follower of an attack -----------------------------------------------------------------------------------

    def begin(self, attack: AttackUnderWay) -> None:
        with self._lock:
            self._forget()
            self._door, self._workers = attack.door, len(attack.workers)

    def sample(self, sample: Sample) -> None:
        """Leave it out: the progress has the sum of all workers."""

    def observation(self, row: Observation) -> None:
        with self._lock:
            self._latest.take(row)

    def event(self, event: Event) -> None:
        if event.kind is EventKind.PHASE:  # the bar shows it
            return
        times = f" (x {format_count(event.count)})" if event.count > 1 else ""
        with self._lock:
            self._notes.append(Note(f"{event.text}{times}", event.at_ns, TROUBLED.get(event.kind, "")))

    def progress(self, progress: Progress) -> None:
        with self._lock:
            self._progress, self._stage = progress, ""
            self._course.add(progress)
            self._average.add(progress)

    def end(self, failure: str) -> None:
        with self._lock:
            self._door, self._stage = None, failure or OVER

    # --- the screen --------------------------------------------------------------------------------------------------

    def picture(self) -> ScreenPicture:
        """Return what is known now."""
        with self._lock:
            return ScreenPicture(
                self._title,
                self._place,
                self._stage,
                self._progress,
                tuple(self._notes),
                tuple(self._course.dues),
                tuple(self._course.rates),
                tuple(self._course.acks_ms),
                self._average.per_s,
                tuple(
                    ObserverReadings(one, self._latest.gaps.get(one, ""), tuple(self._latest.shown(one)))
                    for one in self._latest.observers
                ),
                self._workers,
            )

    def ask(self, text: str) -> ChangeAnswer:
        """Ask the attack under way for a change, and wait for the answer.

        One that is not taken is noted among the events; the attack itself marks one that is.
        """
        door = self._open_door()
        answer = door.ask(text, KEY) if door is not None else ChangeAnswer(AnswerKind.CONFLICT, self._closed())
        if answer.kind is AnswerKind.TAKEN:
            return answer
        with self._lock:
            at_ns = None if self._progress is None else self._progress.at_ns
            self._notes.append(Note(f"asked for {answer_text(text, answer)}", at_ns, ANSWER_STYLES[answer.kind]))
        return answer

    def look_ahead(self, text: str) -> ChangeAnswer:
        """Return what a change would do, without making it."""
        door = self._open_door()
        return door.look_ahead(text) if door is not None else ChangeAnswer(AnswerKind.CONFLICT, self._closed())

    def _open_door(self) -> ChangeDoor | None:
        with self._lock:
            return self._door

    def _closed(self) -> str:
        return ENDED if self._progress is not None else "no load runs yet"


class AverageRates:
    """The rates of all counters over the seconds of the measured time that were seen."""

    def __init__(self) -> None:
        self._counts: dict[str, float] = {}
        self._length_ns = 0
        self._end_ns = -1

    def add(self, progress: Progress) -> None:
        """Take in the last second, once."""
        second, start_ns = progress.second, progress.load_start_ns
        if second is None or start_ns is None or second.phase is not RunPhase.MEASURE:
            return
        # the phase begins with the notice of the load, before its first message is due
        if second.end_ns <= max(self._end_ns, start_ns):
            return
        self._end_ns = second.end_ns
        self._length_ns += second.end_ns - max(second.start_ns, start_ns)
        for name, rate in second.per_s.items():
            self._counts[name] = self._counts.get(name, 0) + rate * (second.end_ns - second.start_ns) / NS_PER_S

    @property
    def per_s(self) -> dict[str, float]:
        if not self._length_ns:
            return {}
        return {name: count * NS_PER_S / self._length_ns for name, count in self._counts.items()}


def answer_text(text: str, answer: ChangeAnswer) -> str:
    """Return `+500: taken: +500 clients at 1:23`."""
    return f"{text}: {answer.kind}: {'; '.join(filter(None, (answer.text, answer.remedy)))}"


def note_clock(note: Note, load_start_ns: int | None) -> str:
    """Return when a note was made on the clock of the load; empty for what has no such time."""
    if note.at_ns is None:
        return ""
    return "before" if load_start_ns is None else format_clock((note.at_ns - load_start_ns) / NS_PER_S)
