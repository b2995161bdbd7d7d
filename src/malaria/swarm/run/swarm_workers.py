"""The bees of an attack behind the interface of one: `malaria.workers.local.LocalWorkers` for hosts that are elsewhere.

A thread has the loop that Dask and ssh live in; the attack calls from its own, and is never called. Promises: `poll`
tells every report once and in the order in which its bee made it, and that a bee is lost within `BEE_PATIENCE_NS` of
its last word, or as soon as its connection is seen to be gone; a bee that is given up stays given up, but what it still
tells of its load is recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import secrets
import threading
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from malaria.clock import now_ns
from malaria.control.messages import EndPublishing, Finish, Finished, Order, Prepared, Report, WorkerLost
from malaria.errors import OperatorError, SwarmError
from malaria.model.target import Target
from malaria.records.run_meta import (
    BeeClockFacts,
    BeeFacts,
    ClockFacts,
    EnvironmentFacts,
    OffsetFacts,
    RunMeta,
    SwarmFacts,
)
from malaria.schedule.share import WHOLE, Share
from malaria.swarm.bee_layout import BeeLayout
from malaria.swarm.run.bee_link import BeeLink
from malaria.swarm.run.bee_messages import Assigned, Assignment, ReportBatch
from malaria.swarm.run.certificates import issue
from malaria.swarm.run.clock_offsets import Offset, worst_pair_ns
from malaria.swarm.run.cluster import ActorProxy, Cluster
from malaria.swarm.run.collecting import batch_of
from malaria.swarm.run.heartbeats import BEE_PATIENCE_NS, START_PATIENCE_NS, WORD_S, Heartbeats, gather_s
from malaria.swarm.run.launcher import Launcher
from malaria.swarm.run.load_bundle import LoadBundle, Packed
from malaria.swarm.run.timekeeping import new_key
from malaria.workers.local import Load

JOIN_S: Final = 90.0
JOIN_EACH_S: Final = 5.0
"""More for each bee: where many share a processor, Python and Dask take so long to start."""
HIRE_S: Final = 60.0
FORGET_S: Final = 3.0
LATE_S: Final = 8.0
"""For what lost bees have on their disks; the rest is left to `malaria swarm collect`."""
CLOCKS_EVERY_S: Final = 1.0
EXCHANGES: Final = 4
"""With each bee, one after the other: the best of a few quick ones is what counts."""
AT_ONCE: Final = 8
"""How many bees are met at the same time: exchanges of clocks that wait for each other tell less."""
CONDUCTOR: Final = "conductor"
WHOLE_SWARM: Final = "the swarm"


@dataclass(slots=True)
class _Member:
    """One bee, for the attack's thread."""

    name: str
    share: Share
    workers: Mapping[str, Share] = field(default_factory=dict)
    next_sequence: int = 0
    lost: str = ""
    finished: set[str] = field(default_factory=set)
    collected: int = 0  # reports that were brought from its disk


