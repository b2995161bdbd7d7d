"""An attack in virtual time: the real conductor, real workers and engines, and the stub broker, in one thread.

Nothing waits, and nothing depends on the machine: an hour of load takes seconds, and the same story ends in the same
numbers. So a test can assert equalities. The run is stored by the real writer and judged by the real analysis.

    simulation = Simulation(Behaviour(ack_delay_ns=5_000_000))
    outcome = simulation.run(tmp_path, subscribers=1, clients=10, rate="20")
    assert outcome.summary["latency_ms"]["service"]["p50"] == 5

Times of a story are seconds since the measured time began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from attacking import request_for
from malaria.attacks.preflight import TargetInfo
from malaria.attacks.runner import SHOW_EVERY_NS, AttackMeans, AttackOutcome, AttackRequest, Interrupt, carry_out
from malaria.control.messages import (
    CorrectEpoch,
    EndPublishing,
    Finish,
    Order,
    Report,
    StartPublishing,
    Task,
    WorkerLost,
)
from malaria.engine.platform import Platform
from malaria.engine.worker import Worker
from malaria.model.observe import Observe
from malaria.observe.sys_tree import SysTree
from malaria.plan.clients import Identity
from malaria.plan.reserves import with_reserves, without_reserves
from malaria.records.rows import Event, Observation, Progress
from malaria.records.run_meta import ObserverFacts, RunMeta
from malaria.schedule.share import WHOLE, Share
from malaria.swarm.run.heartbeats import BEE_PATIENCE_NS, CONDUCTOR_PATIENCE_NS
from malaria.transport.route import Route
from malaria.workers.local import Load
from routes import route_at
from stub_broker import NEVER_NS, Behaviour, StubBroker
from stub_packets import PUBLISH, connect_packet, subscribe_packet, text_at, whole_packets
from virtual_network import NS_PER_S, READ, Broker, Link, VirtualNetwork, VirtualPoller, VirtualTime

CPU_PER_TURN_NS: Final = 50_000
"""Processor time that a turn is charged with, in the figures of the generator."""
BUSY_NS: Final = 10_000
"""How long a turn takes of an engine that does not wait: a closed loop would not let time go on."""
RUN_TAG: Final = 4711

type Action = Callable[["Simulation"], None]


@dataclass(frozen=True, slots=True)
class Machine:
    """The host of one worker. `offset_ns` is its clock minus the conductor's, `known_ns` how far that is known.

    `turn_ns` is the time that every turn of its engine takes. The worker of `bee` is named `bee/1`; without a bee
    workers have numbers.
    """

    offset_ns: int = 0
    known_ns: int | None = None  # None: exactly
    turn_ns: int = 0
    bee: str = ""


class _Channel:
    """Both ends of the pipe between the conductor and one worker."""

    def __init__(self, poller: VirtualPoller) -> None:
        self._poller = poller
        self._fd = poller.open(self)
        self._orders: deque[Order] = deque()
        self._broken = False
        self.reports: deque[Report] = deque()

    def fileno(self) -> int:
        return self._fd

    def readiness(self) -> int:
        return READ if self._orders or self._broken else 0

    def break_off(self) -> None:
        """Close the conductor's end."""
        self._broken = True
        self._poller.touch(self._fd)

    def order(self, order: Order) -> None:
        self._orders.append(order)
        self._poller.touch(self._fd)

    def poll(self) -> bool:
        return bool(self._orders) or self._broken

    def recv(self) -> Order:
        if self._broken:
            raise EOFError
        return self._orders.popleft()

    def send(self, report: Report) -> None:
        if self._broken:
            raise BrokenPipeError
        self.reports.append(report)


