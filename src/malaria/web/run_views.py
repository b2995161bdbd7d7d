"""Makes the view of a run: what is new of one attack, or of a watch, since a place that a reader knows."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from malaria.analysis.observer_series import DROPPED_SO_FAR
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.model.group import Group
from malaria.records.rows import BeeStanding, Event, Progress
from malaria.report.terminal.live_block import phase_text, ready
from malaria.units import format_things
from malaria.web.feed_place import START, FeedPlace
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
from malaria.web.live_attack import LiveAttack
from malaria.web.page_figures import LOOKED_BACK, how_it_goes, page_figures, watched_figures

WAITING, RUNNING, OVER, REPORTED = "waiting", "running", "over", "reported"
WATCH_OVER: Final = "the watch is over"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The things known besides the attack: the campaign, a note on what goes on, and whether there is a report."""

    campaign: CampaignView | None = None
    note: str = ""
    reported: bool = False


def run_view(attack: LiveAttack, since: FeedPlace, around: Surroundings) -> RunView:
    """Return what is new since a place; everything if the place is in another attack."""
    now = attack.place
    known = since if since.epoch == now.epoch and since.events <= now.events else START
    first_row = attack.series.changed_since(known.version)
    events = attack.events_from(known.events)
    return RunView(
        id=str(now),
        epoch=now.epoch,
        status=_status(attack, around),
        facts=_facts(attack),
        step_s=attack.series.step_s,
        first_row=first_row,
        columns=attack.series.columns(first_row),
        first_event=now.events - len(events),
        events=tuple(map(_event_view, events)),
        chart=attack.chart(),
        campaign=around.campaign,
    )


def _status(attack: LiveAttack, around: Surroundings) -> RunStatus:
    state, note = _state(attack, around)
    progress, door = attack.inbox.progress, attack.door
    if progress is None:
        return _without_load(attack, state, note)
    sentence, tone = how_it_goes(progress)
    return RunStatus(
        state=state,
        note=note,
        no_changes="" if door is None else door.refusal,
        paused=progress.paused,
        phase=progress.phase,
        phase_text=phase_text(progress),
        phase_done=progress.phase_done,
        phase_total=progress.phase_total,
        sentence=sentence,
        tone=tone,
        run_s=_seconds(progress.at_ns),
        load_start_s=None if progress.load_start_ns is None else _seconds(progress.load_start_ns),
        clients_ready=ready(progress),
        clients_planned=progress.clients_planned,
        due_per_s=progress.due_now_per_s,
        totals=dict(progress.totals),
        latency_ms=progress.latency_ms,
        second_latency_ms=progress.second_latency_ms,
        target_percent=progress.target_percent,
        figures=_figures(attack, progress),
        bees=tuple(map(_bee_view, progress.bees)),
    )


def _without_load(attack: LiveAttack, state: str, note: str) -> RunStatus:
    """Return the state before the first progress of an attack, and that of a watch."""
    now_s, series = _seconds(attack.inbox.seen_ns), attack.series
    if not attack.watches:
        return RunStatus(state=state, note=note, run_s=now_s)
    figures = watched_figures(series.columns(max(0, len(series) - LOOKED_BACK)))
    return RunStatus(state=state, note=note, run_s=now_s, load_start_s=0, figures=figures)


def _state(attack: LiveAttack, around: Surroundings) -> tuple[str, str]:
    """Return the state, and the note on it."""
    inbox, left_out = attack.inbox, attack.rows_left_out
    if around.reported:
        return REPORTED, ""
    if attack.watches and inbox.over:
        return OVER, WATCH_OVER
    if attack.under_way is None and not attack.watches:
        return WAITING, around.note
    if inbox.over:
        return OVER if around.campaign is None else WAITING, inbox.failure or around.note
    return RUNNING, f"{format_things(left_out, 'row')} came too fast to be shown" if left_out else ""


def _figures(attack: LiveAttack, progress: Progress) -> tuple[FigureView, ...]:
    rows = len(attack.series)
    dropped = attack.series.columns(rows - 1).get(DROPPED_SO_FAR, ()) if rows else ()
    last = dropped[-1] if dropped else None
    return page_figures(progress, last if isinstance(last, int | float) else None)


def _facts(attack: LiveAttack) -> AttackFacts | None:
    under_way = attack.under_way
    if under_way is None:
        return None
    facts, progress = under_way.facts, attack.inbox.progress
    intervals = {} if progress is None else progress.intervals
    return AttackFacts(
        title=under_way.title,
        target=facts.target or "",
        load=facts.load or "",
        command=facts.command or "",
        directory=str(under_way.directory),
        groups=tuple(_group(group, intervals.get(group.name, group.interval)) for group in under_way.warhead.groups),
    )


def _group(group: Group, interval: Fraction) -> GroupView:
    rate = str(1 / interval) if group.publishes and not group.closed_loop else ""
    return GroupView(name=group.name, role=str(group.role), clients=group.clients, rate=rate)


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
        run_s=_seconds(event.at_ns), kind=event.kind, text=event.text, count=event.count, worker=event.worker
    )


def _seconds(at_ns: int) -> float:
    return round(at_ns / NS_PER_S, 3)