class SwarmWorkers:
    """The bees of one attack, as if they were one."""

    def __init__(self, quarters: Launcher) -> None:
        """`enter` brings them in."""
        self.run = secrets.token_hex(6)
        self._quarters = quarters
        self._cluster = Cluster(self.run)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hive", daemon=True)
        self._heard: queue.SimpleQueue[tuple[int, ReportBatch | tuple[str, str]]] = queue.SimpleQueue()
        self._lines: dict[str, BeeLink] = {}
        self._members: dict[str, _Member] = {}
        self._talks: list[asyncio.Task[None]] = []
        self._vigil: Heartbeats | None = None
        self._load_epoch_ns = 0
        self._introduced = False
        self._unready: set[str] = set()
        self._clock_key = new_key()
        self._clock = threading.Thread(target=self._watch_clocks, name="clocks", daemon=True)
        self._over = threading.Event()

    # --- coming and going ------------------------------------------------------------------------------------------

    def __enter__(self) -> SwarmWorkers:
        """Brings the bees in. Raises SwarmError, which names those that did not come."""
        self._thread.start()
        try:
            self._wait(self._gather(), self._join_s() + 60)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hire(self, load: Load, targets: Mapping[str, Target], workers: int | None) -> None:
        """Gives every bee its share. Raises OperatorError with the bee's name for what one of them cannot make."""
        shares = WHOLE.split(len(self._lines))
        self._members = {name: _Member(name, share) for name, share in zip(self._lines, shares, strict=True)}
        self._load_epoch_ns = load.epoch_ns
        self._wait(self._hire_all(load, targets, workers), HIRE_S + 10)
        self._unready = set(self.workers)
        self._vigil = Heartbeats(self._members, now_ns(), START_PATIENCE_NS)
        self._clock.start()

    def close(self) -> None:
        """Ends the bees that can be told so; the others end by themselves."""
        self._over.set()
        if self._thread.is_alive():
            with contextlib.suppress(SwarmError, OSError):
                self._wait(self._leave(), 15)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        if not self._thread.is_alive() and not self._loop.is_closed():
            self._loop.close()

    # --- the interface of a bee ------------------------------------------------------------------------------------

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(worker for member in self._members.values() for worker in member.workers)

    @property
    def bees(self) -> tuple[str, ...]:
        return tuple(self._members)

    def share_of(self, worker: str) -> Share:
        """The share of a worker, or of a whole bee."""
        member = self._members[worker.partition("/")[0]]
        return member.workers.get(worker, member.share)

    def order(self, order: Order) -> None:
        for name, line in self._lines.items():
            if not self._members[name].lost:
                self._loop.call_soon_threadsafe(line.order, order)

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        """What the bees have told, waiting up to `timeout_s` for the first word."""
        said: list[tuple[str, Report]] = []
        for at_ns, word in self._arrivals(timeout_s):
            if isinstance(word, ReportBatch):
                said += self._take(word, at_ns)
            else:
                said += self._give_up(*word)
        assert self._vigil is not None
        for name in self._vigil.gone(now_ns()):
            said += self._give_up(name, "went silent")
        return said

    def late(self) -> list[tuple[str, Report]]:
        """What lost bees have kept on their disks, as far as they can be reached now. What is left there stays."""
        lost = {name: member.next_sequence for name, member in self._members.items() if member.lost}
        if not lost:
            return []
        with contextlib.suppress(SwarmError, OSError):
            files = self._wait(self._quarters.fetch_kept(list(lost), self.run), LATE_S)
            collected = [batch for name, data in files.items() if (batch := batch_of(data, name, self.run, lost[name]))]
            for batch in collected:
                member = self._members[batch.bee]
                member.next_sequence, member.collected = batch.next_sequence, len(batch.reports)
            return [(kept.worker, kept.report) for batch in collected for kept in batch.reports]
        return []

    def forget(self) -> None:
        """All that was told is stored: the bees need not keep it."""
        with contextlib.suppress(SwarmError, OSError):
            self._wait(self._forget_all(), FORGET_S + 1)

    def facts(self) -> RunMeta:
        """What is known of the bees by now, for the record. What does not change is told once."""
        at_ns = now_ns()
        facts = RunMeta(
            swarm=SwarmFacts(name=self._quarters.swarm, run=self.run),
            bees=tuple(self._facts_of(member) for member in self._members.values()),
            clocks=ClockFacts(
                error_ns=worst_pair_ns(line.worst_error_ns for line in self._lines.values()),
                bees=tuple(self._clock_of(line, at_ns) for line in self._lines.values()),
            ),
        )
        if not self._introduced:
            self._introduced = True
            facts = facts.model_copy(update={"bee_environments": self._environments()})
        return facts

    # --- parts -----------------------------------------------------------------------------------------------------

    def _arrivals(self, timeout_s: float) -> Iterable[tuple[int, ReportBatch | tuple[str, str]]]:
        try:
            yield self._heard.get(timeout=timeout_s)
            while True:
                yield self._heard.get_nowait()
        except queue.Empty:
            return

    def _take(self, dispatch: ReportBatch, at_ns: int) -> list[tuple[str, Report]]:
        member = self._members[dispatch.bee]
        assert self._vigil is not None
        self._vigil.heard(member.name, at_ns)
        fresh = [kept for kept in dispatch.reports if kept.sequence >= member.next_sequence]
        if fresh and fresh[0].sequence > member.next_sequence:
            return self._give_up(member.name, "lost some of its words on the way")
        said = [(kept.worker, kept.report) for kept in fresh]
        if fresh:
            member.next_sequence = fresh[-1].sequence + 1
        if any(isinstance(report, Prepared) for _, report in said):
            self._prepare(said, at_ns)
        member.finished |= {worker for worker, report in said if isinstance(report, Finished | WorkerLost)}
        if len(member.finished) == len(member.workers):
            self._vigil.dismiss(member.name)
        return said + (self._give_up(member.name, dispatch.stopped) if dispatch.stopped else [])

    def _prepare(self, said: list[tuple[str, Report]], at_ns: int) -> None:
        """Once all that are here are ready the load begins, and silence is taken seriously."""
        assert self._vigil is not None
        self._unready -= {worker for worker, report in said if isinstance(report, Prepared)}
        if not {worker for worker in self._unready if not self._members[worker.partition("/")[0]].lost}:
            self._vigil.watch_closely(at_ns, BEE_PATIENCE_NS)

    def _give_up(self, name: str, reason: str) -> list[tuple[str, Report]]:
        """The bee is lost, with those of its workers that had not finished."""
        member = self._members[name]
        assert self._vigil is not None
        self._vigil.dismiss(name)
        left = [worker for worker in member.workers if worker not in member.finished]
        if member.lost or not left:
            return []
        member.lost = reason
        for order in (EndPublishing(), Finish()):  # should it hear us all the same
            self._loop.call_soon_threadsafe(self._lines[name].order, order)
        return [(worker, WorkerLost(reason, bee=name)) for worker in left]

    def _environments(self) -> dict[str, EnvironmentFacts]:
        joined = {name: line.joined for name, line in self._lines.items() if line.joined}
        return {name: EnvironmentFacts.model_validate(bee.environment) for name, bee in joined.items()}

    def _facts_of(self, member: _Member) -> BeeFacts:
        return BeeFacts(
            bee=member.name,
            share=str(member.share),
            workers=tuple(member.workers),
            next_sequence=member.next_sequence,
            lost=member.lost or None,
            collected=member.collected,
        )

    def _clock_of(self, line: BeeLink, at_ns: int) -> BeeClockFacts:
        track, last = line.track, line.track.estimate(at_ns)
        return BeeClockFacts(
            bee=line.name,
            before=_offset_facts(line.before, self._load_epoch_ns),
            last=_offset_facts(last, self._load_epoch_ns),
            worst_error_ns=line.worst_error_ns,
            best_rtt_ns=track.best_rtt_ns,
            exchanges=track.exchanges,
            corrections=line.corrections,
            steps=track.steps,
        )

    def _watch_clocks(self) -> None:
        """Life of the thread that asks the bees for their time."""
        while not self._over.wait(CLOCKS_EVERY_S):
            for name, line in self._lines.items():
                if not self._members[name].lost:
                    line.look_at_clock(EXCHANGES)

    # --- on the loop -----------------------------------------------------------------------------------------------

    def _wait(self, coroutine: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
        """What a coroutine of the loop comes to. Raises SwarmError when it takes longer."""
        call = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return call.result(timeout_s)
        except TimeoutError:
            call.cancel()
            raise SwarmError(f"the bees did not answer within {timeout_s:.0f} s", "malaria swarm status") from None

    def _join_s(self) -> float:
        return JOIN_S + JOIN_EACH_S * len(self._quarters.names)

    def _hear(self, dispatch: ReportBatch) -> None:
        self._heard.put((now_ns(), dispatch))

    def _broken(self, name: str, reason: str) -> None:
        self._heard.put((now_ns(), (name, reason)))

    async def _gather(self) -> None:
        quarters = self._quarters
        if quarters.scheduler:
            await self._cluster.open_running(quarters.scheduler)
            places = [BeeLayout(name) for name in sorted(await self._cluster.workers())]
            if not places:
                raise SwarmError(f"the scheduler at {quarters.scheduler} has no workers", "start some, then try again")
        else:
            places = await self._bring_in()
        self._cluster.listen(self._hear)
        gate = asyncio.Semaphore(AT_ONCE)
        for line in await asyncio.gather(*(self._meet(place, gate) for place in places)):
            self._lines[line.name] = line

    async def _bring_in(self) -> list[BeeLayout]:
        """A scheduler here, and a process on each bee that joins it."""
        quarters = self._quarters
        papers = issue([CONDUCTOR, *quarters.names])
        port = await self._cluster.open_own(quarters.port, papers[CONDUCTOR])
        places = await quarters.start(port, {name: papers[name] for name in quarters.names})
        missing = await self._cluster.wait_for(quarters.names, self._join_s())
        if missing:
            remedy = f"is there a way from it to port {port} here? its side of the story: bee.log in its directory"
            raise SwarmError(f"{', '.join(missing)} did not join the conductor within {self._join_s():.0f} s", remedy)
        return places

    async def _meet(self, place: BeeLayout, gate: asyncio.Semaphore) -> BeeLink:
        async with gate:
            chair: ActorProxy = await self._cluster.seat(place)
            line = BeeLink(place.name, chair, self._broken)
            await line.meet(self._clock_key)
            return line

    async def _hire_all(self, load: Load, targets: Mapping[str, Target], workers: int | None) -> None:
        luggage = LoadBundle(load.warhead, load.identity)
        offers = []
        for line in self._lines.values():
            member, joined = self._members[line.name], line.joined
            assert joined is not None
            packed = luggage.pack(member.share, joined.directory, self._quarters.parts_of(line.name))
            offers.append(self._hire(line, load, targets, workers, packed))
        async with asyncio.timeout(HIRE_S):
            hired = await asyncio.gather(*offers, return_exceptions=True)
        for name, outcome in zip(self._lines, hired, strict=True):
            if isinstance(outcome, OperatorError):
                raise type(outcome)(f"{name}: {outcome.message}", outcome.remedy)
            if isinstance(outcome, BaseException):
                raise outcome
            self._members[name].workers = outcome.workers
        self._talks = [asyncio.ensure_future(line.talk(WORD_S)) for line in self._lines.values()]

    async def _hire(
        self, line: BeeLink, load: Load, targets: Mapping[str, Target], workers: int | None, packed: Packed
    ) -> Assigned:
        warhead, files = packed
        contract = Assignment(
            warhead=warhead,
            targets=targets,
            identity=load.identity,
            share=self._members[line.name].share,
            epoch_ns=line.epoch_on_bee(load.epoch_ns),
            workers=workers,
            gather_s=gather_s(len(self._lines)),
            sources=self._quarters.sources_of(line.name),
            files=files,
        )
        return await line.hire(contract)

    async def _forget_all(self) -> None:
        kept = [line for name, line in self._lines.items() if not self._members[name].lost]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FORGET_S):
                await asyncio.gather(*(line.forget() for line in kept), return_exceptions=True)

    async def _leave(self) -> None:
        for line in self._lines.values():
            line.end()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await self._cluster.close(dismiss=not self._quarters.scheduler)
        await self._quarters.end()


def _offset_facts(offset: Offset | None, epoch_ns: int) -> OffsetFacts | None:
    if offset is None:
        return None
    return OffsetFacts(at_ns=offset.at_ns - epoch_ns, offset_ns=offset.offset_ns, error_ns=offset.error_ns)


def bees_of(workers: Sequence[str]) -> list[str]:
    """The bees that workers belong to, in order; none for workers of this host."""
    return list(dict.fromkeys(worker.partition("/")[0] for worker in workers if "/" in worker))
