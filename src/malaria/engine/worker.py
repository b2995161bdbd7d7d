"""The worker process: an engine at one end, the conductor's pipe at the other.

`python -m malaria.engine.worker FD` reads a `Task` from the pipe, then turns its engine and obeys orders to `Finish`.
Ctrl-C is the conductor's business: SIGINT is ignored here. When the conductor is gone (end of the pipe), the load
stops at once: a load generator without a conductor must not go on.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
from multiprocessing.connection import Connection

from malaria.clock import NS_PER_MS, NS_PER_S, now_ns
from malaria.control.changes import Act
from malaria.control.messages import (
    Account,
    ConnectAll,
    CorrectEpoch,
    EndPublishing,
    Finish,
    Finished,
    Order,
    Prepared,
    Report,
    SecondReport,
    Started,
    StartPublishing,
    Task,
    TellAccount,
)
from malaria.engine.loop import Engine
from malaria.engine.meter import Meter
from malaria.engine.publisher import PublishSpan
from malaria.plan.clients import make_plan
from malaria.records.rows import RunPhase
from malaria.transport.poller import make_poller

STANDING_EVERY_NS = 100 * NS_PER_MS
FAR_NS = 1 << 62


class Worker:
    """Drives one engine by the conductor's orders and keeps the rhythm of its reports."""

    def __init__(self, channel: Connection[Report, Order], task: Task) -> None:
        self._channel = channel
        self._epoch_ns = task.epoch_ns
        self._engine = Engine(
            make_plan(task.warhead, task.share, task.identity),
            task.routes,
            make_poller(),
            Meter(task.worker),
            now_ns,
        )
        self._engine.set_epoch(task.epoch_ns)
        self._engine.watch(channel.fileno(), self._obey_waiting)
        self._next_standing_ns = now_ns()
        self._next_second_ns = self._following_second(now_ns())
        self._cuts: list[tuple[int, RunPhase]] = []  # when the phase changes by itself
        self._start_ns: int | None = None  # when the load is to begin, until it has
        self._next_ns = 0
        self._over = False

    def run(self) -> None:
        """Until `Finish` or until the conductor is gone."""
        gc.collect()
        gc.freeze()  # what is there now stays: no collection has to walk it again
        self._channel.send(Prepared(self._engine.plan.clients))
        turn = self._engine.turn
        self._plan_rhythm()
        while not self._over:
            now = turn(self._next_ns)
            if now >= self._next_ns:
                self._keep_rhythm(now)
                self._plan_rhythm()

    def _plan_rhythm(self) -> None:
        """When something is to be reported next."""
        cuts = (at_ns for at_ns, _ in self._cuts[:1])
        self._next_ns = min(self._next_standing_ns, self._next_second_ns, self._start_ns or FAR_NS, *cuts)

    def _keep_rhythm(self, now: int) -> None:
        if self._start_ns is not None and now >= self._start_ns:
            self._start_ns = None
            self._say(Started(now - self._epoch_ns))
        cut = bool(self._cuts) and now >= self._cuts[0][0]
        if cut:
            self._report_second()
            self._enter(self._cuts.pop(0)[1])
        if now >= self._next_second_ns and cut:
            self._next_second_ns = self._following_second(now)  # the cut was the end of the second, too
        elif now >= self._next_second_ns:
            self._report_second()
            self._next_second_ns = self._following_second(now)
        if now >= self._next_standing_ns:
            self._say(self._engine.standing())
            self._next_standing_ns = now + STANDING_EVERY_NS

    def _following_second(self, now: int) -> int:
        """Samples of all workers end at the same whole seconds of run time."""
        return now + NS_PER_S - (now - self._epoch_ns) % NS_PER_S

    def _report_second(self) -> None:
        sample = self._engine.sample()
        meter = self._engine.meter
        self._say(SecondReport(sample, tuple(meter.events(sample.end_ns)), meter.clients_failed()))

    def _enter(self, phase: RunPhase) -> None:
        self._engine.phase = phase
        if phase is RunPhase.DRAIN:
            self._engine.end_publishing()

    # --- orders ----------------------------------------------------------------------------------------------------

    def _obey_waiting(self) -> None:
        try:
            while not self._over and self._channel.poll():
                self._obey(self._channel.recv())
            self._plan_rhythm()
        except (EOFError, OSError):
            self._engine.hang_up()
            self._over = True

    def _obey(self, order: Order) -> None:
        match order:
            case ConnectAll(rest):
                self._enter(RunPhase.CONNECT)
                self._engine.connect(rest=rest)
                self._say(self._engine.standing())
            case StartPublishing():
                self._publish(order)
            case Act():
                self._engine.act(order)
            case EndPublishing():
                self._report_second()
                self._cuts.clear()
                self._enter(RunPhase.DRAIN)
            case TellAccount():
                self._say(self._account())
            case Finish():
                self._finish()
            case CorrectEpoch(epoch_ns):
                self._epoch_ns = epoch_ns
                self._engine.correct_epoch(epoch_ns)

    def _publish(self, order: StartPublishing) -> None:
        epoch = self._epoch_ns
        end = None if order.end_ns is None else epoch + order.end_ns
        self._start_ns = epoch + order.origin_ns
        self._engine.publish(PublishSpan(epoch, epoch + order.origin_ns, epoch + order.measure_ns, end))
        if order.measure_ns > order.origin_ns:
            self._enter(RunPhase.WARMUP)
            self._cuts = [(epoch + order.measure_ns, RunPhase.MEASURE)]
        else:  # at once: the messages due at the very origin belong to the measured time
            self._report_second()
            self._enter(RunPhase.MEASURE)
        if end is not None:
            self._cuts.append((end, RunPhase.DRAIN))

    def _account(self) -> Account:
        inbox = self._engine.inbox
        published = tuple(publisher.published() for publisher in self._engine.publishers)
        return Account(published, inbox.received(), inbox.note)

    def _finish(self) -> None:
        engine = self._engine
        engine.end_publishing()
        engine.phase = RunPhase.FINISH
        for publisher in engine.publishers:
            publisher.fold_unfinished(now_ns())
        self._report_second()
        self._say(self._account())
        engine.hang_up()
        self._say(engine.standing())  # who was still leaving is gone now
        self._say(Finished())
        self._over = True

    def _say(self, report: Report) -> None:
        try:
            self._channel.send(report)
        except OSError:  # the conductor is gone
            self._engine.hang_up()
            self._over = True


def raise_descriptor_limit() -> int:
    """Lifts the soft limit of open files to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def main() -> None:
    """Entry of the worker process; argv[1] is the inherited descriptor of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()
    channel: Connection[Report, Order] = Connection(int(sys.argv[1]))
    try:
        task = channel.recv()
    except EOFError:
        return
    assert isinstance(task, Task)
    Worker(channel, task).run()


if __name__ == "__main__":
    main()
