"""Runs that go on, for tests of the live page: a synthetic run is played to the feed as an attack would."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from malaria.attacks.change_door import ChangeDoor
from malaria.attacks.followers import AttackUnderWay
from malaria.attacks.live_totals import LiveTotals
from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.model.option_table import LoadOptions
from malaria.model.wanted_change import parse_change
from malaria.model.warhead_options import build_warhead
from malaria.records.rows import Event, Observation, Progress, RunPhase, Sample
from malaria.records.run import Run
from malaria.web.live_feed import LiveFeed
from synthetic import make_run

LOAD = build_warhead(LoadOptions(clients=500, interval="1s", qos=1, duration="30s"), subscriber=True)

TAKEN = ChangeAnswer(AnswerKind.TAKEN, "500 more clients connect over 5 s", "", 7 * NS_PER_S)


@dataclass
class ScriptedDoor:
    """A door whose answers are set, and that notes who asked for what."""

    answer: ChangeAnswer = TAKEN
    asked: list[tuple[str, str]] = field(default_factory=list)
    refusal: str = ""

    def ask(self, text: str, by: str) -> ChangeAnswer:
        parse_change(text)
        self.asked.append((text, by))
        return self.answer

    def look_ahead(self, text: str) -> ChangeAnswer:
        self.asked.append((text, "look"))
        return self.answer


def under_way(run: Run, door: Any = None, directory: Path = Path("runs/x")) -> AttackUnderWay:
    workers = tuple(run.meta.workers or ())
    return AttackUnderWay(directory, "meters", LOAD, workers, run.meta, door or ChangeDoor())


class Playback:
    """A run that is played to a feed, second by second."""

    def __init__(self, feed: LiveFeed, run: Run | None = None, door: Any = None) -> None:
        self.feed = feed
        self.run = make_run() if run is None else run
        self._totals = LiveTotals(self.run.meta.workers or ())
        feed.begin(under_way(self.run, door))
        rows = [*self.run.samples, *self.run.events, *self.run.observations]
        self._rows = sorted(rows, key=_moment)

    def play(self, until_s: float) -> None:
        """Give the feed what happens until a run time."""
        while self._rows and _moment(self._rows[0]) <= until_s * NS_PER_S:
            self._give(self._rows.pop(0))
        start_ns = self.run.meta.measure_start_ns or 0
        at_ns = round(until_s * NS_PER_S)
        phase = RunPhase.MEASURE if at_ns >= start_ns else RunPhase.CONNECT
        frame = Progress(at_ns, phase, max(0, at_ns - start_ns), 30 * NS_PER_S, 501, 83.0, load_start_ns=start_ns)
        self.feed.progress(self._totals.progress(frame))
        self.feed.catch_up()

    def _give(self, row: Sample | Event | Observation) -> None:
        if isinstance(row, Sample):
            self._totals.add(row)
            self.feed.sample(row)
        elif isinstance(row, Event):
            self.feed.event(row)
        else:
            self._totals.watch(row)
            self.feed.observation(row)


def _moment(row: Sample | Event | Observation) -> int:
    return row.end_ns if isinstance(row, Sample) else row.at_ns
