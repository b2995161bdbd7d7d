"""Holds one attack, or one watch, while it runs: rows come in on the thread of the attack, and are worked up on the
thread of the server.

Promises: the thread of the attack only appends to a bounded list; a server that is late costs memory for LARGEST_INBOX
rows and no more, and says how many it left out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from malaria.analysis.live_series import LiveSeries
from malaria.attacks.change_door import ChangeDoor
from malaria.attacks.followers import AttackUnderWay
from malaria.clock import NS_PER_S
from malaria.records.rows import EXIT_CODE, Event, EventKind, Observation, Progress, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.report.charts.run_charts import stack_of
from malaria.web.feed_place import FeedPlace

TABLE: Final = "series"
"""The table of the page that the chart takes its columns from."""
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
    seen_ns: int = 0  # run time of the latest progress
    over: bool = False
    failure: str = ""

    def put(self, row: LiveRow) -> None:
        self.rows.append(row)
        self.appended += 1


class LiveAttack:
    """One attack, or a watch. All methods are those of the server's thread; the attack's thread fills the `inbox`."""

    def __init__(self, under_way: AttackUnderWay | None, epoch: int, *, watches: bool = False) -> None:
        self.under_way = under_way
        self.epoch = epoch
        self.watches = watches
        self.inbox = LiveInbox()
        self.series = LiveSeries(() if under_way is None else under_way.workers)
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._event_count = 0
        self._rows_taken = 0
        self._span_ns: tuple[int, int] | None = None
        self._was_loaded = False
        self._load_end_ns: int | None = None
        self._telling: deque[Observation] = deque(maxlen=MOST_TELLING_ROWS)
        self._before: dict[str, Observation] = {}
        self._kept_chart: tuple[tuple[FeedPlace, int | None], Mapping[str, Any] | None] | None = None

    @property
    def door(self) -> ChangeDoor | None:
        return None if self.under_way is None else self.under_way.door

    @property
    def place(self) -> FeedPlace:
        """The place of now."""
        return FeedPlace(self.epoch, self.series.version, self._event_count)

    def catch_up(self) -> None:
        """Work up what came in until now."""
        rows, run_s = self.inbox.rows, self.inbox.seen_ns / NS_PER_S
        while rows:
            self._take(rows.popleft())
            self._rows_taken += 1
        if self.watches:
            self.series.pass_to(int(run_s))
        else:  # at the end nothing more is waited for
            self.series.advance(math.inf if self.inbox.over else run_s)

    def events_from(self, first: int) -> list[Event]:
        """Return the events from number `first` on, as far as they are kept."""
        missing = self._event_count - first
        return list(self._events)[max(0, len(self._events) - missing) :] if missing > 0 else []

    def chart(self) -> Mapping[str, Any] | None:
        """Return the charts of the report over all that is known, without their values: those are in the columns."""
        key = self.place, self._load_start_ns
        if self._kept_chart is None or self._kept_chart[0] != key:
            table = self.series.columns()
            chart = stack_of(self.as_run(), table).from_table(TABLE).as_json() if len(self.series) else None
            self._kept_chart = key, chart
        return self._kept_chart[1]

    @property
    def rows_left_out(self) -> int:
        """Rows that came faster than they could be shown."""
        return max(0, self.inbox.appended - self._rows_taken - len(self.inbox.rows))

    def as_run(self) -> Run:
        """Return the facts, the events and the time axis as a run, for what draws charts: without its samples."""
        span = self._span_ns
        ends = () if span is None else (_at(span[0], span[0] + 1), _at(span[0], span[1]))
        return Run(self._facts(), ends, tuple(self._events), None, tuple(self._telling))

    @property
    def _load_start_ns(self) -> int | None:
        progress = self.inbox.progress
        return None if progress is None else progress.load_start_ns

    def _facts(self) -> RunMeta:
        facts = RunMeta() if self.under_way is None else self.under_way.facts
        return facts.model_copy(update={"measure_start_ns": self._load_start_ns, "measure_end_ns": self._load_end_ns})

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
        self._events.append(event)
        self._event_count += 1
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
