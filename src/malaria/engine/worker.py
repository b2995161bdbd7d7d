"""The worker process: an engine at one end, the conductor's pipe at the other.

`python -m malaria.engine.worker FD` reads a `Task` from the pipe, then turns its engine and follows orders until
`Finish`. The conductor handles Ctrl-C and other signals that ask to end, so they are ignored here. When the conductor
is gone (end of the pipe), the load stops at once: a load generator without a conductor must not go on. So it does
when a bee that has sent `KeepGoing` is silent, because somebody has stopped its process. A worker that cannot stop,
because a function of the operator does not return, is ended by a thread that watches the pipe.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Thread
from typing import Final, Protocol

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.control.changes import TimedChange
from malaria.control.messages import (
    Account,
    ConnectAll,
    CorrectEpoch,
    EndPublishing,
    Finish,
    Finished,
    KeepGoing,
    Order,
    Prepared,
    Report,
    ReportAccount,
    SecondReport,
    Started,
    StartPublishing,
    Task,
    WorkerLost,
)
from malaria.engine.loop import Engine
from malaria.engine.meter import Meter
from malaria.engine.platform import Platform
from malaria.engine.publish_schedule import PublishSpan
from malaria.errors import OperatorError
from malaria.plan.clients import make_plan
from malaria.records.rows import RunPhase

STANDING_EVERY_NS: Final = 100 * NS_PER_MS
GRACE_S: Final = 3.0
"""How long the load of a worker may take to stop once its conductor is gone."""
MOST_REASON: Final = 300
"""Characters of an error that the record keeps."""
FAR_NS: Final = 1 << 62


class Channel(Protocol):
    """The worker's end of the pipe to its conductor. If that is gone, `recv` raises EOFError and `send` OSError."""

    def fileno(self) -> int: ...
    def poll(self) -> bool: ...
    def recv(self) -> Order: ...
    def send(self, report: Report, /) -> None: ...


