"""One attack from request to stored run: hires workers, keeps the clock, writes what they report, tells who watches.

`malaria.control.conductor` decides, without I/O; this module does the I/O: pipes, disk, screen, Ctrl-C.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from malaria import __version__
from malaria.analysis.summary import summarize
from malaria.attack.live_totals import LiveTotals
from malaria.attack.preflight import AttackRequest, TargetInfo, check_target, prepare, view_of
from malaria.clock import NS_PER_MS, Clock, now_ns, wall_ns
from malaria.control.conductor import START_NOTICE_NS, AttackCourse, Conductor
from malaria.control.messages import Report, SecondReport, WorkerLost
from malaria.errors import UnstoredRunError
from malaria.model.warhead import Warhead, describe, to_toml
from malaria.observe.observers import Observers
from malaria.plan.clients import Identity, make_plan
from malaria.plan.timetable import base_rate, clients_planned, rate_steps, surge_times
from malaria.records.rows import Counter, Event, EventKind, LedgerTotals, Progress, RunRecords
from malaria.records.store import RunWriter, open_run
from malaria.schedule.share import WHOLE
from malaria.transport.failures import remedies
from malaria.workers.host_facts import describe_host
from malaria.workers.local import Load, LocalWorkers
from malaria.workers.pool import WorkerPool

__all__ = ["AttackOutcome", "AttackRequest", "Interrupt", "conduct", "interruptible"]

POLL_S: Final = 0.05
SHOW_EVERY_NS: Final = 200 * NS_PER_MS
COMMIT_EVERY_NS: Final = 1000 * NS_PER_MS
LONG_WAIT_NS: Final = 2500 * NS_PER_MS
"""A wait that the operator is told of."""
SWARM_NOTICE_NS: Final = 1000 * NS_PER_MS
"""How far ahead the start is announced to bees on other hosts."""


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """What came of it. `directory` holds the run; `records` and `summary` are the same in memory.

    `unwritten` says why `summary.json` is missing from the directory, if it is; `malaria report` makes it anew.
    """

    directory: Path
    records: RunRecords
    summary: dict[str, Any]
    unwritten: str = ""


@dataclass(slots=True)
class Interrupt:
    """How often the operator has pressed Ctrl-C: once, finish and report; twice, stop now and report.

    `impatient`: nobody looks at the count just now, so the second time raises KeyboardInterrupt.
    """

    count: int = 0
    impatient: bool = False


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turns Ctrl-C (and SIGTERM) into an `Interrupt` while the block runs."""
    interrupt = Interrupt()

    def on_signal(_: int, __: FrameType | None) -> None:
        interrupt.count += 1
        if interrupt.impatient and interrupt.count > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def conduct(request: AttackRequest, on_progress: Callable[[Progress], None], interrupt: Interrupt) -> AttackOutcome:
    """Runs the attack to its end, stored in `request.directory`.

    Raises TargetError when the target does not answer at all, HostLimitError when this host cannot make the load,
    OperatorError when the directory cannot be used. From then on everything that happens is data, but for a disk that
    took only a part of it to the end: UnstoredRunError.
    """
    load = prepare(request)
    target = check_target(request, load)
    with ExitStack() as stack:
        with _impatient(interrupt):
            start_workers = _recruit(request, stack)
        load = replace(load, epoch_ns=now_ns())
        observers = Observers(view_of(request, load), lambda: now_ns() - load.epoch_ns)
        return carry_out(request, AttackMeans(load, target, start_workers, observers), on_progress, interrupt)


@dataclass(frozen=True, slots=True)
class AttackMeans:
    """The workers, observers and clock that an attack is made with: those of this host or swarm, or simulated ones."""

    load: Load
    target: TargetInfo
    start_workers: Callable[[Load], WorkerPool]
    observers: Observers
    clock: Clock = now_ns
    sleep: Callable[[float], None] = time.sleep


def carry_out(
    request: AttackRequest, means: AttackMeans, on_progress: Callable[[Progress], None], interrupt: Interrupt
) -> AttackOutcome:
    """Run an attack that is prepared, and store it. Raises what `conduct` raises from there on."""
    with RunWriter.create(request.directory) as writer:
        _describe(writer, request, means.target)
        workers = means.start_workers(means.load)
        try:
            stored = AttackRunner(request, means, _Hands(workers, writer), on_progress).run(interrupt)
            if stored:
                workers.forget()
        finally:
            workers.close()
    if not stored:
        raise _unstored(request.directory, writer.first_failure)
    return _outcome(request.directory)


