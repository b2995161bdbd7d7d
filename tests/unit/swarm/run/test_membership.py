"""Which bees of an attack are here and which are lost: events and a clock in, decisions out."""

from __future__ import annotations

from malaria.clock import NS_PER_S
from malaria.control.messages import Finished, Prepared, Report, Started, WorkerLost
from malaria.schedule.share import WHOLE
from malaria.swarm.run.bee_messages import ReportBatch, SpooledReport
from malaria.swarm.run.heartbeats import BEE_PATIENCE_NS, START_PATIENCE_NS
from malaria.swarm.run.membership import Decision, Disconnected, Membership

WORKERS = ("bee-1/1", "bee-2/1", "bee-2/2")


def two_bees() -> Membership:
    """Two bees with a share each, started at 0; the second has two workers."""
    made = Membership(["bee-1", "bee-2"])
    first, second = (made.share_of(bee) for bee in made.bees)
    two = dict(zip(("bee-2/1", "bee-2/2"), second.split(2), strict=True))
    made.start({"bee-1": {"bee-1/1": first}, "bee-2": two}, 0)
    return made


def ready_at(at_ns: int) -> Membership:
    """Two bees whose workers are ready at `at_ns`."""
    made = two_bees()
    made.handle(batch("bee-1", 0, Prepared(1)), at_ns)
    for number, worker in enumerate(WORKERS[1:]):
        made.handle(batch("bee-2", number, Prepared(1), worker=worker), at_ns)
    return made


def batch(bee: str, first: int, *reports: Report, worker: str = "", stopped: str = "") -> ReportBatch:
    name = worker or f"{bee}/1"
    return ReportBatch(bee, tuple(SpooledReport(first + n, name, one) for n, one in enumerate(reports)), stopped)


def test_the_workers_of_all_bees_are_those_of_the_attack() -> None:
    bees = two_bees()
    assert bees.workers == WORKERS
    assert str(bees.share_of("bee-2/1")) == "1/4"
    assert str(bees.share_of("bee-2")) == "1/2"
    assert bees.share_of("bee-1") == WHOLE.split(2)[0]


def test_reports_are_passed_on_in_order_and_once() -> None:
    bees = two_bees()
    first = bees.handle(batch("bee-1", 0, Prepared(1), Started(2)), 1)
    again = bees.handle(batch("bee-1", 1, Started(2), Finished()), 2)  # one of them for the second time
    assert first == Decision((("bee-1/1", Prepared(1)), ("bee-1/1", Started(2))))
    assert again == Decision((("bee-1/1", Finished()),))
    assert bees.facts()[0].next_sequence == 3


def test_a_silent_bee_is_lost_once_with_all_its_workers() -> None:
    bees = ready_at(0)
    bees.handle(batch("bee-1", 1), BEE_PATIENCE_NS)
    assert bees.check_silence(BEE_PATIENCE_NS) == Decision()
    lost = bees.check_silence(BEE_PATIENCE_NS + 1)
    assert lost == Decision(tuple((worker, WorkerLost("went silent", "bee-2")) for worker in WORKERS[1:]), ("bee-2",))
    assert bees.check_silence(BEE_PATIENCE_NS + 2) == Decision()
    assert bees.present == ("bee-1",)
    assert bees.missing_from() == {"bee-2": 2}


def test_a_broken_connection_loses_the_bee_at_once() -> None:
    bees = two_bees()
    decision = bees.handle(Disconnected("bee-1", "is gone"), 5)
    assert decision == Decision((("bee-1/1", WorkerLost("is gone", "bee-1")),), ("bee-1",))
    assert [fact.lost for fact in bees.facts()] == ["is gone", None]
    assert bees.handle(Disconnected("bee-1", "is gone"), 6) == Decision()


def test_a_bee_that_has_finished_is_not_lost_when_its_connection_ends() -> None:
    bees = ready_at(0)
    bees.handle(batch("bee-1", 1, Finished()), 1)
    assert bees.handle(Disconnected("bee-1", "is gone"), 2) == Decision()
    assert bees.check_silence(BEE_PATIENCE_NS * 2).lost == ("bee-2",)


def test_only_the_workers_that_have_not_finished_are_lost_with_their_bee() -> None:
    bees = ready_at(0)
    bees.handle(batch("bee-2", 2, Finished(), worker="bee-2/1"), 1)
    assert bees.handle(Disconnected("bee-2", "is gone"), 2).reports == (("bee-2/2", WorkerLost("is gone", "bee-2")),)


def test_a_bee_that_stopped_by_itself_is_lost_and_its_later_reports_are_passed_on() -> None:
    bees = two_bees()
    stopped = bees.handle(batch("bee-1", 0, Prepared(1), stopped="heard nothing"), 1)
    assert stopped.reports == (("bee-1/1", Prepared(1)), ("bee-1/1", WorkerLost("heard nothing", "bee-1")))
    later = bees.handle(batch("bee-1", 1, Started(2), Finished(), stopped="heard nothing"), 2)
    assert later == Decision((("bee-1/1", Started(2)), ("bee-1/1", Finished())))


def test_behind_a_gap_nothing_is_taken() -> None:
    bees = two_bees()
    decision = bees.handle(batch("bee-1", 3, Started(2)), 1)
    assert decision.reports == (("bee-1/1", WorkerLost("lost some of its reports on the way", "bee-1")),)
    assert bees.missing_from() == {"bee-1": 0}  # the reports before and behind the gap are on its disk


def test_reports_from_the_disk_of_a_lost_bee_follow_its_last_one() -> None:
    bees = two_bees()
    bees.handle(batch("bee-1", 0, Prepared(1)), 1)
    bees.handle(Disconnected("bee-1", "is gone"), 2)
    late = bees.take_collected("bee-1", batch("bee-1", 1, Started(2), Finished()).reports, 3)
    assert late == [("bee-1/1", Started(2)), ("bee-1/1", Finished())]
    assert (bees.facts()[0].next_sequence, bees.facts()[0].collected) == (3, 2)


def test_silence_counts_with_less_patience_once_all_are_ready() -> None:
    bees = two_bees()
    bees.handle(batch("bee-1", 0, Prepared(1)), NS_PER_S)
    assert bees.check_silence(START_PATIENCE_NS) == Decision()  # the other is still starting
    for number, worker in enumerate(WORKERS[1:]):
        bees.handle(batch("bee-2", number, Prepared(1), worker=worker), START_PATIENCE_NS)
    assert bees.check_silence(START_PATIENCE_NS + BEE_PATIENCE_NS) == Decision()
    assert bees.check_silence(START_PATIENCE_NS + BEE_PATIENCE_NS + 1).lost == ("bee-1", "bee-2")


def test_a_bee_that_is_lost_before_it_is_ready_is_not_waited_for() -> None:
    bees = two_bees()
    bees.handle(batch("bee-1", 0, Prepared(1)), 1)
    bees.handle(Disconnected("bee-2", "is gone"), NS_PER_S)
    assert bees.check_silence(NS_PER_S + BEE_PATIENCE_NS + 1).lost == ("bee-1",)
