"""The conductor of an attack as a state machine without I/O: reports and the clock in, orders out.

    prepare -> connect -> warmup -> measure -> drain -> verify -> finish -> over

Promises: every wait is bounded (a broker that says nothing, a worker that is gone, an account that never comes cannot
hang it); a lost worker is remembered with its share and the others go on; what ended the attack early is kept.
Times are run time: nanoseconds since the epoch of the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.control.change_schedule import ChangeSchedule
from malaria.control.changes import ChangeRate, Disconnect
from malaria.control.messages import (
    Account,
    ConnectAll,
    EndPublishing,
    Finish,
    Finished,
    Order,
    Prepared,
    Report,
    Started,
    StartPublishing,
    TellAccount,
    WorkerLost,
)
from malaria.control.standing import Standing
from malaria.plan.timetable import SurgeTimes
from malaria.records.ledger import Deliveries, join_published, join_received, settle
from malaria.records.rows import INTERRUPTED, Event, EventKind, RunPhase

QUIET_NS: Final = 300 * NS_PER_MS
"""No arrival for this long: time to look at the account."""
START_NOTICE_NS: Final = 150 * NS_PER_MS
"""How far ahead the start of publishing is announced, so that every worker hears of it in time."""
PREPARE_NS: Final = 120 * NS_PER_S
COLLECT_NS: Final = 15 * NS_PER_S
GIVE_UP_NS: Final = 3 * NS_PER_S
"""Beyond the connect timeout: no client has become ready for so long, so go on without those that could not."""


@dataclass(frozen=True, slots=True)
class AttackCourse:
    """What the warhead says about time. `duration_ns` None: until every client has sent its messages."""

    warmup_ns: int
    duration_ns: int | None
    drain_ns: int
    connect_timeout_ns: int
    counted: bool  # every client that publishes has its number of messages, and is done then
    visits: tuple[SurgeTimes, ...] = ()  # surges, counted from the beginning of the measured time
    notice_ns: int = START_NOTICE_NS


@dataclass(slots=True)
class WorkerState:
    """What the conductor knows of one worker."""

    prepared: bool = False
    finished: bool = False
    lost: str = ""
    clients: int = 0
    obeyed: int = 0  # orders to connect that its standing knows of
    standing: Standing = field(default_factory=lambda: Standing(0, 0, 0, 0, 0, 0, 0, publishing=False))
    account: Account | None = None
    started_ns: int | None = None  # when it began to make load


class Conductor:
    """Decides what happens next. Feed it `hear`, `interrupt` and `advance`; obey the orders it returns."""

    def __init__(self, workers: tuple[str, ...], course: AttackCourse) -> None:
        self.workers = {name: WorkerState() for name in workers}
        self.course = course
        self.agenda = ChangeSchedule(course.visits)
        self.phase = RunPhase.PREPARE
        self.over = False
        self.aborted = ""
        self.measure_start_ns: int | None = None
        self.measure_end_ns: int | None = None
        self._phase_since_ns = 0
        self._progress = (-1, 0)  # (most clients ready, since when)
        self._arrivals = (-1, 0)  # (arrivals, since when)
        self._asked_at_arrivals = -1
        self._orders = 0  # to connect, so far
        self._events: list[Event] = []
        self._bees_lost: set[str] = set()

    # --- in --------------------------------------------------------------------------------------------------------

    def hear(self, worker: str, report: Report, at_ns: int) -> None:
        """A worker has said something."""
        state = self.workers[worker]
        match report:
            case Prepared(clients):
                state.prepared, state.clients = True, clients
            case Standing():
                state.standing = report
                if self.course.visits:
                    self.agenda.observe([w.standing.surges for w in self._here()])
                state.obeyed = report.connect_orders
            case Account():
                state.account = report
            case Finished():
                state.finished = True
            case Started(started_ns):
                state.started_ns = started_ns
            case WorkerLost(reason, bee):
                state.lost = reason
                self._mark_lost(worker, reason, bee, at_ns)
            case _:
                pass

    def interrupt(self, times: int, at_ns: int) -> list[Order]:
        """Ctrl-C: once, finish what is under way; twice, stop now."""
        if self.over or self.phase is RunPhase.FINISH:
            return []
        self._events += self.agenda.take_effect(at_ns)
        self._mark(at_ns, EventKind.OPERATOR, "interrupted" if times == 1 else "interrupted again: stopping now")
        self.aborted = INTERRUPTED
        if times > 1 or self.measure_start_ns is None:
            return self._collect(at_ns)
        if self.phase in (RunPhase.WARMUP, RunPhase.MEASURE):
            self.measure_end_ns = at_ns
            return [*self._enter(RunPhase.DRAIN, at_ns), EndPublishing()]
        return []

    def act(self, change: ChangeRate | Disconnect, at_ns: int) -> list[Order]:
        """A change of the running load that is in no file; nothing while no load runs. See `agenda.check_change`."""
        return list(self.agenda.insert(change, at_ns)) if self.phase in (RunPhase.WARMUP, RunPhase.MEASURE) else []

    def advance(self, at_ns: int) -> list[Order]:
        """Time has passed: the orders that are due now."""
        if not self._here() and not self.over:
            self.over = True
            return []
        acts = self._acts(at_ns)
        return acts + getattr(self, f"_in_{self.phase.value}")(at_ns)  # type: ignore[no-any-return]

    # --- out -------------------------------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """The marks since the last call."""
        told, self._events = self._events, []
        return told

    @property
    def ready(self) -> int:
        return sum(w.standing.ready for w in self._here())

    @property
    def expected_ready(self) -> int:
        return sum(w.standing.expected_ready for w in self._here())

    @property
    def starts_ns(self) -> dict[str, int]:
        """When each worker took up the start of the load, by its own clock; of those that have told."""
        return {name: w.started_ns for name, w in self.workers.items() if w.started_ns is not None}

    def deliveries(self) -> Deliveries | None:
        """The account of all workers, or None when a part of it is missing or deliveries are not followed."""
        accounts = [w.account for w in self.workers.values()]
        if any(account is None or account.note for account in accounts):
            return None
        known = [account for account in accounts if account is not None]
        published = join_published([part for account in known for part in account.published])
        return settle(published, join_received([account.received for account in known]))

    def account_note(self) -> str:
        """Why deliveries are not followed."""
        return next((w.account.note for w in self.workers.values() if w.account and w.account.note), "no account came")

    def unacknowledged(self) -> int | None:
        """Messages whose fate is open, whether or not anybody subscribed; None when an account is missing."""
        accounts = [w.account for w in self.workers.values()]
        if any(account is None for account in accounts):
            return None
        return sum(len(open_ones) for account in accounts if account is not None
                   for part in account.published for open_ones in part.unacked.values())  # fmt: skip

    def bar(self, at_ns: int, clients: int) -> tuple[int, int]:
        """How far the phase is: clients while connecting, nanoseconds otherwise."""
        if self.phase in (RunPhase.PREPARE, RunPhase.CONNECT):
            return self.ready, self.expected_ready or clients
        if self.phase is RunPhase.MEASURE and self.measure_start_ns is not None and self.measure_end_ns is not None:
            total = self.measure_end_ns - self.measure_start_ns
            return min(max(at_ns - self.measure_start_ns, 0), total), total
        if self.phase is RunPhase.WARMUP:
            return min(max(self._waited(at_ns), 0), self.course.warmup_ns), self.course.warmup_ns
        return max(self._waited(at_ns), 0), self.course.drain_ns if self.phase is not RunPhase.MEASURE else 0

    def _acts(self, at_ns: int) -> list[Order]:
        """What has taken effect by now is marked, and what is to come soon is announced."""
        if self.phase not in (RunPhase.WARMUP, RunPhase.MEASURE):
            return []
        self._events += self.agenda.take_effect(at_ns)
        return list(self.agenda.announce(at_ns))

    # --- the phases ------------------------------------------------------------------------------------------------

    def _in_prepare(self, at_ns: int) -> list[Order]:
        if all(w.prepared for w in self._here()):
            return [*self._enter(RunPhase.CONNECT, at_ns), self._connect(rest=False, at_ns=at_ns)]
        return self._give_up(at_ns, "the workers did not get ready") if self._waited(at_ns) > PREPARE_NS else []

    def _in_connect(self, at_ns: int) -> list[Order]:
        """Who subscribes connects first, so that nothing is published past a subscriber that is still on its way."""
        if any(w.obeyed < self._orders for w in self._here()):
            return []  # an answer from before the last order says nothing about it
        ready, expected = self.ready, self.expected_ready
        if ready > self._progress[0]:  # clients that throw each other out come and go without an end
            self._progress = (ready, at_ns)
        if ready < expected and at_ns - self._progress[1] <= self.course.connect_timeout_ns + GIVE_UP_NS:
            return []
        if self._orders == 1:
            return [self._connect(rest=True, at_ns=at_ns)]
        if not ready and expected:
            return self._give_up(at_ns, "no client could connect")
        if ready < expected:
            self._mark(at_ns, EventKind.TROUBLE, f"going on with {ready:,} of {expected:,} clients")
        return self._start(at_ns)

    def _connect(self, *, rest: bool, at_ns: int) -> Order:
        self._orders += 1
        self._progress = (-1, at_ns)
        return ConnectAll(rest)

    def _start(self, at_ns: int) -> list[Order]:
        """Publishing begins at a whole second of run time, so that samples and the measured window coincide."""
        origin_ns = -(-(at_ns + self.course.notice_ns) // NS_PER_S) * NS_PER_S
        measure_ns = origin_ns + self.course.warmup_ns
        self.measure_start_ns = measure_ns
        duration_ns = self.course.duration_ns
        end_ns = None if duration_ns is None else measure_ns + duration_ns
        self.measure_end_ns = end_ns
        self.agenda.begin(measure_ns, end_ns)
        phase = RunPhase.WARMUP if self.course.warmup_ns else RunPhase.MEASURE
        return [*self._enter(phase, origin_ns), StartPublishing(origin_ns, measure_ns, end_ns)]

    def _in_warmup(self, at_ns: int) -> list[Order]:
        assert self.measure_start_ns is not None
        return self._enter(RunPhase.MEASURE, self.measure_start_ns) if at_ns >= self.measure_start_ns else []

    def _in_measure(self, at_ns: int) -> list[Order]:
        if self.measure_end_ns is not None and at_ns >= self.measure_end_ns:
            return self._enter(RunPhase.DRAIN, self.measure_end_ns)
        sent_all = self.agenda.over and not any(w.standing.publishing for w in self._here())
        if self._waited(at_ns) > NS_PER_S and sent_all and self.course.counted:
            self.measure_end_ns = at_ns
            return [*self._enter(RunPhase.DRAIN, at_ns), EndPublishing()]
        return []

    def _in_drain(self, at_ns: int) -> list[Order]:
        arrived = sum(w.standing.arrived for w in self._here())
        if arrived != self._arrivals[0]:
            self._arrivals = (arrived, at_ns)
        if self._waited(at_ns) > self.course.drain_ns:
            return self._collect(at_ns)
        pending = sum(w.standing.pending for w in self._here())
        quiet = at_ns - self._arrivals[1] > QUIET_NS and self._waited(at_ns) > QUIET_NS
        if pending or not quiet or self._asked_at_arrivals == arrived:
            return []
        self._asked_at_arrivals = arrived
        for worker in self._here():
            worker.account = None
        self._enter_quietly(RunPhase.VERIFY)
        return [TellAccount()]

    def _in_verify(self, at_ns: int) -> list[Order]:
        """Drained as far as one can see: is anything missing that may still come?"""
        if self._waited(at_ns) > self.course.drain_ns:
            return self._collect(at_ns)
        if any(w.account is None for w in self._here()):
            return []
        deliveries = self.deliveries()
        if deliveries is None or not deliveries.lost + deliveries.unresolved:
            return self._collect(at_ns)
        self._enter_quietly(RunPhase.DRAIN)
        return []

    def _in_finish(self, at_ns: int) -> list[Order]:
        if all(w.finished for w in self._here()):
            self.over = True
        elif self._waited(at_ns) > COLLECT_NS:
            for name, worker in self.workers.items():
                if not worker.finished and not worker.lost:
                    worker.lost = "did not report at the end"
                    self._mark(at_ns, EventKind.LOST, f"worker {name} {worker.lost}")
            self.over = True
        return []

    # --- parts -----------------------------------------------------------------------------------------------------

    def _here(self) -> list[WorkerState]:
        return [w for w in self.workers.values() if not w.lost]

    def _waited(self, at_ns: int) -> int:
        return at_ns - self._phase_since_ns

    def _collect(self, at_ns: int) -> list[Order]:
        for worker in self._here():
            worker.account = None
        return [*self._enter(RunPhase.FINISH, at_ns), Finish()]

    def _give_up(self, at_ns: int, reason: str) -> list[Order]:
        self.aborted = reason
        return self._collect(at_ns)

    def _enter(self, phase: RunPhase, at_ns: int) -> list[Order]:
        if phase not in (RunPhase.WARMUP, RunPhase.MEASURE):
            self.agenda.end()
        self._phase_since_ns = at_ns
        self._enter_quietly(phase)
        self._mark(at_ns, EventKind.PHASE, phase.value)
        return []

    def _enter_quietly(self, phase: RunPhase) -> None:
        """Drain and verify alternate within one wait: no mark, and the clock runs on."""
        self.phase = phase

    def _mark_lost(self, worker: str, reason: str, bee: str, at_ns: int) -> None:
        """One mark for a bee, however many workers it had."""
        if bee not in self._bees_lost:
            self._mark(at_ns, EventKind.LOST, f"{bee or f'worker {worker}'} {reason}")
        if bee:
            self._bees_lost.add(bee)

    def _mark(self, at_ns: int, kind: EventKind, text: str) -> None:
        self._events.append(Event(at_ns, kind, text))
