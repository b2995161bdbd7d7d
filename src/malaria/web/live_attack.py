"""Holds one attack, or one watch, while it runs: rows come in on the thread of the attack, and are worked up on the
thread of the server.

Promises: the thread of the attack only appends to a bounded list; a server that is late costs memory for LARGEST_INBOX
rows and no more, and says how many it left out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from malaria.analysis.live_series import LiveSeries
from malaria.attacks.followers import AttackUnderWay
from malaria.clock import NS_PER_S
from malaria.records.rows import EXIT_CODE, Event, EventKind, Observation, Progress, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

LARGEST_INBOX: Final = 100_000
EVENTS_KEPT: Final = 2000
LOADED: Final = (RunPhase.WARMUP, RunPhase.MEASURE)
TELLING: Final = {"restarts": 1, "uptime_s": -1}
"""Readings that tell of a restart when they grow (1) or fall (-1)."""
MOST_TELLING_ROWS: Final = 1000

type LiveRow = Sample | Observation | Event


@dataclass(slots=True)
class LiveInbox:
    """The rows that came in and are not worked up. Appending is safe on another thread than taking."""

    rows: deque[LiveRow] = field(default_factory=lambda: deque(maxlen=LARGEST_INBOX))
    appended: int = 0
    progress: Progress | None = None
    over: bool = False
    failure: str = ""

    def put(self, row: LiveRow) -> None:
        self.rows.append(row)
        self.appended += 1


class LiveAttack:
    """One attack. All methods are those of the server's thread; what the attack's thread does goes to `inbox`."""

    def __init__(self, under_way: AttackUnderWay | None) -> None:
        self.under_way = under_way
        self.inbox = LiveInbox()
        self.series = LiveSeries(() if under_way is None else under_way.workers)
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.event_count = 0
        self.rows_taken = 0
        self._span_ns: tuple[int, int] | None = None
        self._was_loaded = False
        self._load_end_ns: int | None = None
        self._telling: deque[Observation] = deque(maxlen=MOST_TELLING_ROWS)
        self._before: dict[str, Observation] = {}

    @property
    def progress(self) -> Progress | None:
        return self.inbox.progress

    def catch_up(self, run_s: float) -> None:
        """Work up what came in until now, a run time."""
        rows = self.inbox.rows
        while rows:
            self._take(rows.popleft())
            self.rows_taken += 1
        if self.under_way is None:
            self.series.pass_to(int(run_s))
        else:  # at the end nothing more is waited for
            self.series.advance(math.inf if self.inbox.over else run_s)

    @property
    def rows_left_out(self) -> int:
        """Rows that came faster than they could be shown."""
        return max(0, self.inbox.appended - self.rows_taken - len(self.inbox.rows))

    def as_run(self) -> Run:
        """Return the facts, the events and the time axis as a run, for what draws charts: without its samples."""
        span = self._span_ns
        ends = () if span is None else (_at(span[0], span[0] + 1), _at(span[0], span[1]))
        return Run(self._facts(), ends, tuple(self.events), None, tuple(self._telling))

    def _facts(self) -> RunMeta:
        facts = RunMeta() if self.under_way is None else self.under_way.facts
        start_ns = None if self.progress is None else self.progress.load_start_ns
        return facts.model_copy(update={"measure_start_ns": start_ns, "measure_end_ns": self._load_end_ns})

    def _take(self, row: LiveRow) -> None:
        if isinstance(row, Sample):
            self.series.add(row)
            begin_ns, end_ns = self._span_ns or (row.start_ns, row.end_ns)
            self._span_ns = min(begin_ns, row.start_ns), max(end_ns, row.end_ns)
        elif isinstance(row, Observation):
            self.series.observe(row)
            self._keep_telling(row)
        else:
            self._note(row)

    def _note(self, event: Event) -> None:
        self.events.append(event)
        self.event_count += 1
        if event.kind is EventKind.PHASE:
            self._enter(event)

    def _enter(self, event: Event) -> None:
        if event.text in LOADED:
            self._was_loaded = True
        elif self._was_loaded and self._load_end_ns is None:
            self._load_end_ns = event.at_ns

    def _keep_telling(self, row: Observation) -> None:
        """Keep the rows in which the broker ended or was replaced, each with the row before."""
        before = self._before.get(row.observer)
        self._before[row.observer] = row
        if before is None or not (EXIT_CODE in row.values or _differs(before, row)):
            return
        self._telling += [kept for kept in (before, row) if kept not in self._telling]


def _differs(before: Observation, row: Observation) -> bool:
    """Return True if the process was replaced: its restarts went up, or the time since its start went down."""
    for name, sign in TELLING.items():
        old, new = before.values.get(name), row.values.get(name)
        if isinstance(old, int | float) and isinstance(new, int | float) and (new - old) * sign > 0:
            return True
    return False


def _at(start_ns: int, end_ns: int) -> Sample:
    return Sample("", start_ns, end_ns, RunPhase.MEASURE)


def kept_from(events: Sequence[Event], count: int, first: int) -> list[Event]:
    """Return the events from number `first` on, of `count` of which the last ones are kept."""
    return list(events)[max(0, len(events) - (count - first)) :] if first < count else []


def seconds(at_ns: int | None) -> float | None:
    return None if at_ns is None else round(at_ns / NS_PER_S, 3)