@contextmanager
def _impatient(interrupt: Interrupt) -> Iterator[None]:
    """Bees take their time to come: the first Ctrl-C waits until they are there, the second ends it."""
    before, interrupt.impatient = interrupt.impatient, True
    try:
        yield
    finally:
        interrupt.impatient = before


def _recruit(request: AttackRequest, stack: ExitStack) -> Callable[[Load], WorkerPool]:
    """Who will make the load, ready to be given it: this machine, or bees that have come from elsewhere."""
    quarters = request.quarters
    if quarters is None:
        return lambda load: LocalWorkers(load, WHOLE, request.workers)
    from malaria.swarm.run.swarm_workers import SwarmWorkers  # Dask: only for a swarm

    hive = stack.enter_context(SwarmWorkers(quarters))

    def hire(load: Load) -> WorkerPool:
        hive.hire(load, request.targets, quarters.workers)
        return hive

    return hire


def _describe(writer: RunWriter, request: AttackRequest, welcome: TargetInfo) -> None:
    """What is known before the first client connects."""
    warhead = request.warhead
    speakers = [group for group in make_plan(warhead, WHOLE, Identity("", 0, 0)).groups if group.group.publishes]
    duration_ns, rate = warhead.attack.duration_ns, base_rate(warhead)
    facts: dict[str, object] = {
        "malaria_version": __version__,
        "command": request.command,
        "target": request.target.url,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "epoch_wall_ns": wall_ns(),
        "title": request.title,
        "load": describe(warhead),
        "closed_loop": any(g.group.closed_loop for g in speakers),
        "tracked": bool(speakers) and all(g.tracked for g in speakers),
        "publishing": bool(speakers),
        "acknowledged": bool(speakers) and all(g.group.qos for g in speakers),
        "subscribing": any(g.subscribes for g in warhead.groups),
        "clients_planned": clients_planned(warhead),
        "rate_planned_per_s": None if rate is None else float(rate),
        "duration_planned_s": None if duration_ns is None else duration_ns / 1e9,
        "thresholds": [str(threshold) for threshold in warhead.thresholds],
        "warhead_toml": to_toml(warhead),
        "environment": describe_host(),
        "own_lag_limit_ns": warhead.attack.own_lag_limit_ns,
        "broker": {"version": welcome.version} if welcome.version else {},
        "notes": list(welcome.notes),
    }
    for key, value in (facts | dict(request.facts)).items():
        writer.meta(key, value)
    (request.directory / "warhead.toml").write_text(to_toml(warhead))
    writer.commit()


@dataclass(frozen=True, slots=True)
class _Hands:
    """What an attack is carried out with."""

    bee: WorkerPool
    writer: RunWriter


