"""The conductor of an attack: a state machine without I/O. Reports and the time go in, orders come out.

    prepare -> connect -> warmup -> measure -> drain -> verify -> finish -> over

Promises: every wait is bounded, so a silent broker, a lost worker or an account that never comes cannot hang it; a lost
worker is remembered with its reason and the others go on; the reason for an early end is kept.
Times are run time: nanoseconds since the epoch of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.control.change_schedule import ChangeSchedule
from malaria.control.changes import Change
from malaria.control.crowd import Crowd, GroupSize
from malaria.control.messages import (
    Account,
    ConnectAll,
    EndPublishing,
    Finish,
    Finished,
    Order,
    Prepared,
    Report,
    ReportAccount,
    SecondReport,
    Started,
    StartPublishing,
    WorkerLost,
)
from malaria.control.milestones import Milestones, merged
from malaria.control.standing import Standing
from malaria.plan.surge_schedule import SurgeTimes
from malaria.records.campaign_records import INTERRUPTED
from malaria.records.ledger import Deliveries, Published, join_published, join_received, settle
from malaria.records.rows import Event, EventKind, RunPhase
from malaria.records.run_meta import SurgeFacts
from malaria.units import format_count, format_duration_ns, format_things

QUIET_NS: Final = 300 * NS_PER_MS
"""Without an arrival for so long, the drain looks at the account."""
START_NOTICE_NS: Final = 150 * NS_PER_MS
"""How far ahead the start of publishing is announced, so that every worker receives it in time."""
PREPARE_NS: Final = 120 * NS_PER_S
FINISH_NS: Final = 15 * NS_PER_S
HURRIED_FINISH_NS: Final = 1500 * NS_PER_MS
"""How long workers may take to finish once the operator does not want to wait any more."""
HURRIED_DRAIN_NS: Final = 500 * NS_PER_MS
"""How long messages under way are waited for once the operator has ended the load."""
SILENCE_NS: Final = 15 * NS_PER_S
"""A worker reports ten times a second. One that reports nothing for so long is lost: stopped, or stuck."""
SILENCE_NOTICE_NS: Final = 3 * NS_PER_S
"""A wait for workers that is longer than this gets a mark, which names them."""
BEE_NOTICE_NS: Final = 6 * NS_PER_S
"""The same for a worker of a bee: one whose bee is silent is lost with it before, and needs no mark of its own."""
LONGEST_STEP_NS: Final = NS_PER_S
"""What counts of the time between two looks. When this process stood still, its workers may have, too."""
GIVE_UP_NS: Final = 3 * NS_PER_S
"""How long after the connect timeout the conductor waits for one more client before it goes on without the rest."""


MOST_NAMED: Final = 5
"""Workers in one sentence."""
NO_CLIENT_STAYED: Final = "clients connected, and the broker ended each connection again"
NO_LAST_REPORT: Final = "did not report at the end"


@dataclass(frozen=True, slots=True)
class AttackTiming:
    """The times that a warhead states. If `duration_ns` is None, the load ends when all messages are sent."""

    warmup_ns: int
    duration_ns: int | None
    drain_ns: int
    connect_timeout_ns: int
    counted: bool  # every publishing client has a number of messages, and is done after them
    surges: tuple[SurgeTimes, ...] = ()  # counted from the beginning of the measured time
    stepwise: bool = False  # surges come and go only by `Conductor.change_at`
    groups: tuple[GroupSize, ...] = ()
    connect_rate: Fraction = Fraction(0)  # of all clients; 0: no pace
    notice_ns: int = START_NOTICE_NS


@dataclass(slots=True)
class WorkerState:
    """The conductor's knowledge of one worker."""

    prepared: bool = False
    finished: bool = False
    lost: str = ""  # the reason; empty while it is there
    clients: int = 0
    standing: Standing = field(default_factory=lambda: Standing(0, 0, 0, 0, 0, 0, 0, publishing=False))
    account: Account | None = None
    started_ns: int | None = None  # when it began to make load
    sampled_ns: int = 0  # the end of its last sample that came before it was lost
    heard_ns: int = 0  # the conductor's waking time when it reported last
    missed: bool = False  # its silence has a mark