class Worker:
    """Drives one engine by the conductor's orders, and sends reports in a fixed rhythm."""

    def __init__(self, channel: Channel, task: Task, platform: Platform) -> None:
        self.over = False
        self._channel = channel
        self._clock = platform.clock
        self._epoch_ns = task.epoch_ns
        plan = make_plan(task.warhead, task.share, task.identity)
        self.engine = Engine(plan, task.routes, Meter(task.worker, platform.cpu_clock), platform)
        self._turn = self.engine.noted_turn if self.engine.milestones.counted else self.engine.turn
        self.engine.set_epoch(task.epoch_ns)
        self.engine.watch(channel.fileno(), self._process_orders)
        self._next_standing_ns = self._clock()
        self._next_second_ns = self._following_second(self._clock())
        self._phase_changes: list[tuple[int, RunPhase]] = []  # those that come by the clock, without an order
        self._start_ns: int | None = None  # when the load is to begin; None once it has
        self._next_ns = 0
        self._patience_end_ns = FAR_NS  # until when the load may go on without another KeepGoing

    def run(self) -> None:
        """Turn the engine until `Finish`, or until the conductor is gone."""
        gc.collect()
        gc.freeze()  # what exists now stays: no collection has to walk it again
        self.begin()
        turn = self._turn
        while not self.over:
            now = turn(self._next_ns)
            if now >= self._next_ns:
                self._report_what_is_due(now)

    def begin(self) -> None:
        """Report that the plan is made. To be called once, before the first turn."""
        self._send(Prepared(self.engine.plan.clients))
        self._plan_next_report()

    def step(self) -> None:
        """Make one turn: the body of `run` for a caller that has a clock of its own."""
        now = self._turn(self._next_ns)
        if now >= self._next_ns:
            self._report_what_is_due(now)

    def wake_ns(self) -> int:
        """Return when the next turn has something to do if nothing arrives before; 0 means now."""
        return self.engine.wake_ns(self._next_ns)

    # --- reports ---------------------------------------------------------------------------------------------------

    def _plan_next_report(self) -> None:
        changes = (at_ns for at_ns, _ in self._phase_changes[:1])
        self._next_ns = min(self._next_standing_ns, self._next_second_ns, self._start_ns or FAR_NS, *changes)

    def _report_what_is_due(self, now: int) -> None:
        if now >= self._patience_end_ns:
            self._stop()
            return
        if self._start_ns is not None and now >= self._start_ns:
            self._start_ns = None
            self._send(Started(now - self._epoch_ns))
        phase_changes = bool(self._phase_changes) and now >= self._phase_changes[0][0]
        if phase_changes:
            self._report_second()  # a sample belongs to one phase, so the change ends it
            self._enter_phase(self._phase_changes.pop(0)[1])
        if now >= self._next_second_ns:
            if not phase_changes:  # otherwise the sample that the change ended was this second's
                self._report_second()
            self._next_second_ns = self._following_second(now)
        if now >= self._next_standing_ns:
            self._send(self.engine.standing())
            self._next_standing_ns = now + STANDING_EVERY_NS
        self._plan_next_report()

    def _following_second(self, now: int) -> int:
        """Return the next whole second of run time, so that the samples of all workers end together."""
        return now + NS_PER_S - (now - self._epoch_ns) % NS_PER_S

    def _report_second(self) -> None:
        sample = self.engine.sample()
        meter = self.engine.meter
        self._send(SecondReport(sample, tuple(meter.events(sample.end_ns)), meter.clients_failed()))

    def _enter_phase(self, phase: RunPhase) -> None:
        self.engine.phase = phase
        if phase is RunPhase.DRAIN:
            self.engine.end_publishing()

    # --- orders ----------------------------------------------------------------------------------------------------

    def _process_orders(self) -> None:
        try:
            while not self.over and self._channel.poll():
                self._process(self._channel.recv())
            self._plan_next_report()
        except (EOFError, OSError):  # the conductor is gone
            self._stop()

    def _stop(self) -> None:
        """Stop the load without a report: nobody would hear it."""
        self.engine.hang_up()
        self.over = True

    def _process(self, order: Order) -> None:
        match order:
            case ConnectAll(rest):
                self._enter_phase(RunPhase.CONNECT)
                self.engine.connect(rest=rest)
                self._send(self.engine.standing())
            case StartPublishing():
                self._publish(order)
            case TimedChange():
                self.engine.act(order)
            case EndPublishing(None):
                self._report_second()
                self._phase_changes.clear()
                self._enter_phase(RunPhase.DRAIN)
            case EndPublishing(at_ns):
                self._end_at(self._epoch_ns + (at_ns or 0))
            case ReportAccount():
                self._send(self._account())
            case Finish():
                self._finish()
            case KeepGoing(patience_ns):
                self._patience_end_ns = self._clock() + patience_ns
            case CorrectEpoch(epoch_ns):
                self._epoch_ns = epoch_ns
                self.engine.correct_epoch(epoch_ns)

    def _publish(self, order: StartPublishing) -> None:
        epoch = self._epoch_ns
        end = None if order.end_ns is None else epoch + order.end_ns
        self._start_ns = epoch + order.origin_ns
        self.engine.publish(PublishSpan(epoch, epoch + order.origin_ns, epoch + order.measure_ns, end))
        if order.measure_ns > order.origin_ns:
            self._enter_phase(RunPhase.WARMUP)
            self._phase_changes = [(epoch + order.measure_ns, RunPhase.MEASURE)]
        else:  # at once: the messages due at the very origin belong to the measured time
            self._report_second()
            self._enter_phase(RunPhase.MEASURE)
        if end is not None:
            self._phase_changes.append((end, RunPhase.DRAIN))

    def _end_at(self, end_ns: int) -> None:
        """End the load earlier than was planned."""
        self.engine.end_at(end_ns)
        self._phase_changes = [change for change in self._phase_changes if change[1] is not RunPhase.DRAIN]
        self._phase_changes.append((end_ns, RunPhase.DRAIN))

    def _account(self) -> Account:
        inbox = self.engine.inbox
        published = tuple(publisher.published() for publisher in self.engine.publishers)
        return Account(published, inbox.received(), inbox.note)

    def _finish(self) -> None:
        engine = self.engine
        engine.end_publishing()
        engine.phase = RunPhase.FINISH
        for publisher in engine.publishers:
            publisher.fold_unfinished(self._clock())
        self._report_second()
        self._send(self._account())
        engine.hang_up()
        self._send(engine.standing())  # clients of a surge that were still leaving are gone now
        self._send(Finished())
        self.over = True

    def _send(self, report: Report) -> None:
        try:
            self._channel.send(report)
        except OSError:  # the conductor is gone
            self.engine.hang_up()
            self.over = True


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def end_with_conductor(descriptor: int, grace_s: float = GRACE_S) -> None:
    """End this process `grace_s` after the other end of the pipe was closed, whatever it does meanwhile."""
    hangup = select.poll()
    hangup.register(descriptor, 0)  # POLLHUP is always reported

    def watch() -> None:
        hangup.poll()
        time.sleep(grace_s)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def main() -> None:
    """Run the worker process. argv[1] is the inherited descriptor of the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise_descriptor_limit()
    pipe: Connection[Report, Task | Order] = Connection(int(sys.argv[1]))
    end_with_conductor(pipe.fileno())
    try:
        task = pipe.recv()
    except (EOFError, OSError):  # the conductor is gone already
        return
    assert isinstance(task, Task)
    try:
        Worker(pipe, task, Platform()).run()  # type: ignore[arg-type]  # from the second message on there are only orders
    except Exception as error:  # the record of the run keeps the reason, and the screen stays readable
        with suppress(OSError):  # the conductor is gone
            pipe.send(WorkerLost(f"failed: {_in_short(error)[:MOST_REASON]}"))
        sys.exit(1)


def _in_short(error: Exception) -> str:
    """Return the last line of an error as Python prints it; of an operator's fault its message and remedy."""
    if isinstance(error, OperatorError):
        return "; ".join(filter(None, (error.message, error.remedy)))
    return traceback.format_exception_only(error)[-1].strip()


if __name__ == "__main__":
    main()