class AttackRunner:
    """One attack under way: what the workers say goes to the conductor, the store and the screen."""

    def __init__(
        self, request: AttackRequest, means: AttackMeans, hands: _Hands, on_progress: Callable[[Progress], None]
    ) -> None:
        bee = hands.bee
        self._warhead = request.warhead
        self._news = request.news
        self._clock, self._sleep = means.clock, means.sleep
        self._epoch_ns = means.load.epoch_ns
        self._bee = bee
        self._writer = hands.writer
        self._lookout = means.observers
        self._on_progress = on_progress
        self._clients = clients_planned(request.warhead)
        notice_ns = START_NOTICE_NS if request.quarters is None else SWARM_NOTICE_NS
        self._conductor = Conductor(bee.workers, _course(request.warhead, len(bee.workers), notice_ns))
        self._totals = LiveTotals(bee.workers)
        self._causes: dict[str, Mapping[str, int]] = {}
        self._fresh_events: list[Event] = []
        self._next_show_ns = self._next_commit_ns = 0
        self._interrupts_told = 0
        self._heard = False  # any sample at all
        self._workers = len(bee.workers)
        self._steps = rate_steps(request.warhead, self._workers)
        self._turns = 0  # changes of a rate that are in the steps
        self._writer.meta("workers", list(bee.workers))

    def run(self, interrupt: Interrupt) -> bool:
        """Until the conductor says that it is over. False when the disk did not take all of it."""
        self._lookout.start()
        while not self._conductor.over:
            said = self._bee.poll(POLL_S)
            at_ns = self._now()
            for worker, report in said:
                self._hear(worker, report, at_ns)
            self._pass_interrupts(interrupt, at_ns)
            for order in self._conductor.advance(at_ns):
                self._bee.order(order)
            self._note_events(self._conductor.events())
            self._note_sightings()
            self._note_events([Event(at_ns, EventKind.BROKER, text) for text in self._news()])
            self._keep_up(at_ns)
        self._hear_out(interrupt)
        return self._close()

    def _hear_out(self, interrupt: Interrupt) -> None:
        """A broker counts what it drops and tells it now and then: its word on the end of the load is waited for."""
        over_ns, told = self._clock(), interrupt.count
        if self._lookout.outstanding_ns(over_ns) > LONG_WAIT_NS and not self._conductor.aborted:
            self._fresh_events.append(Event(self._now(), EventKind.OBSERVER, "waiting for the broker's last figures"))
        while not self._conductor.aborted and interrupt.count == told and self._lookout.outstanding_ns(over_ns):
            self._sleep(POLL_S)
            self._note_sightings()
            self._keep_up(self._now())

    def _hear(self, worker: str, report: Report, at_ns: int) -> None:
        self._conductor.hear(worker, report, at_ns)
        if isinstance(report, SecondReport):
            self._take(worker, report)
        elif isinstance(report, WorkerLost):
            self._totals.lose(worker)

    def _now(self) -> int:
        return self._clock() - self._epoch_ns

    def _take(self, worker: str, second: SecondReport) -> None:
        self._heard = True
        self._writer.append([second.sample])
        self._totals.add(second.sample)
        self._causes[worker] = second.causes
        self._note_events(second.events)

    def _note_events(self, events: list[Event] | tuple[Event, ...]) -> None:
        for event in events:
            self._writer.event(event)
            self._fresh_events.append(event)

    def _note_sightings(self) -> None:
        for row in self._lookout.look(self._conductor.measure_start_ns):
            if isinstance(row, Event):
                self._note_events((row,))
            else:
                self._writer.observe(row)

    def _pass_interrupts(self, interrupt: Interrupt, at_ns: int) -> None:
        while self._interrupts_told < min(interrupt.count, 2):
            self._interrupts_told += 1
            for order in self._conductor.interrupt(self._interrupts_told, at_ns):
                self._bee.order(order)

    def _keep_up(self, at_ns: int) -> None:
        """Disk once a second, screen a few times."""
        if at_ns >= self._next_commit_ns:
            self._next_commit_ns = at_ns + COMMIT_EVERY_NS
            self._write_state()
            self._writer.commit()
        if at_ns >= self._next_show_ns:
            self._next_show_ns = at_ns + SHOW_EVERY_NS
            self._on_progress(self._progress(at_ns))

    def _write_state(self) -> None:
        conductor = self._conductor
        failures: dict[str, int] = {}
        for causes in self._causes.values():
            for reason, count in causes.items():
                failures[reason] = failures.get(reason, 0) + count
        state = (
            {
                "measure_start_ns": conductor.measure_start_ns,
                "measure_end_ns": conductor.measure_end_ns,
                "connect_failures": failures,
                "remedies": remedies(failures),
                "lost_workers": self._lost_workers(),
                "aborted": conductor.aborted or None,
                "surges": conductor.agenda.surges() or None,
                "rate_steps": self._steps_so_far(),
            }
            | self._bee.facts()
            | self._start()
        )
        for key, value in state.items():
            if value is not None:
                self._writer.meta(key, value)

    def _start(self) -> dict[str, object]:
        """How far apart the workers began, each by its own clock as the conductor knows it."""
        starts = self._conductor.starts_ns
        if len(starts) < 2:
            return {}
        first_ns, last_ns = min(starts.values()), max(starts.values())
        return {"start": {"first_ns": first_ns, "last_ns": last_ns, "spread_ns": last_ns - first_ns}}

    def _steps_so_far(self) -> list[list[float]] | None:
        """The rate that is due, step by step in run time, up to the end of the measured time; None: not known yet."""
        conductor = self._conductor
        start_ns, end_ns, turns = conductor.measure_start_ns, conductor.measure_end_ns, conductor.agenda.turns
        if self._steps is None or start_ns is None:
            return None
        if len(turns) > self._turns:
            self._turns = len(turns)
            since = [replace(turn, at_ns=turn.at_ns - start_ns) for turn in turns]
            self._steps = rate_steps(self._warhead, self._workers, since) or ()
        steps = ([start_ns + after_ns, per_s] for after_ns, per_s in self._steps)
        return [step for step in steps if end_ns is None or step[0] < end_ns]

    def _rate_at(self, at_ns: int) -> float | None:
        """Messages per second that are due now."""
        if self._steps is None:
            return None
        since_ns = at_ns - (self._conductor.measure_start_ns or at_ns)
        return next((per_s for after_ns, per_s in reversed(self._steps) if after_ns <= since_ns), self._steps[0][1])

    def _lost_workers(self) -> list[dict[str, object]]:
        """A bee of which all workers were lost for one reason is one loss."""
        workers = self._conductor.workers
        lost = {name: worker.lost for name, worker in workers.items() if worker.lost}
        told: dict[str, str] = {}
        for name, reason in lost.items():
            bee = name.partition("/")[0]
            whole = all(lost.get(other) == reason for other in workers if other.partition("/")[0] == bee)
            told[bee if whole else name] = reason
        return [{"worker": name, "share": str(self._bee.share_of(name)), "reason": why} for name, why in told.items()]

    def _progress(self, at_ns: int) -> Progress:
        conductor = self._conductor
        done, total = conductor.bar(at_ns, self._clients)
        events, self._fresh_events = tuple(self._fresh_events), []
        return self._totals.progress(
            Progress(at_ns, conductor.phase, done, total, self._clients, self._rate_at(at_ns), events=events)
        )

    def _close(self) -> bool:
        for worker, report in self._bee.late():
            self._hear(worker, report, self._now())
        self._note_events(self._conductor.events())
        self._writer.meta("observers", self._lookout.stop())
        self._note_sightings()
        self._on_progress(self._progress(self._now()))
        self._write_state()
        self._writer.meta("end_ns", self._now())
        self._writer.ledger(self._ledger())
        return self._writer.commit()

    def _ledger(self) -> LedgerTotals:
        """The account of the run; what nobody can know is None, with a sentence why."""
        groups = self._warhead.groups
        speaking, listening = any(g.publishes for g in groups), any(g.subscribes for g in groups)
        settled = self._conductor.deliveries() if speaking and listening and not self._lost_workers() else None
        counted = self._totals.counters if self._heard and speaking else None
        acknowledged = counted if any(g.qos for g in self._warhead.publishing) else None
        unacknowledged = self._conductor.unacknowledged() if speaking else None
        return LedgerTotals(
            due=_count(counted, Counter.DUE),
            sent=_count(counted, Counter.SENT),
            acked=_count(acknowledged, Counter.ACKED),
            expected=settled.expected if settled else None,
            delivered=settled.delivered if settled else None,
            duplicated=_count(counted if settled else None, Counter.DUPLICATED),
            reordered=_count(counted if settled else None, Counter.REORDERED),
            lost=settled.lost if settled else None,
            acked_lost=settled.acked_lost if settled else None,
            unresolved=settled.unresolved if settled else unacknowledged,
            notes=tuple(self._ledger_notes(speaking, listening, settled is not None)),
        )

    def _ledger_notes(self, speaking: bool, listening: bool, settled: bool) -> Iterator[str]:
        if self._lost_workers():
            yield "A worker was lost: counts go up to its last report, and deliveries cannot be settled."
        elif listening and not speaking:
            yield "Nobody of ours publishes, so what should arrive is not known."
        elif listening and not settled:
            yield f"Deliveries are not followed: {self._conductor.account_note()}."