class Conductor:
    """Decides what happens next. Call `process`, `interrupt` and `advance`, and send the orders that they return."""

    def __init__(self, workers: tuple[str, ...], timing: AttackTiming) -> None:
        self.workers = {name: WorkerState() for name in workers}
        self.timing = timing
        crowd = Crowd(timing.groups, timing.surges, timing.connect_rate, len(workers))
        self.change_schedule = ChangeSchedule(timing.surges, on_demand=timing.stepwise, crowd=crowd)
        self.phase = RunPhase.PREPARE
        self.over = False
        self.aborted = ""
        self.stalled = ""  # how far the load had come when nothing moved any more; empty if that did not happen
        self.measure_start_ns: int | None = None
        self.measure_end_ns: int | None = None
        self._phase_since_ns = 0
        self._most_ready = (-1, 0)  # (most clients ready, since when)
        self._arrivals = (-1, 0)  # (arrivals, since when)
        self._asked_at_arrivals = -1
        self._moves = (-1, 0)  # (messages moved, since when)
        self._advanced_ns = self._awake_ns = 0  # the last look, and the time awake until then
        self._drain_ns = timing.drain_ns
        self._finish_ns = FINISH_NS
        self._prepare_mark = False
        self._waits_for_clients = True
        self._connect_orders = 0
        self._events: list[Event] = []
        self._bees_lost: set[str] = set()

    # --- in --------------------------------------------------------------------------------------------------------

    def process(self, worker: str, report: Report, at_ns: int) -> None:
        """Take note of a worker's report."""
        state = self.workers[worker]
        state.heard_ns, state.missed = self._awake_ns, False
        match report:
            case Prepared(clients):
                state.prepared, state.clients = True, clients
            case Standing():
                state.standing = report
            case Account():
                state.account = report
            case Finished():
                state.finished = True
            case Started(started_ns):
                state.started_ns = started_ns
            case SecondReport(sample) if not state.lost:
                state.sampled_ns = sample.end_ns
            case WorkerLost(reason, bee):
                self._note_surges()
                state.lost = reason
                self._mark_lost(worker, reason, bee, at_ns)
            case _:
                pass

    def interrupt(self, times: int, at_ns: int) -> list[Order]:
        """Return the orders for Ctrl-C: the first ends the load and drains; a second, or one in the drain, stops it.

        The drain is short then: what has not arrived by its end is unresolved.
        """
        if self.over:
            return []
        self._drain_ns = min(self._drain_ns, HURRIED_DRAIN_NS)
        now = times > 1 or self.measure_start_ns is None or self.phase in (RunPhase.DRAIN, RunPhase.VERIFY)
        if now:
            self._finish_ns = HURRIED_FINISH_NS
        if self.phase is RunPhase.FINISH:
            return []
        self._events += self.change_schedule.take_effect(at_ns)
        self._mark(at_ns, EventKind.OPERATOR, "interrupted" if times == 1 else "interrupted again: stopping now")
        self.aborted = INTERRUPTED
        if self.phase is RunPhase.PREPARE:  # no worker has anything to report, and none listens yet
            self.over = True
            return []
        if now:
            return self._finish(at_ns)
        if self._loading:
            return self._end_load_now(at_ns)
        return []

    def change_at(self, change: Change, effect_ns: int) -> list[Order]:
        """Return the orders for the next step of a load that goes by steps; none while no load runs."""
        return list(self.change_schedule.put(change, effect_ns)) if self._loading else []

    def end_load(self, at_ns: int) -> list[Order]:
        """Return the orders that end the load before its duration is over; none while no load is measured."""
        return self._end_load_now(at_ns) if self.phase is RunPhase.MEASURE else []

    def end_phase(self, end_ns: int, words: str) -> list[Order]:
        """Return the orders that end a measured load at `end_ns`, or a wait for clients or messages at once.

        `words` are those of the mark.
        """
        waits = self.phase is not RunPhase.MEASURE
        self._mark(self._advanced_ns if waits else end_ns, EventKind.ACT, words)
        if self.phase is RunPhase.CONNECT:
            self._waits_for_clients = False
        if self.phase in (RunPhase.DRAIN, RunPhase.VERIFY):
            return self._finish(self._advanced_ns)
        if waits:
            return []
        self.measure_end_ns = end_ns
        return [EndPublishing(end_ns)]

    def advance(self, at_ns: int) -> list[Order]:
        """Return the orders that are due now."""
        self._miss_silent_workers(at_ns)
        if not self._remaining() and not self.over:
            self.over = True
            return []
        orders: list[Order] = []
        if self._loading:
            self._events += self.change_schedule.take_effect(at_ns)
            orders += self.change_schedule.announce(at_ns)
        return orders + getattr(self, f"_in_{self.phase.value}")(at_ns)  # type: ignore[no-any-return]

    # --- out -------------------------------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """Return the marks since the last call."""
        events, self._events = self._events, []
        return events

    @property
    def lost_workers(self) -> list[str]:
        return [name for name, worker in self.workers.items() if worker.lost]

    @property
    def ready(self) -> int:
        return sum(w.standing.ready for w in self._remaining())

    @property
    def expected_ready(self) -> int:
        return sum(w.standing.expected_ready for w in self._remaining())

    @property
    def starts_ns(self) -> dict[str, int]:
        """Return when each worker began to make load, by its own clock; without those that have not reported it."""
        return {name: w.started_ns for name, w in self.workers.items() if w.started_ns is not None}

    @property
    def milestones(self) -> Milestones:
        """Return the first and last moments of all workers; of a lost one, as it reported them last."""
        return merged(worker.standing.milestones for worker in self.workers.values())

    def surge_facts(self) -> tuple[SurgeFacts, ...]:
        """Return the course of each surge and wave, as far as the workers have reported it."""
        self._note_surges()
        return self.change_schedule.surge_facts()

    def deliveries(self) -> Deliveries | None:
        """Settle the accounts of all workers. None if one is missing, or if deliveries are not followed."""
        accounts = self._accounts()
        if accounts is None or any(account.note for account in accounts):
            return None
        published = join_published([part for account in accounts for part in account.published])
        return settle(published, join_received([account.received for account in accounts]))

    def account_note(self) -> str:
        """Return the reason why deliveries are not followed."""
        return next((w.account.note for w in self.workers.values() if w.account and w.account.note), "no account came")

    def open_messages(self) -> int | None:
        """Count the messages whose fate is open, subscribed or not, without those of lost workers.

        None if an account is missing, and if every worker was lost.
        """
        accounts = self._accounts(lost=False)
        return None if accounts is None else sum(map(_open, _published(accounts)))

    def unacknowledged(self) -> int | None:
        """Count the messages of QoS 1 and 2 that the broker never answered, without those of lost workers.

        None if an account is missing, and if every worker was lost.
        """
        accounts = self._accounts(lost=False)
        if accounts is None:
            return None
        return sum(_open(part) - part.explained for part in _published(accounts) if part.acknowledged.any())

    def progress(self, at_ns: int, clients: int) -> tuple[int, int]:
        """Return how far the phase is, and its whole: in clients while connecting, in nanoseconds otherwise."""
        if self.phase in (RunPhase.PREPARE, RunPhase.CONNECT):
            return self.ready, self.expected_ready or clients
        if self.phase is RunPhase.MEASURE and self.measure_start_ns is not None and self.measure_end_ns is not None:
            whole_ns = self.measure_end_ns - self.measure_start_ns
            return min(max(at_ns - self.measure_start_ns, 0), whole_ns), whole_ns
        if self.phase is RunPhase.WARMUP:
            return min(max(self._waited_ns(at_ns), 0), self.timing.warmup_ns), self.timing.warmup_ns
        # without a duration the length of the measured time is not known
        return max(self._waited_ns(at_ns), 0), self._drain_ns if self.phase is not RunPhase.MEASURE else 0

    # --- the phases ------------------------------------------------------------------------------------------------

    def _in_prepare(self, at_ns: int) -> list[Order]:
        if all(w.prepared for w in self._remaining()):
            self._enter(RunPhase.CONNECT, at_ns)
            return [self._connect(rest=False, at_ns=at_ns)]
        late = [name for name, worker in self.workers.items() if not worker.lost and not worker.prepared]
        if self._waited_ns(at_ns) > PREPARE_NS:
            for name in late:
                self._lose(name, f"was not ready after {format_duration_ns(PREPARE_NS)}", at_ns)
            return self._give_up(at_ns, f"{_workers(late)} did not get ready in {format_duration_ns(PREPARE_NS)}")
        if self._waited_ns(at_ns) > SILENCE_NOTICE_NS and not self._prepare_mark:
            self._prepare_mark = True
            limit = format_duration_ns(PREPARE_NS)
            self._mark(at_ns, EventKind.OPERATOR, f"waiting for {_workers(late)} to get ready, {limit} at most")
        return []

    def _in_connect(self, at_ns: int) -> list[Order]:
        """Connect the subscribers first, so that nothing is published before they listen."""
        if any(w.standing.connect_orders < self._connect_orders for w in self._remaining()):
            return []  # a standing from before the last order says nothing about it
        ready, expected = self.ready, self.expected_ready
        if ready > self._most_ready[0]:  # not "!=": clients with one id disconnect each other for ever
            self._most_ready = (ready, at_ns)
        patience_ns = self.timing.connect_timeout_ns + GIVE_UP_NS
        if ready < expected and self._waits_for_clients and at_ns - self._most_ready[1] <= patience_ns:
            return []
        if self._connect_orders == 1:
            return [self._connect(rest=True, at_ns=at_ns)]
        if not ready and expected:
            accepted = any(w.standing.accepted for w in self._remaining())
            return self._give_up(at_ns, NO_CLIENT_STAYED if accepted else "no client could connect")
        if ready < expected:
            self._mark(at_ns, EventKind.TROUBLE, f"going on with {ready:,} of {expected:,} clients")
        return self._start(at_ns)

    def _in_warmup(self, at_ns: int) -> list[Order]:
        assert self.measure_start_ns is not None
        if at_ns >= self.measure_start_ns:
            self._enter(RunPhase.MEASURE, self.measure_start_ns)
        return []

    def _in_measure(self, at_ns: int) -> list[Order]:
        if self.measure_end_ns is not None and at_ns >= self.measure_end_ns:
            self._enter(RunPhase.DRAIN, self.measure_end_ns)  # the workers end the load by their own clocks
            return []
        all_sent = self.change_schedule.over and not any(w.standing.publishing for w in self._remaining())
        # a standing from before the start says "not publishing", too: wait for newer ones
        if self.timing.counted and all_sent and self._waited_ns(at_ns) > NS_PER_S:
            return self._end_load_now(at_ns)
        if self.measure_end_ns is None and self._stands_still(at_ns):
            self._mark(at_ns, EventKind.TROUBLE, self.stalled)
            return self._end_load_now(at_ns)
        return []

    def _stands_still(self, at_ns: int) -> bool:
        """Return True, and note how far the load is, when it only waits for the broker and nothing moves."""
        remaining = self._remaining()
        moved = sum(w.standing.moved for w in remaining)
        waits = self.change_schedule.over and not self.change_schedule.crowd.paused
        if moved != self._moves[0] or not waits or any(w.standing.scheduled for w in remaining):
            self._moves = (moved, at_ns)
        limit_ns = max(self.timing.drain_ns, self.timing.connect_timeout_ns + GIVE_UP_NS)
        if at_ns - max(self._moves[1], self._phase_since_ns) <= limit_ns:
            return False
        clients = format_things(sum(w.standing.clients_behind for w in remaining), "client")
        unsent = format_things(sum(w.standing.unsent for w in remaining), "message")
        self.stalled = f"nothing moved for {format_duration_ns(limit_ns)}: {clients} still had {unsent} to send"
        return True

    def _in_drain(self, at_ns: int) -> list[Order]:
        arrived = sum(w.standing.arrived for w in self._remaining())
        if arrived != self._arrivals[0]:
            self._arrivals = (arrived, at_ns)
        if self._waited_ns(at_ns) > self._drain_ns:
            return self._finish(at_ns)
        pending = sum(w.standing.pending for w in self._remaining())
        quiet = at_ns - self._arrivals[1] > QUIET_NS and self._waited_ns(at_ns) > QUIET_NS
        if pending or not quiet or self._asked_at_arrivals == arrived:
            return []
        self._asked_at_arrivals = arrived  # an account is large: ask again only after something has arrived
        self._forget_accounts()
        self.phase = RunPhase.VERIFY
        return [ReportAccount()]

    def _in_verify(self, at_ns: int) -> list[Order]:
        """Finish if nothing is missing that may still arrive; otherwise drain on."""
        if self._waited_ns(at_ns) > self._drain_ns:
            return self._finish(at_ns)
        if any(w.account is None for w in self._remaining()):
            return []
        deliveries = self.deliveries()
        if deliveries is None or not deliveries.lost + deliveries.unresolved:
            return self._finish(at_ns)
        self.phase = RunPhase.DRAIN  # no mark, and the wait goes on: drain and verify are one wait
        return []

    def _in_finish(self, at_ns: int) -> list[Order]:
        if all(w.finished for w in self._remaining()):
            self.over = True
        elif self._waited_ns(at_ns) > self._finish_ns:
            for name, worker in self.workers.items():
                if not worker.finished and not worker.lost:
                    self._lose(name, NO_LAST_REPORT, at_ns)
            self.over = True
        return []

    # --- parts -----------------------------------------------------------------------------------------------------

    @property
    def _loading(self) -> bool:
        return self.phase in (RunPhase.WARMUP, RunPhase.MEASURE)

    def _remaining(self) -> list[WorkerState]:
        return [w for w in self.workers.values() if not w.lost]

    def _note_surges(self) -> None:
        """Note which surges are complete: when somebody asks, and before a worker is lost, whose part is unknown then.

        Not with each standing: each worker sends ten a second, and a look goes over all workers and all surges.
        """
        self.change_schedule.update_surges([worker.standing.surges for worker in self._remaining()])

    def _accounts(self, *, lost: bool = True) -> list[Account] | None:
        """Return the accounts of all workers, or of those that are not lost; None if one or all of them are missing."""
        workers = list(self.workers.values()) if lost else self._remaining()
        accounts = [w.account for w in workers if w.account is not None]
        return accounts if len(accounts) == len(workers) and accounts else None

    def _miss_silent_workers(self, at_ns: int) -> None:
        """Give up workers that have reported nothing for too long. Until a worker is ready, it reports nothing."""
        self._awake_ns += min(at_ns - self._advanced_ns, LONGEST_STEP_NS)
        self._advanced_ns = at_ns
        for name, worker in self.workers.items():
            if worker.lost or worker.finished or not worker.prepared or self.phase is RunPhase.FINISH:
                continue
            silent_ns = self._awake_ns - worker.heard_ns
            if silent_ns > SILENCE_NS:
                self._lose(name, f"reported nothing for {format_duration_ns(SILENCE_NS)}", at_ns)
            elif silent_ns > (BEE_NOTICE_NS if "/" in name else SILENCE_NOTICE_NS) and not worker.missed:
                worker.missed = True
                limit = format_duration_ns(SILENCE_NS)
                self._mark(at_ns, EventKind.LOST, f"worker {name} reports nothing; it is given up after {limit}")

    def _lose(self, name: str, reason: str, at_ns: int) -> None:
        self._note_surges()
        self.workers[name].lost = reason
        self._mark(at_ns, EventKind.LOST, f"worker {name} {reason}")

    def _forget_accounts(self) -> None:
        for worker in self._remaining():
            worker.account = None

    def _waited_ns(self, at_ns: int) -> int:
        return at_ns - self._phase_since_ns

    def _connect(self, *, rest: bool, at_ns: int) -> Order:
        self._connect_orders += 1
        self._most_ready = (-1, at_ns)
        self._waits_for_clients = True
        return ConnectAll(rest)

    def _start(self, at_ns: int) -> list[Order]:
        """Start the load at a whole second of run time, so that samples and the measured window coincide."""
        timing = self.timing
        origin_ns = -(-(at_ns + timing.notice_ns) // NS_PER_S) * NS_PER_S
        measure_ns = origin_ns + timing.warmup_ns
        end_ns = None if timing.duration_ns is None else measure_ns + timing.duration_ns
        self.measure_start_ns, self.measure_end_ns = measure_ns, end_ns
        self.change_schedule.begin(measure_ns, end_ns)
        self._enter(RunPhase.WARMUP if timing.warmup_ns else RunPhase.MEASURE, origin_ns)
        return [StartPublishing(origin_ns, measure_ns, end_ns)]

    def _end_load_now(self, at_ns: int) -> list[Order]:
        self.measure_end_ns = at_ns
        self._enter(RunPhase.DRAIN, at_ns)
        return [EndPublishing()]

    def _finish(self, at_ns: int) -> list[Order]:
        self._forget_accounts()  # the last ones come with the end
        self._enter(RunPhase.FINISH, at_ns)
        return [Finish()]

    def _give_up(self, at_ns: int, reason: str) -> list[Order]:
        self.aborted = reason
        return self._finish(at_ns)

    def _enter(self, phase: RunPhase, at_ns: int) -> None:
        if phase not in (RunPhase.WARMUP, RunPhase.MEASURE):
            self.change_schedule.end()
        self._phase_since_ns = at_ns
        self.phase = phase
        self._mark(at_ns, EventKind.PHASE, phase.value)

    def _mark_lost(self, worker: str, reason: str, bee: str, at_ns: int) -> None:
        """Mark a loss; one mark for a bee, however many workers it had."""
        if bee not in self._bees_lost:
            self._mark(at_ns, EventKind.LOST, f"{bee or f'worker {worker}'} {reason}")
        if bee:
            self._bees_lost.add(bee)

    def _mark(self, at_ns: int, kind: EventKind, text: str) -> None:
        self._events.append(Event(at_ns, kind, text))


def _published(accounts: list[Account]) -> Iterator[Published]:
    return (part for account in accounts for part in account.published)


def _open(part: Published) -> int:
    return sum(map(len, part.unacked.values())) - sum(map(len, part.cut_off.values()))


def _workers(names: list[str]) -> str:
    """Return the workers in words: `worker 2`, or `3 workers (2, 5, 6)`."""
    if len(names) == 1:
        return f"worker {names[0]}"
    listed = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
    return f"{format_count(len(names))} workers ({listed})"