class SimulatedWorker:
    """One worker with an engine of its own, stepped whenever its poller or its clock would wake it."""

    def __init__(self, time: VirtualTime, network: VirtualNetwork, task: Task, machine: Machine) -> None:
        self.name, self.share = task.worker, task.share
        self.machine = machine
        self.working = True
        self._time = time
        self._cpu_ns = 0
        self._paused_until_ns = 0
        self._planned_ns = -1  # when it is to be stepped next; -1: never
        self._poller = VirtualPoller(self._wake)
        self._sockets: WeakSet[Any] = WeakSet()
        self.channel = _Channel(self._poller)
        platform = Platform(
            clock=lambda: time.now_ns + machine.offset_ns,
            cpu_clock=lambda: self._cpu_ns,
            poller=self._poller,
            make_socket=lambda _: self._keep(network.make_socket(self._poller)),
        )
        self.worker = Worker(self.channel, task, platform)
        self.worker.begin()
        self._wake()

    def pause(self, seconds: float) -> None:
        """Do not run the worker for so long, as if its machine stood still."""
        self._paused_until_ns = max(self._paused_until_ns, self._time.now_ns + round(seconds * NS_PER_S))

    def die(self) -> None:
        """End without a last report; the kernel closes what was open."""
        self.working = False
        for sock in sorted(self._sockets, key=lambda sock: sock.fd):
            sock.close()

    def unplug(self, seconds: float) -> None:
        """Let what its connections carry arrive after so long, as TCP sends it again when the cable is back."""
        until_ns = self._time.now_ns + round(seconds * NS_PER_S)
        for sock in self._sockets:
            for direction in (sock.up, sock.down):
                direction.last_ns = max(direction.last_ns, until_ns)

    def _keep(self, sock: Any) -> Any:
        self._sockets.add(sock)
        return sock

    def _wake(self) -> None:
        self._plan(self._time.now_ns)

    def _plan(self, at_ns: int) -> None:
        at_ns = max(at_ns, self._paused_until_ns)
        if self._planned_ns < 0 or at_ns < self._planned_ns:
            self._planned_ns = at_ns
            self._time.at(at_ns, lambda: self._step(at_ns))

    def _step(self, planned_ns: int) -> None:
        if planned_ns != self._planned_ns or not self.working:
            return  # it was stepped in the meantime
        self._planned_ns = -1
        now_ns = self._time.now_ns
        if now_ns < self._paused_until_ns:
            self._plan(now_ns)
            return
        self._planned_ns = now_ns + 1  # what becomes ready during the turn is seen below
        self.worker.step()
        self._planned_ns = -1
        self._cpu_ns += CPU_PER_TURN_NS
        if self.machine.turn_ns:
            self._paused_until_ns = max(self._paused_until_ns, now_ns + self.machine.turn_ns)
        if self.worker.over:
            self.working = False
            return
        wake_ns = self.worker.wake_ns()
        if self._poller.anything_ready:
            self._plan(now_ns)
        elif not wake_ns:
            self._plan(now_ns + BUSY_NS)
        else:
            self._plan(wake_ns - self.machine.offset_ns)


