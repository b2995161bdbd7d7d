"""Make the changes of a running load in one worker: clients come and go, rates change, groups pause, connections break.

Promises: every worker chooses the same clients for a change, for all keep the same `Roster` of each group; a wave gets
its publisher, with windows and packets, only when it comes, so an unused reserve costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from malaria.control.changes import (
    AddClients,
    ChangeRate,
    DisconnectClients,
    PauseGroup,
    RemoveClients,
    ResumeGroup,
    TimedChange,
    Wave,
)
from malaria.control.standing import SurgeStanding
from malaria.engine.arrivals import Inbox
from malaria.engine.connector import Connector
from malaria.engine.context import EngineContext
from malaria.engine.disconnects import Disconnects
from malaria.engine.publish_schedule import PublishSpan
from malaria.engine.publisher import Publisher
from malaria.engine.surges import Surges
from malaria.engine.timed_actions import TimedActions
from malaria.mqtt.session import SessionPhase
from malaria.plan.clients import GroupPlan, Plan
from malaria.plan.roster import Roster
from malaria.schedule.arrays import Ints

type MakePublisher = Callable[[GroupPlan], Publisher]
type PaceChange = ChangeRate | PauseGroup | ResumeGroup


class LoadChanges:
    """`publishers` and `by_client` are the engine's own lists: the publishers of waves are added to them."""

    def __init__(
        self,
        plan: Plan,
        context: EngineContext,
        publishers: list[Publisher],
        by_client: list[Publisher | None],
        make_publisher: MakePublisher,
    ) -> None:
        self._plan = plan
        self._publishers = publishers
        self._by_client = by_client
        self._make_publisher = make_publisher
        self._parts: dict[int | str, GroupPlan] = {
            part.group.name if part.surge is None else part.surge: part for part in plan.groups
        }
        self._rosters = {group.name: Roster(group.clients) for group in plan.warhead.groups}
        self._paces: dict[str, list[tuple[int, PaceChange]]] = {name: [] for name in self._rosters}
        self._context = context
        self._actions = TimedActions()
        self._connector: Connector
        self._surges: Surges
        self._disconnects: Disconnects
        self._inbox: Inbox

    def attach(self, connector: Connector, inbox: Inbox) -> None:
        """Set the parts that are made after this one. To be called once."""
        self._surges = Surges(self._plan, self._context, self._publishers, connector)
        self._connector = connector
        self._disconnects = Disconnects(self._cut)
        self._inbox = inbox

    @property
    def next_ns(self) -> int:
        """Return when `tick` has something to do."""
        return min(self._surges.next_ns, self._disconnects.next_ns, self._actions.next_ns)

    def tick(self, now_ns: int) -> None:
        for part in (self._actions, self._surges, self._disconnects):
            if part.next_ns <= now_ns:
                part.tick(now_ns)

    def act(self, act: TimedChange, at_ns: int, span: PublishSpan) -> None:
        """Plan a change for `at_ns` (clock). For clients that come, `span` begins with their first message."""
        match act.change:
            case AddClients(surge, _, wave):
                self._add(surge, wave, act.at_ns, at_ns, span)
            case RemoveClients() as change:
                self._remove(change, at_ns)
            case DisconnectClients() as change:
                self._disconnect(change, act.at_ns, at_ns)
            case ChangeRate() | PauseGroup() | ResumeGroup() as change:
                self._paces[change.group].append((at_ns, change))
                self._set_pace(at_ns, change, self._publishers_of(change.group))

    def end(self) -> None:
        """Drop what has not begun: the load ends."""
        self._surges.stay()
        self._disconnects.cancel()
        self._actions.cancel()

    def settled(self, client: int) -> None:
        """Note that a client has become READY."""
        self._surges.settled(client)

    def closed(self, now_ns: int) -> None:
        """Note that every connection has been closed."""
        self._surges.closed(now_ns)

    def standing(self, epoch_ns: int) -> tuple[SurgeStanding, ...]:
        """Return the progress of each surge and wave, in order."""
        return self._surges.standing(epoch_ns)

    # --- clients ---------------------------------------------------------------------------------------------------

    def _add(self, surge: int, wave: Wave | None, effect_ns: int, at_ns: int, span: PublishSpan) -> None:
        if wave is not None:
            self._admit(surge, wave)
        part = self._parts[surge]
        self._rosters[part.group.name].come(surge, part.first_index, part.clients, effect_ns)
        publisher = self._surges.add(surge, at_ns, span)
        if wave is not None and publisher is not None:
            for past_ns, change in self._paces[part.group.name]:
                self._set_pace(past_ns, change, [publisher])

    def _admit(self, surge: int, wave: Wave) -> None:
        """Cut a wave out of its group's reserve, and make what it publishes with."""
        reserve = next(part for part in self._plan.reserves if part.group.name == wave.group)
        part = self._parts[surge] = reserve.wave(surge, wave.first_index, wave.clients)
        publisher = self._make_publisher(part) if part.group.publishes else None
        if publisher is not None:
            self._publishers.append(publisher)
            self._by_client[part.first_row : part.first_row + part.count] = [publisher] * part.count
            self._inbox.expect(part.first_number + part.first_index, part.clients)
        self._surges.admit(part, publisher)
        self._spoil_answers(part)

    def _remove(self, change: RemoveClients, at_ns: int) -> None:
        key = change.group if change.surge is None else change.surge
        part = self._parts[key]
        indices = self._rosters[part.group.name].leave(change.surge, change.clients)
        rows = part.rows_of(indices).tolist()
        self._surges.remove(part, at_ns, rows)
        if part.group.subscribes and len(indices):
            self._actions.order(at_ns, partial(self._let_go, part, indices, rows))

    def _let_go(self, part: GroupPlan, indices: Ints, rows: list[int]) -> None:
        """Take subscribers out of the account, for what was on the way to them is not known."""
        self._inbox.let_go(rows, (part.filters(index) for index in indices.tolist()))
        self._spoil_answers(part)

    def _spoil_answers(self, part: GroupPlan) -> None:
        if part.group.responds:
            self._inbox.give_up("clients that answer requests were added, removed or cut off while the load ran")

    def _disconnect(self, change: DisconnectClients, effect_ns: int, at_ns: int) -> None:
        """Break connections of a group, evenly spread over all clients that it has."""
        indices = self._rosters[change.group].spread(change.count, effect_ns)
        parts = [part for part in self._parts.values() if part.group.name == change.group]
        rows = [row for part in parts for row in part.rows_of(indices).tolist()]
        self._disconnects.order(at_ns, rows, at_once=change.at_once)
        if parts[0].group.subscribes and not parts[0].group.keeps_deliveries:
            self._actions.order(at_ns, partial(self._let_go, parts[0], indices, rows))

    def _cut(self, client: int) -> None:
        publisher = self._by_client[client]
        if publisher is not None and self._context.columns.phase[client] == SessionPhase.READY:
            publisher.note_cut(client)
        self._connector.cut(client)

    # --- pace ------------------------------------------------------------------------------------------------------

    def _publishers_of(self, group: str) -> list[Publisher]:
        return [publisher for publisher in self._publishers if publisher.plan.group.name == group]

    def _set_pace(self, at_ns: int, change: PaceChange, publishers: Iterable[Publisher]) -> None:
        for publisher in publishers:
            match change:
                case ChangeRate(_, interval):
                    publisher.change_pace(at_ns, interval)
                case PauseGroup() if publisher.closed_loop:
                    everyone = range(publisher.plan.count)
                    self._actions.order(at_ns, partial(publisher.fall_silent, everyone, leaving=False))
                case ResumeGroup() if publisher.closed_loop:
                    self._actions.order(at_ns, publisher.speak)
                case PauseGroup():
                    publisher.pause(at_ns)
                case ResumeGroup():
                    publisher.resume_at(at_ns)
