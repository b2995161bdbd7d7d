"""Views of a run for the page and for programs: as it is, or what is new since a state that the reader knows.

The feed follows the attacks of this process, one after the other. A reader has a place in the feed, the `id` of the
last view that it got; the next view has what changed since, however long ago that was. So nothing is queued for a
reader that is slow, and one that comes back misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from malaria.analysis.observer_series import DROPPED_SO_FAR
from malaria.attacks.change_door import ChangeDoor
from malaria.attacks.followers import AttackUnderWay
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import GAP, BeeStanding, Event, EventKind, Observation, Progress, Sample
from malaria.report.charts.run_charts import stack_of
from malaria.report.terminal.live_block import phase_text, ready
from malaria.web.http_models import (
    AttackFacts,
    BeeView,
    CampaignView,
    EventView,
    FigureView,
    GroupView,
    RunStatus,
    RunView,
)
from malaria.web.level_list import LevelList
from malaria.web.live_attack import LiveAttack, kept_from, seconds
from malaria.web.page_figures import LOOKED_BACK, how_it_goes, page_figures, watched_figures

TABLE: Final = "series"
"""The table of the page that the chart takes its columns from."""
WAITING, RUNNING, OVER, REPORTED = "waiting", "running", "over", "reported"


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """A place in the feed: the number of the attack, the version of its series, and its events so far."""

    epoch: int = 0
    version: int = -1
    events: int = 0

    def __str__(self) -> str:
        return f"{self.epoch}-{self.version}-{self.events}"


START: Final = FeedPlace()
"""Before everything."""


def parse_place(text: str | None) -> FeedPlace:
    """Read the `id` of a view; whatever is none gives the start, from which nothing is missed."""
    parts = (text or "").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        return START
    return FeedPlace(*map(int, parts))


class LiveFeed:
    """A follower of attacks; `view` and `catch_up` belong to the thread of the server, the rest to that of the attack.

    `campaign` is the directory of a campaign; None: there is one attack, or with `watches` a watch, which has observers
    alone.
    """

    def __init__(self, title: str, campaign: Path | None = None, *, watches: bool = False) -> None:
        self.title = title
        self.watches = watches
        self.directory = campaign
        self.report: Path | None = None
        self.epoch = 0
        self._note = ""
        self._levels = None if campaign is None else LevelList(campaign)
        self._attack = LiveAttack(None)
        self._seen_ns = 0  # run time of the latest progress
        self._kept_chart: tuple[tuple[int, int, int, int | None], Mapping[str, Any] | None] | None = None
        self._kept_texts: dict[tuple[FeedPlace, FeedPlace], str] = {}

    # --- the thread of the attack ----------------------------------------------------------------------------------

    def begin(self, attack: AttackUnderWay) -> None:
        fresh = LiveAttack(attack)
        self._seen_ns = 0
        self._note = ""
        self._attack = fresh
        self.epoch += 1

    def sample(self, sample: Sample) -> None:
        self._attack.inbox.put(sample)

    def observation(self, row: Observation) -> None:
        self._attack.inbox.put(row)

    def event(self, event: Event) -> None:
        self._attack.inbox.put(event)

    def progress(self, progress: Progress) -> None:
        self._seen_ns = progress.at_ns
        self._attack.inbox.progress = progress

    def end(self, failure: str) -> None:
        inbox = self._attack.inbox
        inbox.failure = inbox.failure or failure
        inbox.over = True

    def tell(self, text: str) -> None:
        """Note what happens between two attacks, or why there is none any more."""
        self._note = text

    def observed(self, at_ns: int, rows: Iterable[Observation | Event]) -> None:
        """Take what a watch saw until a run time."""
        self.epoch = 1
        for row in rows:
            self._attack.inbox.put(row)
            if isinstance(row, Observation) and GAP in row.values:
                text = f"{row.observer}: {row.values[GAP]}"
                self._attack.inbox.put(Event(row.at_ns, EventKind.OBSERVER, text))
        self._seen_ns = at_ns

    # --- the thread of the server ----------------------------------------------------------------------------------

    @property
    def door(self) -> ChangeDoor | None:
        """The door of the attack that runs; None before the first one."""
        under_way = self._attack.under_way
        return None if under_way is None else under_way.door

    def catch_up(self) -> None:
        """Work up what came in. Called once a second, whoever reads."""
        self._kept_texts.clear()
        self._attack.catch_up(self._seen_ns / NS_PER_S)

    def place(self) -> FeedPlace:
        """Return the place of now."""
        return FeedPlace(self.epoch, self._attack.series.version, self._attack.event_count)

    def text_since(self, since: FeedPlace) -> tuple[FeedPlace, str]:
        """Return the place of now, and the view since another as JSON. Readers at the same place share it."""
        now = self.place()
        key = since, now
        if key not in self._kept_texts:
            self._kept_texts[key] = self.view(since).model_dump_json()
        return now, self._kept_texts[key]

    def view(self, since: FeedPlace = START) -> RunView:
        """Return what is new since a place."""
        attack, now = self._attack, self.place()
        known = since if since.epoch == now.epoch and since.events <= now.events else START
        series = attack.series
        first_row = series.changed_since(known.version)
        events = kept_from(tuple(attack.events), now.events, known.events)
        return RunView(
            id=str(now),
            epoch=now.epoch,
            status=self._status(),
            facts=self._facts(),
            step_s=series.step_s,
            first_row=first_row,
            columns=series.columns(first_row),
            first_event=now.events - len(events),
            events=tuple(map(_event_view, events)),
            chart=self._chart(),
            campaign=self._campaign(),
        )

    def columns(self) -> Mapping[str, Any]:
        return self._attack.series.columns()

    def _chart(self) -> Mapping[str, Any] | None:
        """Return the charts of the report over all that is known, without their values: those are in the columns."""
        attack = self._attack
        start_ns = None if attack.progress is None else attack.progress.load_start_ns
        key = (self.epoch, attack.series.version, attack.event_count, start_ns)
        if self._kept_chart is None or self._kept_chart[0] != key:
            table = attack.series.columns()
            chart = stack_of(attack.as_run(), table).from_table(TABLE).as_json() if len(attack.series) else None
            self._kept_chart = key, chart
        return self._kept_chart[1]

    def _status(self) -> RunStatus:
        attack = self._attack
        state, note = self._state()
        progress = attack.progress
        if progress is None:
            return self._without_load(state, note)
        sentence, tone = how_it_goes(progress)
        return RunStatus(
            state=state,
            note=note,
            no_changes="" if self.door is None else self.door.refusal,
            phase=progress.phase,
            phase_text=phase_text(progress),
            phase_done=progress.phase_done,
            phase_total=progress.phase_total,
            sentence=sentence,
            tone=tone,
            run_s=round(progress.at_ns / NS_PER_S, 3),
            load_start_s=seconds(progress.load_start_ns),
            clients_ready=ready(progress),
            clients_planned=progress.clients_planned,
            due_per_s=progress.due_per_s,
            totals=dict(progress.totals),
            latency_ms=progress.latency_ms,
            second_latency_ms=progress.second_latency_ms,
            target_percent=progress.target_percent,
            figures=self._figures(progress),
            bees=tuple(map(_bee_view, progress.bees)),
        )

    def _without_load(self, state: str, note: str) -> RunStatus:
        """Return the state before the first progress of an attack, and that of a watch."""
        now_s = round(self._seen_ns / NS_PER_S, 3)
        if not self.watches:
            return RunStatus(state=state, note=note, run_s=now_s)
        series = self._attack.series
        figures = watched_figures(series.columns(max(0, len(series) - LOOKED_BACK)))
        return RunStatus(state=state, note=note, run_s=now_s, load_start_s=0, figures=figures)

    def _state(self) -> tuple[str, str]:
        inbox, left_out = self._attack.inbox, self._attack.rows_left_out
        if self.report is not None:
            return REPORTED, ""
        if self.watches and inbox.over:
            return OVER, "the watch is over"
        if self._attack.under_way is None and not self.watches:
            return WAITING, self._note
        if inbox.over:
            return (WAITING if self._levels else OVER), inbox.failure or self._note
        return RUNNING, f"{left_out} rows came too fast to be shown" if left_out else ""

    def _figures(self, progress: Progress) -> tuple[FigureView, ...]:
        rows = len(self._attack.series)
        dropped = self._attack.series.columns(rows - 1).get(DROPPED_SO_FAR, ()) if rows else ()
        last = dropped[-1] if dropped else None
        return page_figures(progress, last if isinstance(last, int | float) else None)

    def _facts(self) -> AttackFacts | None:
        under_way = self._attack.under_way
        if under_way is None:
            return None
        facts = under_way.facts
        groups = [GroupView(name=g.name, role=str(g.role), clients=g.clients) for g in under_way.warhead.groups]
        return AttackFacts(
            title=under_way.title,
            target=facts.target or "",
            load=facts.load or "",
            command=facts.command or "",
            directory=str(under_way.directory),
            groups=tuple(groups),
        )

    def _campaign(self) -> CampaignView | None:
        return None if self._levels is None else self._levels.view()


def _bee_view(bee: BeeStanding) -> BeeView:
    return BeeView(
        name=bee.bee,
        clients_ready=bee.clients_ready,
        sent_per_s=bee.sent_per_s,
        acked_per_s=bee.acked_per_s,
        lag_max_ms=None if bee.lag_max_ns is None else bee.lag_max_ns / NS_PER_MS,
        lost=bee.lost,
    )


def _event_view(event: Event) -> EventView:
    return EventView(
        run_s=round(event.at_ns / NS_PER_S, 3),
        kind=event.kind,
        text=event.text,
        count=event.count,
        worker=event.worker,
    )