class SimulatedPool:
    """The workers of a simulation, as the attack runner sees them. Waiting for reports is what moves time."""

    def __init__(self, simulation: Simulation, load: Load) -> None:
        self._simulation = simulation
        self._time = simulation.time
        shares = WHOLE.split(len(simulation.machines))
        self._workers = [
            SimulatedWorker(self._time, simulation.network, self._task(_name(number, machine), share, machine, load),
                            machine)
            for number, (share, machine) in enumerate(zip(shares, simulation.machines, strict=True), 1)
        ]  # fmt: skip
        self._lost: list[tuple[str, Report]] = []
        self._unplugged: set[str] = set()

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(worker.name for worker in self._workers)

    @property
    def all(self) -> Sequence[SimulatedWorker]:
        return self._workers

    def share_of(self, worker: str) -> Share:
        return next(one.share for one in self._workers if worker in (one.name, one.machine.bee))

    def worker(self, name: str) -> SimulatedWorker:
        return next(worker for worker in self._workers if worker.name == name)

    def order(self, order: Order) -> None:
        if isinstance(order, StartPublishing):
            self._simulation.plan_story(order.measure_ns)
        for worker in self._workers:
            if worker.working and worker.name not in self._unplugged:
                worker.channel.order(order)

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        self._time.run_until(self._time.now_ns + round(timeout_s * NS_PER_S), self._anything_reported)
        lost, self._lost = self._lost, []
        return [(worker.name, worker.channel.reports.popleft())
                for worker in self._plugged() for _ in range(len(worker.channel.reports))] + lost  # fmt: skip

    def kill(self, name: str) -> None:
        """Let a worker die."""
        self.worker(name).die()
        self._lost.append((name, WorkerLost("was killed by SIGKILL")))

    def unplug(self, bee: str, seconds: float) -> None:
        """Cut the cable of a bee for so long: it is lost after 3 s, ends its load after 4 s, and reports again then."""
        worker = self.worker(f"{bee}/1")
        worker.unplug(seconds)
        self._unplugged.add(worker.name)
        now_ns = self._time.now_ns
        self._time.at(now_ns + BEE_PATIENCE_NS, lambda: self._lose(worker.name, bee))
        for order in (EndPublishing(), Finish()):
            self._time.at(now_ns + CONDUCTOR_PATIENCE_NS, lambda order=order: worker.channel.order(order))  # type: ignore[misc]
        self._time.at(now_ns + round(seconds * NS_PER_S), lambda: self._unplugged.discard(worker.name))

    def _lose(self, name: str, bee: str) -> None:
        self._lost.append((name, WorkerLost("went silent", bee)))

    def _plugged(self) -> list[SimulatedWorker]:
        return [worker for worker in self._workers if worker.name not in self._unplugged]

    def correct_epochs(self, epoch_ns: int) -> None:
        """Tell every worker run time 0 exactly, as the timekeeping of a swarm does."""
        for worker in self._workers:
            worker.channel.order(CorrectEpoch(epoch_ns + worker.machine.offset_ns))

    def late(self) -> list[tuple[str, Report]]:
        return []

    def facts(self) -> RunMeta:
        return RunMeta()

    def forget(self) -> None: ...

    def close(self) -> None: ...

    def _anything_reported(self) -> bool:
        return bool(self._lost) or any(worker.channel.reports for worker in self._plugged())

    @staticmethod
    def _task(name: str, share: Share, machine: Machine, load: Load) -> Task:
        known_ns = machine.offset_ns if machine.known_ns is None else machine.known_ns
        return Task(name, load.warhead, share, load.identity, load.routes, load.epoch_ns + known_ns)


def _name(number: int, machine: Machine) -> str:
    return f"{machine.bee}/1" if machine.bee else str(number)


class SimulatedObservers:
    """The observer of `$SYS`, if it is asked for, with a connection of its own."""

    def __init__(self, simulation: Simulation, wanted: Observe) -> None:
        self._time = simulation.time
        self._epoch_ns = simulation.time.now_ns
        self._interval_ns = wanted.interval_ns
        self._wanted = bool(wanted.sys)
        self._figures = SysTree()
        self._incoming = bytearray()
        self._rows: list[Observation | Event] = []
        self._samples = 0
        self._over = False
        self._network = simulation.network

    def start(self) -> None:
        if self._wanted:
            client = self._network.direct_client(self._hear)
            client.say(connect_packet("malaria-observer"))
            client.say(subscribe_packet(1, "$SYS/#", 0))
            self._time.at(self._time.now_ns, self._turn)

    def take_rows(self, _: int | None = None) -> list[Observation | Event]:
        rows, self._rows = self._rows, []
        return rows

    def outstanding_ns(self, since_ns: int) -> int:
        return self._figures.outstanding_ns(since_ns, self._time.now_ns)

    def stop(self) -> tuple[ObserverFacts, ...]:
        self._over = True
        self._sample()
        if not self._wanted:
            return ()
        return (ObserverFacts(observer="sys", about="$SYS/# of the stub", stated=True,
                              interval_s=self._interval_ns / NS_PER_S, samples=self._samples),)  # fmt: skip

    def _turn(self) -> None:
        if not self._over:
            self._sample()
            self._time.at(self._time.now_ns + self._interval_ns, self._turn)

    def _sample(self) -> None:
        if self._figures.has_news:
            self._samples += 1
            self._rows.append(Observation("sys", self._time.now_ns - self._epoch_ns, self._figures.values()))

    def _hear(self, data: bytes) -> None:
        self._incoming += data
        for first, body in whole_packets(self._incoming):
            if first >> 4 == PUBLISH:
                topic, at = text_at(body, 0)
                self._figures.take(topic, body[at:], self._time.now_ns, bool(first & 1))