def _count(counters: Mapping[str, int] | None, counter: Counter) -> int | None:
    return None if counters is None else counters.get(counter, 0)


def _course(warhead: Warhead, workers: int, notice_ns: int) -> AttackCourse:
    attack = warhead.attack
    return AttackCourse(
        warmup_ns=attack.warmup_ns,
        duration_ns=attack.duration_ns,
        drain_ns=attack.drain_ns,
        connect_timeout_ns=attack.connect_timeout_ns,
        counted=bool(warhead.publishing) and all(group.messages for group in warhead.publishing),
        visits=surge_times(warhead, workers),
        notice_ns=notice_ns,
    )


def _unstored(directory: Path, failure: str) -> UnstoredRunError:
    return UnstoredRunError(
        f"{directory}: the run is stored only in part: {failure}",
        f"make room there or choose another disk with -o; what was stored is shown by: malaria report {directory}",
    )


def _outcome(directory: Path) -> AttackOutcome:
    """What came of the run, with `summary.json` if the disk takes it: the records are whole, so the verdict stands."""
    records = open_run(directory)
    summary = dict(summarize(records))
    unwritten = ""
    try:
        (directory / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    except OSError as error:
        unwritten = error.strerror or str(error)
    return AttackOutcome(directory, records, summary, unwritten)
