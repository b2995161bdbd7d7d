"""The bees of an attack: which are here, which are lost and why, and what of their reports is new. Without I/O.

Events and the clock come in, decisions come out; `SwarmWorkers` carries them out. Promises: every report is passed on
once and in the order in which its bee made it; a bee is lost `BEE_PATIENCE_NS` after its last message, or as soon as
its connection is seen to be gone; a lost bee stays lost, but its later reports are still passed on. A bee whose workers
have all finished cannot be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from malaria.control.messages import Finished, Prepared, Report, WorkerLost
from malaria.records.run_meta import BeeFacts
from malaria.schedule.share import WHOLE, Share
from malaria.swarm.run.bee_messages import ReportBatch, SpooledReport
from malaria.swarm.run.heartbeats import BEE_PATIENCE_NS, START_PATIENCE_NS, Heartbeats

type WorkerReport = tuple[str, Report]
"""(name of the worker, its report)"""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A bee cannot be called any more."""

    bee: str
    reason: str


type BeeEvent = ReportBatch | Disconnected


@dataclass(frozen=True, slots=True)
class Decision:
    """The consequences of an event: reports to pass on, in order, and bees that are lost by it."""

    reports: tuple[WorkerReport, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class Member:
    """One bee. `lost` is the reason; empty while the bee is here."""

    name: str
    share: Share
    workers: Mapping[str, Share] = field(default_factory=dict)
    next_sequence: int = 0
    lost: str = ""
    finished: set[str] = field(default_factory=set)
    collected: int = 0  # reports that were fetched from its disk

    @property
    def unfinished(self) -> list[str]:
        return [worker for worker in self.workers if worker not in self.finished]

    def facts(self) -> BeeFacts:
        """Return the member as the run's record holds it."""
        return BeeFacts(
            bee=self.name,
            share=str(self.share),
            workers=tuple(self.workers),
            next_sequence=self.next_sequence,
            lost=self.lost or None,
            collected=self.collected,
        )


class Membership:
    """The bees of one attack, with equal shares in the order of their names as given."""

    def __init__(self, bees: Iterable[str]) -> None:
        names = list(bees)
        shares = WHOLE.split(len(names)) if names else ()
        self._members = {name: Member(name, share) for name, share in zip(names, shares, strict=True)}
        self._heartbeats = Heartbeats((), 0, START_PATIENCE_NS)
        self._unready: set[str] = set()

    @property
    def bees(self) -> tuple[str, ...]:
        return tuple(self._members)

    @property
    def present(self) -> tuple[str, ...]:
        """The bees that are not lost."""
        return tuple(name for name, member in self._members.items() if not member.lost)

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(worker for member in self._members.values() for worker in member.workers)

    def share_of(self, name: str) -> Share:
        """Return the share of a worker (`bee-3/1`), or of a whole bee (`bee-3`)."""
        member = self._members[name.partition("/")[0]]
        return member.workers.get(name, member.share)

    def facts(self) -> tuple[BeeFacts, ...]:
        """Return the bees as the run's record holds them."""
        return tuple(member.facts() for member in self._members.values())

    def missing_from(self) -> dict[str, int]:
        """Return the bees that are lost, each with the number of the first report that has not been passed on."""
        return {name: member.next_sequence for name, member in self._members.items() if member.lost}

    def start(self, workers: Mapping[str, Mapping[str, Share]], at_ns: int) -> None:
        """Note the workers that each bee has started. From now on silence counts, at first with much patience."""
        for name, shares in workers.items():
            self._members[name].workers = shares
        self._unready = set(self.workers)
        self._heartbeats = Heartbeats(self._members, at_ns, START_PATIENCE_NS)

    def handle(self, event: BeeEvent, at_ns: int) -> Decision:
        """Decide what follows from an event that came at `at_ns`."""
        if isinstance(event, Disconnected):
            return self._lose(event.bee, event.reason, at_ns)
        return self._take(event, at_ns)

    def check_silence(self, at_ns: int) -> Decision:
        """Decide which bees are lost because nothing was heard of them for too long."""
        decisions = [self._lose(name, "went silent", at_ns) for name in self._heartbeats.silent(at_ns)]
        return Decision(
            tuple(report for decision in decisions for report in decision.reports),
            tuple(bee for decision in decisions for bee in decision.lost),
        )

    def take_collected(self, bee: str, reports: tuple[SpooledReport, ...], next_sequence: int) -> list[WorkerReport]:
        """Take reports that were fetched from the disk of a lost bee; they must begin where its reports ended."""
        member = self._members[bee]
        member.next_sequence, member.collected = next_sequence, len(reports)
        return [(spooled.worker, spooled.report) for spooled in reports]

    def _take(self, batch: ReportBatch, at_ns: int) -> Decision:
        member = self._members[batch.bee]
        self._heartbeats.heard(member.name, at_ns)
        fresh = [spooled for spooled in batch.reports if spooled.sequence >= member.next_sequence]
        if fresh and fresh[0].sequence > member.next_sequence:
            # what is missing is on the bee's disk: nothing behind the gap is taken, or it could not be fetched later
            return self._lose(member.name, "lost some of its reports on the way", at_ns)
        reports = tuple((spooled.worker, spooled.report) for spooled in fresh)
        if fresh:
            member.next_sequence = fresh[-1].sequence + 1
        self._note_prepared((worker for worker, report in reports if isinstance(report, Prepared)), at_ns)
        member.finished |= {worker for worker, report in reports if isinstance(report, Finished | WorkerLost)}
        if not member.unfinished:
            self._heartbeats.dismiss(member.name)
        if not batch.stopped:
            return Decision(reports)
        loss = self._lose(member.name, batch.stopped, at_ns)
        return Decision(reports + loss.reports, loss.lost)

    def _note_prepared(self, workers: Iterable[str], at_ns: int) -> None:
        """Lower the patience once every worker that is still here is ready: the load begins."""
        if not self._unready:
            return
        self._unready -= set(workers)
        if not self._unready:
            self._heartbeats.restart(at_ns, BEE_PATIENCE_NS)

    def _lose(self, name: str, reason: str, at_ns: int) -> Decision:
        """Give up a bee, with those of its workers that have not finished."""
        member = self._members[name]
        self._heartbeats.dismiss(name)
        left = member.unfinished
        if member.lost or not left:
            return Decision()
        member.lost = reason
        self._note_prepared(left, at_ns)  # the load begins without them
        return Decision(tuple((worker, WorkerLost(reason, bee=name)) for worker in left), (name,))