@dataclass(slots=True)
class Simulation:
    """One attack on a simulated broker. Made for one `run`.

    `story` is what happens besides: (seconds since the measured time began, action) pairs.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    machines: Sequence[Machine] = (Machine(),)
    link: Link = field(default_factory=Link)
    story: Sequence[tuple[float, Action]] = ()
    broker: Any = None  # another broker than a StubBroker of the behaviour
    notes: tuple[str, ...] = ()  # what was noted at the first look at the target
    time: VirtualTime = field(default_factory=VirtualTime)
    interrupt: Interrupt = field(default_factory=Interrupt)
    network: VirtualNetwork = field(init=False)
    pool: SimulatedPool = field(init=False)
    epoch_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.broker = self.broker or StubBroker(self.behaviour)
        broker: Broker = self.broker
        self.network = VirtualNetwork(self.time, broker, self.link)
        self.epoch_ns = self.time.now_ns

    def run(
        self,
        directory: Path,
        subscribers: int = 0,
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> AttackOutcome:
        """Run the attack; `options` are those of `attacking.run_attack`."""
        request = request_for(1883, directory, len(self.machines), subscribers, **options)
        return self.carry_out(request, on_progress)

    def carry_out(self, request: AttackRequest, on_progress: Callable[[Progress], None] | None = None) -> AttackOutcome:
        """Run the attack that is asked for."""
        warhead = with_reserves(request.warhead) if request.steerable else without_reserves(request.warhead)
        seed = 1 if warhead.attack.seed is None else warhead.attack.seed
        route = route_at("127.0.0.1", 1883)
        routes: Mapping[str, Route] = {group.name: route for group in warhead.groups}
        load = Load(warhead, Identity("run", RUN_TAG, seed), routes, self.epoch_ns)
        means = AttackMeans(
            load=load,
            target=TargetInfo("stub 1.0", self.notes),
            start_workers=self._start_workers,
            observers=SimulatedObservers(self, request.observe),  # type: ignore[arg-type]
            clock=lambda: self.time.now_ns,
            sleep=self._sleep,
            show_every_ns=SHOW_EVERY_NS if on_progress else NEVER_NS,
        )
        return carry_out(request, means, on_progress or (lambda _: None), self.interrupt)

    def plan_story(self, measure_ns: int) -> None:
        """Plan what happens during the load, now that its beginning is known."""
        for at_s, action in self.story:
            at_ns = self.epoch_ns + measure_ns + round(at_s * NS_PER_S)
            self.time.at(at_ns, lambda action=action: action(self))  # type: ignore[misc]

    def _start_workers(self, load: Load) -> SimulatedPool:
        self.pool = SimulatedPool(self, load)
        return self.pool

    def _sleep(self, seconds: float) -> None:
        self.time.run_until(self.time.now_ns + round(seconds * NS_PER_S), lambda: False)


# --- actions of a story ----------------------------------------------------------------------------------------------


def pause(seconds: float, worker: str = "1") -> Action:
    """Let the machine of a worker stand still."""
    return lambda simulation: simulation.pool.worker(worker).pause(seconds)


def starved(start_s: float, end_s: float, *, of_ms: int, stopped_ms: int) -> Iterator[tuple[float, Action]]:
    """Stop the first worker for the beginning of every so many milliseconds."""
    for at_ms in range(round(start_s * 1000), round(end_s * 1000), of_ms):
        yield at_ms / 1000, pause(stopped_ms / 1000)


def kill(worker: str) -> Action:
    return lambda simulation: simulation.pool.kill(worker)


def unplug(bee: str, seconds: float) -> Action:
    return lambda simulation: simulation.pool.unplug(bee, seconds)


def crash(simulation: Simulation) -> None:
    """Kill the broker."""
    simulation.network.crash()


def restore(simulation: Simulation) -> None:
    """Start the broker again, with what it had stored."""
    simulation.network.restore()


def correct_clocks(simulation: Simulation) -> None:
    """Tell every worker how its clock lies exactly."""
    simulation.pool.correct_epochs(simulation.epoch_ns)


def press_ctrl_c(simulation: Simulation) -> None:
    simulation.interrupt.count += 1


def slow_subscriber(pattern: str) -> Action:
    """Connect a subscriber that never acknowledges what it gets."""

    def join(simulation: Simulation) -> None:
        client = simulation.network.direct_client()
        client.say(connect_packet("slow"))
        client.say(subscribe_packet(1, pattern, 1))

    return join
