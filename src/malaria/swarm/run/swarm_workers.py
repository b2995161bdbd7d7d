"""The bees of an attack behind the interface of `malaria.workers.pool`: many hosts as one pool of workers.

The attack calls from its own thread and is never called; a second thread runs the event loop of the bees and of ssh, a
third asks the bees for their time. `Membership` decides; this module does what it decides, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import secrets
import threading
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Final

from malaria.clock import now_ns
from malaria.control.messages import EndPublishing, Finish, Order
from malaria.errors import OperatorError, SwarmError
from malaria.model.target import Target
from malaria.records.run_meta import ClockFacts, EnvironmentFacts, RunMeta, SwarmFacts
from malaria.schedule.share import Share
from malaria.swarm.run.bee_link import BeeLink
from malaria.swarm.run.bee_messages import Assignment, Knocked, ReportBatch
from malaria.swarm.run.bee_server import BeeChannel, BeeServer
from malaria.swarm.run.certificates import CONDUCTOR, issue
from malaria.swarm.run.clock_offsets import worst_pair_ns
from malaria.swarm.run.collecting import batch_of
from malaria.swarm.run.heartbeats import CONDUCTOR_HEARTBEAT_S, gather_s
from malaria.swarm.run.launcher import Launcher
from malaria.swarm.run.load_bundle import LoadBundle
from malaria.swarm.run.loop_thread import LoopThread
from malaria.swarm.run.membership import BeeEvent, Disconnected, Membership, WorkerReport
from malaria.swarm.run.version_check import REMEDY, mismatch, own_stamp
from malaria.workers.local import Load

FIND_S: Final = 30.0
JOIN_S: Final = 90.0
JOIN_EACH_S: Final = 5.0
"""More for each bee: where many share a processor, Python takes so long to start."""
ASSIGN_S: Final = 60.0
KNOCK_S: Final = 120.0
"""A bee tries each address of each way in, one after the other."""
LAST_S: Final = 5.0
FORGET_S: Final = 3.0
LEAVE_S: Final = 15.0
LATE_S: Final = 8.0
"""For the records on the disks of lost bees; the rest is left to `malaria swarm collect`."""
CLOCKS_EVERY_S: Final = 1.0
EXCHANGES: Final = 4
"""With each bee, one after the other: the shortest of a few exchanges counts."""
AT_ONCE: Final = 8
"""How many bees join at the same time: exchanges of clocks that wait for each other have larger errors."""


class SwarmWorkers:
    """The workers of all bees of one attack. A context manager: entering brings the bees in."""

    def __init__(self, launcher: Launcher, command: str = "malaria") -> None:
        """`command` is what others are told who find the bees in use."""
        self._command = command
        self.run = secrets.token_hex(6)
        self._launcher = launcher
        self._server = BeeServer(self.run, self._on_batch, self._on_broken)
        self._starting: asyncio.Future[None] | None = None
        self._names: tuple[str, ...] = ()
        self._loop = LoopThread("swarm")
        self._events: queue.SimpleQueue[tuple[int, BeeEvent]] = queue.SimpleQueue()
        self._links: dict[str, BeeLink] = {}
        self._membership = Membership(())
        self._senders: list[asyncio.Task[None]] = []
        self._environments_reported = False
        self._clocks = threading.Thread(target=self._watch_clocks, name="clocks", daemon=True)
        self._over = threading.Event()

    # --- begin and end ---------------------------------------------------------------------------------------------

    def __enter__(self) -> SwarmWorkers:
        """Start the bees and connect to them. Raises SwarmError, which names those that did not come."""
        self._loop.start()
        try:
            self._names = self._wait(self._launcher.find(), FIND_S)
            self._wait(self._bring_in(), self._join_s() + 60)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def knock(self, name: str | None, load: Load, targets: Mapping[str, Target]) -> Knocked:
        """Let a bee, or the first of them, look at the target. Raises OperatorError if it lets no client in there."""
        if name is not None and name not in self._links:
            raise SwarmError(f"--knock-from {name}: no bee of this attack", f"its bees are {', '.join(self._links)}")
        self._membership = Membership(self._links)
        link = self._links[name or self._names[0]]
        assignment = self._assignment(link, LoadBundle(load.warhead, load.identity), load, targets, None)
        return self._wait(self._knock(link, assignment), KNOCK_S)

    def assign(self, load: Load, targets: Mapping[str, Target], workers: int | None) -> None:
        """Give every bee its share. Raises OperatorError, with the bee's name, for what a bee cannot make."""
        self._membership = Membership(self._links)
        started = self._wait(self._assign_all(load, targets, workers), ASSIGN_S + 10)
        self._membership.start(started, now_ns())
        self._clocks.start()

    def close(self) -> None:
        """End the bees that can be reached; the others end by themselves."""
        self._over.set()
        if self._loop.running:
            with contextlib.suppress(SwarmError, OSError):
                self._wait(self._leave(), LEAVE_S)
        self._loop.close()

    # --- the interface of a pool of workers ------------------------------------------------------------------------

    @property
    def workers(self) -> tuple[str, ...]:
        return self._membership.workers

    @property
    def bees(self) -> tuple[str, ...]:
        return self._membership.bees

    def share_of(self, worker: str) -> Share:
        """Return the share of a worker, or of a whole bee."""
        return self._membership.share_of(worker)

    def order(self, order: Order) -> None:
        for name in self._membership.present:
            self._loop.call_soon(self._links[name].order, order)

    def poll(self, timeout_s: float) -> list[WorkerReport]:
        """Return what the bees have reported, waiting up to `timeout_s` for the first report."""
        decisions = [self._membership.handle(event, at_ns) for at_ns, event in self._arrivals(timeout_s)]
        decisions.append(self._membership.check_silence(now_ns()))
        for name in (name for decision in decisions for name in decision.lost):
            # a bee that is lost to us may still hear us: it must not go on
            for order in (EndPublishing(), Finish()):
                self._loop.call_soon(self._links[name].order, order)
        return [report for decision in decisions for report in decision.reports]

    def late(self) -> list[WorkerReport]:
        """Return what lost bees have on their disks, of those that can be reached now. The rest stays there."""
        missing = self._membership.missing_from()
        if not missing:
            return []
        reports: list[WorkerReport] = []
        with contextlib.suppress(SwarmError, OSError):
            fetched = self._wait(self._launcher.fetch_spools(list(missing), self.run), LATE_S)
            for name, data in fetched.files.items():
                if (batch := batch_of(data, name, self.run, missing[name])) is not None:
                    reports += self._membership.take_collected(batch.bee, batch.reports, batch.next_sequence)
        return reports

    def forget(self) -> None:
        """Let the bees delete their records: everything that was reported is stored."""
        with contextlib.suppress(SwarmError, OSError):
            self._wait(self._forget_all(), FORGET_S + 1)

    def facts(self) -> RunMeta:
        """Return what is known of the bees by now, for the record. Their environments are in the first answer only."""
        at_ns = now_ns()
        clocks = {name: link.clock for name, link in self._links.items()}
        facts = RunMeta(
            swarm=SwarmFacts(name=self._launcher.swarm, run=self.run),
            bees=self._membership.facts(),
            clocks=ClockFacts(
                error_ns=worst_pair_ns(clock.worst_error_ns for clock in clocks.values()),
                bees=tuple(clock.facts(name, at_ns) for name, clock in clocks.items()),
            ),
        )
        # they do not change, and fill the record if each answer has them
        if not self._environments_reported:
            self._environments_reported = True
            facts = facts.model_copy(update={"bee_environments": self._environments()})
        return facts

    # --- parts -----------------------------------------------------------------------------------------------------

    def _arrivals(self, timeout_s: float) -> Iterable[tuple[int, BeeEvent]]:
        try:
            yield self._events.get(timeout=timeout_s)
            while True:
                yield self._events.get_nowait()
        except queue.Empty:
            return

    def _environments(self) -> dict[str, EnvironmentFacts]:
        joined = {name: link.joined for name, link in self._links.items() if link.joined}
        return {name: bee.environment for name, bee in joined.items()}

    def _watch_clocks(self) -> None:
        """Ask the bees for their time until the attack is over. Runs in a thread of its own."""
        while not self._over.wait(CLOCKS_EVERY_S):
            for name in self._membership.present:
                self._links[name].ask_clock(EXCHANGES)

    # --- on the event loop -----------------------------------------------------------------------------------------

    def _wait[T](self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        try:
            return self._loop.wait(coroutine, timeout_s)
        except TimeoutError:
            raise SwarmError(f"the bees did not answer within {timeout_s:.0f} s", "malaria swarm status") from None

    def _join_s(self) -> float:
        return JOIN_S + JOIN_EACH_S * len(self._names)

    def _on_batch(self, batch: ReportBatch) -> None:
        self._events.put((now_ns(), batch))

    def _on_broken(self, name: str, reason: str) -> None:
        self._events.put((now_ns(), Disconnected(name, reason)))

    async def _bring_in(self) -> None:
        """Start the bees, let them in, and let each introduce itself."""
        certificates = issue(self._names)
        try:
            port = await self._server.open(self._launcher.port, certificates.pop(CONDUCTOR), self._names)
        except OSError as error:
            raise SwarmError(f"port {self._launcher.port} of this host: {error.strerror}", "choose another") from None
        self._starting = asyncio.ensure_future(self._launcher.start(port, certificates, self._command))
        await self._let_in(self._starting, port)
        gate = asyncio.Semaphore(AT_ONCE)
        channels = (self._server.channels[name] for name in self._names)
        for link in await asyncio.gather(*(self._connect(channel, gate) for channel in channels)):
            self._links[link.name] = link

    async def _let_in(self, starting: asyncio.Future[None], port: int) -> None:
        """Wait until all bees are here. Raises SwarmError as soon as the launcher says that one cannot start."""
        coming = asyncio.ensure_future(self._server.wait_for_all())
        try:
            await asyncio.wait([coming, starting], timeout=self._join_s(), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await asyncio.wait([coming], timeout=LAST_S)
        finally:
            coming.cancel()
        if self._server.missing:
            names = ", ".join(self._server.missing)
            remedy = f"check that it can reach port {port} here; what it printed is in bee.log in its directory"
            raise SwarmError(f"{names} did not join the conductor", remedy)

    async def _connect(self, channel: BeeChannel, gate: asyncio.Semaphore) -> BeeLink:
        async with gate:
            link = BeeLink(channel.name, channel, self._on_broken)
            try:
                joined = await link.join()
            except (OSError, OperatorError) as error:
                raise await self._explained(channel.name, error) from None
            if difference := mismatch(joined.version, own_stamp()):
                raise SwarmError(f"{channel.name}: {difference}", REMEDY)
            return link

    async def _explained(self, name: str, error: BaseException) -> BaseException:
        """Return a failure of a bee with its name, and for a bee that is gone with the last line that it printed."""
        if isinstance(error, OperatorError):
            return type(error)(f"{name}: {error.message}", error.remedy)
        if not isinstance(error, OSError):
            return error
        words = await self._launcher.last_words(name)
        return SwarmError(f"{name} {error}{words and f'; its last words: {words}'}", "read bee.log in its directory")

    async def _knock(self, link: BeeLink, assignment: Assignment) -> Knocked:
        try:
            return await link.knock(assignment)
        except (OSError, OperatorError) as error:
            raise await self._explained(link.name, error) from None

    async def _assign_all(
        self, load: Load, targets: Mapping[str, Target], workers: int | None
    ) -> dict[str, Mapping[str, Share]]:
        """Return the workers that each bee has started, with their shares."""
        bundle = LoadBundle(load.warhead, load.identity)
        assignments = [self._assignment(link, bundle, load, targets, workers) for link in self._links.values()]
        calls = [link.assign(one) for link, one in zip(self._links.values(), assignments, strict=True)]
        async with asyncio.timeout(ASSIGN_S):
            answers = await asyncio.gather(*calls, return_exceptions=True)
        started: dict[str, Mapping[str, Share]] = {}
        for name, answer in zip(self._links, answers, strict=True):
            if isinstance(answer, BaseException):
                raise await self._explained(name, answer)
            started[name] = answer.workers
        senders = (link.send_commands(CONDUCTOR_HEARTBEAT_S) for link in self._links.values())
        self._senders = [asyncio.ensure_future(sender) for sender in senders]
        return started

    def _assignment(
        self, link: BeeLink, bundle: LoadBundle, load: Load, targets: Mapping[str, Target], workers: int | None
    ) -> Assignment:
        assert link.joined is not None
        share = self._membership.share_of(link.name)
        warhead, files = bundle.pack(share, link.joined.directory, self._launcher.parts_of(link.name))
        return Assignment(
            warhead=warhead,
            targets=targets,
            identity=load.identity,
            share=share,
            epoch_ns=link.clock.epoch_on_bee(load.epoch_ns, now_ns()),
            workers=workers,
            gather_s=gather_s(len(self._links)),
            sources=self._launcher.sources_of(link.name),
            files=files,
        )

    async def _forget_all(self) -> None:
        links = [self._links[name] for name in self._membership.present]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FORGET_S):
                await asyncio.gather(*(link.forget() for link in links), return_exceptions=True)

    async def _leave(self) -> None:
        for link in self._links.values():
            link.end()
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        await self._server.close()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._launcher.end()
