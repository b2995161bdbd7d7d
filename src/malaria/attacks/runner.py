"""Carry out one attack, from request to stored run: start workers, keep the clock, store reports, show progress.

`malaria.control.conductor` decides what happens next, and small modules of this room compute what is stored and shown,
without I/O. This module does the I/O: pipes, disk, screen, Ctrl-C.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.attacks.due_rate import DueRate
from malaria.attacks.followers import AttackUnderWay, Followers
from malaria.attacks.interrupt import Interrupt, impatient, settled, unstarted
from malaria.attacks.ledger_totals import ledger_totals
from malaria.attacks.live_changes import LiveChanges
from malaria.attacks.live_totals import LiveTotals
from malaria.attacks.preflight import AttackRequest, TargetInfo, check_target, prepare, seen_from_bee, view_of
from malaria.attacks.run_facts import planned_facts, run_state, uncounted, unplanned_surges
from malaria.attacks.staircase_pilot import StaircasePilot
from malaria.attacks.steer_socket import SteerSocket
from malaria.clock import NS_PER_MS, NS_PER_S, Clock, now_ns, wall_ns
from malaria.control.conductor import START_NOTICE_NS, AttackTiming, Conductor
from malaria.control.crowd import GroupSize
from malaria.control.messages import Report, SecondReport
from malaria.errors import OperatorError, RunError, UnreachedTargetError, UnstoredRunError
from malaria.model.warhead import Warhead, to_toml
from malaria.observe.target_observers import TargetObservers
from malaria.outputs.files import write_summary
from malaria.plan.surge_schedule import surge_times
from malaria.records.rows import Event, EventKind, Progress
from malaria.records.run import Run
from malaria.records.run_meta import EnvironmentFacts, RunMeta
from malaria.records.store import RunWriter, open_run
from malaria.schedule.share import WHOLE
from malaria.transport.failures import own_shortages
from malaria.workers.host_facts import describe_host
from malaria.workers.local import Load, LocalWorkers
from malaria.workers.pool import WorkerPool

if TYPE_CHECKING:
    from malaria.swarm.run.launcher import Launcher
    from malaria.swarm.run.swarm_workers import SwarmWorkers

__all__ = ["AttackOutcome", "AttackRequest", "conduct"]

POLL_S: Final = 0.05
SHOW_EVERY_NS: Final = 200 * NS_PER_MS
COMMIT_EVERY_NS: Final = 1000 * NS_PER_MS
LONG_WAIT_NS: Final = 2500 * NS_PER_MS
"""A wait that is longer than this is announced."""
SWARM_NOTICE_NS: Final = 1000 * NS_PER_MS
"""How far ahead the start is announced to bees on other hosts."""


@dataclass(frozen=True, slots=True)
class AttackOutcome:
    """The result of an attack. `directory` holds the run; `run` and `summary` are the same in memory.

    `unwritten` says why `summary.json` is missing from the directory, if it is; `malaria report` writes it again.
    """

    directory: Path
    run: Run
    summary: Summary
    unwritten: str = ""


def conduct(request: AttackRequest, on_progress: Callable[[Progress], None], interrupt: Interrupt) -> AttackOutcome:
    """Run the attack to its end and store it in `request.directory`.

    Raises TargetError when the target does not answer at all, HostLimitError when this host cannot make the load,
    OperatorError when the directory cannot be used. Once the run has begun, whatever happens is data, with one
    exception: UnstoredRunError when the disk did not take all of it.
    """
    with unstarted(interrupt):
        load = prepare(request)
        target_info, reason = _look_from_here(request, load)
    request = replace(request, followers=(*request.followers, SteerSocket()))
    with ExitStack() as stack:
        with impatient(interrupt):  # bees take seconds to start, and the count is not polled meanwhile
            swarm = (
                None if request.launcher is None else stack.enter_context(_recruit(request.launcher, request.command))
            )
            if target_info is None:
                assert swarm is not None
                knocked = swarm.knock(request.knock_from, load, request.targets)
                target_info = seen_from_bee(load, knocked, reason)
        start_workers = _starter(request, swarm)
        load = replace(load, routes=target_info.routes, epoch_ns=now_ns())
        observers = TargetObservers(view_of(request, load), lambda: now_ns() - load.epoch_ns)
        return carry_out(request, AttackMeans(load, target_info, start_workers, observers), on_progress, interrupt)


@dataclass(frozen=True, slots=True)
class AttackMeans:
    """The workers, observers and clock that an attack is made with: those of this host or swarm, or simulated ones."""

    load: Load
    target: TargetInfo
    start_workers: Callable[[Load], WorkerPool]
    observers: TargetObservers
    clock: Clock = now_ns
    sleep: Callable[[float], None] = time.sleep
    show_every_ns: int = SHOW_EVERY_NS  # between two calls of `on_progress`


def carry_out(
    request: AttackRequest, means: AttackMeans, on_progress: Callable[[Progress], None], interrupt: Interrupt
) -> AttackOutcome:
    """Run an attack that is prepared, and store it. Raises what `conduct` raises from there on."""
    followers = Followers(request.followers)
    with _until_the_end(followers):
        _make_load(request, means, on_progress, interrupt, followers)
        with settled(interrupt):
            return stored_outcome(request.directory)


def _make_load(
    request: AttackRequest,
    means: AttackMeans,
    on_progress: Callable[[Progress], None],
    interrupt: Interrupt,
    followers: Followers,
) -> None:
    """Make the load, and store what comes of it. Raises UnstoredRunError when the disk did not take all of it."""
    with RunWriter.create(request.directory) as writer:
        facts = planned_facts(request, means.target)
        _describe(writer, request, facts)
        pool = means.start_workers(means.load)
        try:
            sinks = AttackSinks(pool, writer, on_progress, followers)
            stored = AttackRunner(request, means, facts, sinks).run(interrupt)
            if stored:
                pool.forget()
        finally:
            pool.close()
        if not stored:
            raise _unstored(request.directory, writer.first_failure)


@contextmanager
def _until_the_end(followers: Followers) -> Iterator[None]:
    """Tell the followers how the attack ends, whatever ends it."""
    failure = "it was ended"
    try:
        yield
        failure = ""
    except OperatorError as error:
        failure = error.message
        raise
    finally:
        followers.end(failure)


def _look_from_here(request: AttackRequest, load: Load) -> tuple[TargetInfo | None, str]:
    """Look at the target. Return None where a bee is to look at it, and the reason if this machine cannot reach it.

    Raises what `check_target` raises.
    """
    if request.knock_from is not None and request.launcher is not None:
        return None, ""
    try:
        return check_target(request, load), ""
    except UnreachedTargetError as error:
        if request.launcher is None:
            raise
        return None, error.message


def _recruit(launcher: Launcher, command: str) -> SwarmWorkers:
    """Return the bees, which are brought in by entering the context; they learn the command that they work for."""
    from malaria.swarm.run.swarm_workers import SwarmWorkers  # ssh and TLS: only for a swarm

    return SwarmWorkers(launcher, command)


def _starter(request: AttackRequest, swarm: SwarmWorkers | None) -> Callable[[Load], WorkerPool]:
    """Return what starts the workers: on this machine, or on the bees."""
    if swarm is None:
        return lambda load: LocalWorkers(load, WHOLE, request.workers)

    def start(load: Load) -> WorkerPool:
        swarm.assign(load, request.targets, None if request.launcher is None else request.launcher.workers)
        return swarm

    return start


def _describe(writer: RunWriter, request: AttackRequest, planned: RunMeta) -> None:
    """Store what is known before the first client connects."""
    now = RunMeta(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        epoch_wall_ns=wall_ns(),
        environment=EnvironmentFacts.model_validate(describe_host()),
    )
    for facts in (planned, now, request.facts):
        writer.describe(facts)
    (request.directory / "warhead.toml").write_text(to_toml(request.warhead, Path.cwd()))
    writer.commit()


@dataclass(frozen=True, slots=True)
class AttackSinks:
    """The outputs of an attack under way: its workers (orders), the store (rows), the screen (progress), followers."""

    pool: WorkerPool
    writer: RunWriter
    on_progress: Callable[[Progress], None]
    followers: Followers


class AttackRunner:
    """One attack under way: carries reports of the workers to the conductor, the store and the screen."""

    def __init__(self, request: AttackRequest, means: AttackMeans, planned: RunMeta, sinks: AttackSinks) -> None:
        self._warhead = request.warhead
        self._news = request.news
        self._waits = request.wait_for_figures
        self._clock, self._sleep = means.clock, means.sleep
        self._epoch_ns = means.load.epoch_ns
        self._observers = means.observers
        self._pool = sinks.pool
        self._writer = sinks.writer
        self._on_progress = sinks.on_progress
        self._followers = sinks.followers
        workers = sinks.pool.workers
        notice_ns = START_NOTICE_NS if request.launcher is None else SWARM_NOTICE_NS
        timing = _timing(means.load.warhead, len(workers), notice_ns)
        stepwise = request.staircase is not None
        self._conductor = Conductor(workers, replace(timing, stepwise=stepwise))
        self._pilot = (
            None
            if request.staircase is None
            else StaircasePilot(request.staircase, request.warhead, workers, timing.surges, planned)
        )
        self._totals = LiveTotals(workers)
        self._due_rate = DueRate(request.warhead, len(workers), stepwise=stepwise)
        self._connect_failures: dict[str, dict[str, int]] = {}  # of each worker, by reason
        self._fresh_events: list[Event] = []
        self._show_every_ns = means.show_every_ns
        self._next_show_ns = self._next_commit_ns = 0
        self._interrupts_passed = 0
        self._sampled = False  # any worker has reported a sample
        self._writer.describe(RunMeta(workers=tuple(workers)))
        self._load = means.load.warhead
        self._changes = LiveChanges(request, means.load, self._conductor, self._pool.order, self._now)
        epoch = {"epoch_wall_ns": wall_ns() - self._now()}
        facts = planned.model_copy(update=epoch)
        self._under_way = AttackUnderWay(
            request.directory, request.title, request.warhead, tuple(workers), facts, self._changes.door,
            self._followers.note,
        )  # fmt: skip

    def run(self, interrupt: Interrupt) -> bool:
        """Run until the conductor says that it is over. Return False when the disk did not take all of it."""
        self._followers.begin(self._under_way)
        self._observers.start()
        notes = (*self._under_way.facts.notes, *uncounted(self._warhead))
        self._note_events(Event(0, EventKind.OBSERVER, text) for text in notes)
        while not self._conductor.over:
            reports = self._pool.poll(POLL_S)
            at_ns = self._now()
            for worker, report in reports:
                self._hear(worker, report, at_ns)
            self._pass_interrupts(interrupt, at_ns)
            for advance in (self._changes.advance, self._conductor.advance, self._changes.advance):
                for order in advance(at_ns):  # the second time for a load that has just begun
                    self._pool.order(order)
            self._changes.serve(interrupt)
            for name in self._conductor.lost_workers:
                self._totals.lose(name)
                if self._pilot is not None:
                    self._pilot.lose()
            self._pilot_load(at_ns)
            self._note_events(self._conductor.events())
            self._note_events(self._changes.events())
            self._note_observations()
            self._note_events(Event(at_ns, EventKind.BROKER, text) for text in self._news())
            self._keep_notes(at_ns)
            self._keep_up(at_ns)
        self._changes.door.close()
        self._await_last_figures(interrupt)
        return self._close()

    def _pilot_load(self, at_ns: int) -> None:
        """Order the next steps of a staircase, and its end."""
        pilot, conductor = self._pilot, self._conductor
        if pilot is None:
            return
        for step in pilot.advance(at_ns, conductor.measure_start_ns):
            for order in conductor.change_at(step.change, step.effect_ns):
                self._pool.order(order)
        if pilot.over:
            for order in conductor.end_load(at_ns):
                self._pool.order(order)

    def _await_last_figures(self, interrupt: Interrupt) -> None:
        """Wait for the first $SYS update after the load ended, so that late drops are counted."""
        over_ns, interrupts = self._clock(), interrupt.count
        began_ns = self._conductor.measure_start_ns
        if self._conductor.aborted or not self._waits or began_ns is None:
            return
        end_ns = over_ns + self._now() - began_ns  # a short load is not worth a long wait
        wait_ns = min(self._observers.outstanding_ns(over_ns), end_ns - over_ns)
        if wait_ns > LONG_WAIT_NS:
            text = (
                f"waiting up to {wait_ns / NS_PER_S:.0f} s for the broker's last figures (Ctrl-C or --no-wait: do not)"
            )
            self._fresh_events.append(Event(self._now(), EventKind.OBSERVER, text))
        while interrupt.count == interrupts and self._clock() < end_ns and self._observers.outstanding_ns(over_ns):
            self._sleep(POLL_S)
            self._note_observations()
            self._keep_up(self._now())

    def _hear(self, worker: str, report: Report, at_ns: int) -> None:
        self._conductor.process(worker, report, at_ns)
        if self._conductor.workers[worker].lost:
            self._totals.lose(worker)  # first: a sample that comes after the loss of its worker counts in no total
        if isinstance(report, SecondReport):
            self._take(worker, report)

    def _now(self) -> int:
        return self._clock() - self._epoch_ns

    def _take(self, worker: str, second: SecondReport) -> None:
        self._sampled = True
        self._writer.append([second.sample])
        self._followers.sample(second.sample)
        self._totals.add(second.sample)
        if self._pilot is not None:
            self._pilot.add(second.sample)
        failures = self._connect_failures.setdefault(worker, {})
        for cause, clients in second.failures.items():  # a report that comes late, from a bee's disk, is an older one
            failures[cause] = max(failures.get(cause, 0), clients)
        if self._pilot is not None and (short := own_shortages(second.failures)):
            self._pilot.run_short(next(iter(short)))
        self._note_events(second.events)

    def _note_events(self, events: Iterable[Event]) -> None:
        for event in events:
            self._writer.event(event)
            self._fresh_events.append(event)
            self._followers.event(event)

    def _note_observations(self) -> None:
        for row in self._observers.take_rows(self._conductor.measure_start_ns):
            if isinstance(row, Event):
                self._note_events((row,))
            else:
                self._writer.observe(row)
                self._totals.watch(row)
                self._followers.observation(row)

    def _keep_notes(self, at_ns: int) -> None:
        """Keep what followers have to report as marks."""
        self._note_events([Event(at_ns, EventKind.OPERATOR, text) for text in self._followers.take_notes()])

    def _pass_interrupts(self, interrupt: Interrupt, at_ns: int) -> None:
        while self._interrupts_passed < min(interrupt.count, 2):
            self._interrupts_passed += 1
            for order in self._conductor.interrupt(self._interrupts_passed, at_ns):
                self._pool.order(order)

    def _keep_up(self, at_ns: int) -> None:
        """Write to the disk once a second, to the screen a few times."""
        if at_ns >= self._next_commit_ns:
            self._next_commit_ns = at_ns + COMMIT_EVERY_NS
            self._write_state()
            self._writer.commit()
        if at_ns >= self._next_show_ns:
            self._next_show_ns = at_ns + self._show_every_ns
            self._show(at_ns)

    def _show(self, at_ns: int) -> None:
        progress = self._progress(at_ns)
        self._on_progress(progress)
        self._followers.progress(progress)

    def _write_state(self) -> None:
        state = run_state(self._conductor, self._due_rate, self._connect_failures, self._pool.share_of)
        self._writer.describe(state)
        self._writer.describe(self._pool.facts())
        self._writer.describe(self._changes.facts())
        if self._pilot is not None:
            self._writer.describe(RunMeta(staircase=self._pilot.facts()))

    def _progress(self, at_ns: int) -> Progress:
        conductor = self._conductor
        schedule = conductor.change_schedule
        clients = schedule.crowd.there_in_all(at_ns)
        done, total = conductor.progress(at_ns, clients)
        events, self._fresh_events = tuple(self._fresh_events), []
        self._due_rate.learn(conductor.measure_start_ns, schedule.load_changes, unplanned_surges(conductor))
        due_per_s = self._due_rate.at(at_ns, conductor.measure_start_ns)
        frame = Progress(
            at_ns,
            conductor.phase,
            done,
            total,
            clients,
            due_per_s,
            events=events,
            load_start_ns=conductor.measure_start_ns,
            paused=tuple(sorted(schedule.crowd.paused)),
            intervals=schedule.intervals,
            acknowledged=bool(self._under_way.facts.acknowledged),
        )
        return self._totals.progress(frame)

    def _close(self) -> bool:
        for worker, report in self._pool.late():
            self._hear(worker, report, self._now())
        self._note_events(self._conductor.events())
        self._changes.store()  # now the end of the load is known
        self._note_events(self._changes.events())
        self._writer.describe(RunMeta(observers=self._observers.stop()))
        self._note_observations()
        self._keep_notes(self._now())
        self._show(self._now())
        self._write_state()
        self._writer.describe(RunMeta(end_ns=self._now()))
        counters = self._totals.counters if self._sampled else None
        self._writer.ledger(ledger_totals(self._load, self._conductor, counters, self._changes.taken))
        return self._writer.commit()


def _timing(warhead: Warhead, workers: int, notice_ns: int) -> AttackTiming:
    attack = warhead.attack
    return AttackTiming(
        warmup_ns=attack.warmup_ns,
        duration_ns=warhead.length_ns,
        drain_ns=attack.drain_ns,
        connect_timeout_ns=attack.connect_timeout_ns,
        counted=warhead.counted,
        surges=surge_times(warhead, workers),
        groups=tuple(GroupSize(group.name, group.clients, group.reserve or 0) for group in warhead.groups),
        connect_rate=attack.connect_rate,
        notice_ns=notice_ns,
    )


def _unstored(directory: Path, failure: str) -> UnstoredRunError:
    return UnstoredRunError(
        f"{directory}: the run is stored only in part: {failure}",
        f"make room there or choose another disk with -o; what was stored is shown by: malaria report {directory}",
    )


def stored_outcome(directory: Path) -> AttackOutcome:
    """Read the run back and write `summary.json`; without it the verdict stands, because the records are whole.

    Raises UnstoredRunError when the run is not there any more, or cannot be read.
    """
    try:
        run = open_run(directory)
    except RunError as error:  # the load was made: that is no fault of the command, and no verdict
        remedy = "something removed or changed the directory while the load ran; run again"
        raise UnstoredRunError(f"the run is lost: {error.message}", remedy) from None
    summary = summarize(run)
    unwritten = ""
    try:
        write_summary(summary, directory)
    except OSError as error:
        unwritten = error.strerror or str(error)
    return AttackOutcome(directory, run, summary, unwritten)
