"""The bees of an attack as one, without a bee: what comes of their words, and of their silence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bees import LocalQuarters
from malaria.clock import NS_PER_S, now_ns
from malaria.control.messages import EndPublishing, Finish, Finished, Order, Prepared, Started, WorkerLost
from malaria.schedule.share import WHOLE
from malaria.swarm.run.bee_messages import ReportBatch
from malaria.swarm.run.heartbeats import BEE_PATIENCE_NS, START_PATIENCE_NS, Heartbeats
from malaria.swarm.run.spool import SpooledRun
from malaria.swarm.run.swarm_workers import SwarmWorkers, _Member


class FakeLine:
    def __init__(self) -> None:
        self.orders: list[Order] = []

    def order(self, order: Order) -> None:
        self.orders.append(order)


@pytest.fixture
def hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwarmWorkers]:
    """Two bees with a share each; the second has two workers."""
    made = SwarmWorkers(LocalQuarters(tmp_path_factory.getbasetemp()))
    first, second = WHOLE.split(2)
    made._members = {
        "bee-1": _Member("bee-1", first, {"bee-1/1": first}),
        "bee-2": _Member("bee-2", second, dict(zip(("bee-2/1", "bee-2/2"), second.split(2), strict=True))),
    }
    made._lines = {name: FakeLine() for name in made._members}  # type: ignore[misc]
    made._vigil = Heartbeats(made._members, now_ns(), BEE_PATIENCE_NS)
    yield made
    made._loop.close()


def orders_of(hive: SwarmWorkers, bee: str) -> list[Order]:
    """What has been passed on to a bee: the loop does it."""
    hive._loop.call_soon(hive._loop.stop)
    hive._loop.run_forever()
    line = hive._lines[bee]
    assert isinstance(line, FakeLine)
    return line.orders


def kept(first: int, *reports: object, worker: str = "bee-1/1") -> tuple[SpooledRun, ...]:
    return tuple(SpooledRun(first + place, worker, report) for place, report in enumerate(reports))  # type: ignore[arg-type]


def test_the_workers_of_all_bees_are_those_of_the_attack(hive: SwarmWorkers) -> None:
    assert hive.workers == ("bee-1/1", "bee-2/1", "bee-2/2")
    assert str(hive.share_of("bee-2/1")) == "1/4"
    assert str(hive.share_of("bee-2")) == "1/2"


def test_reports_are_told_in_order_and_once(hive: SwarmWorkers) -> None:
    hive._hear(ReportBatch("bee-1", kept(0, Prepared(1), Started(2))))
    hive._hear(ReportBatch("bee-1", kept(1, Started(2), Finished())))  # one of them for the second time
    assert hive.poll(0) == [("bee-1/1", Prepared(1)), ("bee-1/1", Started(2)), ("bee-1/1", Finished())]
    assert hive._members["bee-1"].next_sequence == 3


def test_a_silent_bee_is_lost_with_all_its_workers(hive: SwarmWorkers) -> None:
    hive._vigil = Heartbeats(hive._members, now_ns() - BEE_PATIENCE_NS - 1, BEE_PATIENCE_NS)
    hive._hear(ReportBatch("bee-1", ()))
    said = hive.poll(0)
    reason = "went silent"
    assert said == [(worker, WorkerLost(reason, "bee-2")) for worker in ("bee-2/1", "bee-2/2")]
    assert hive.poll(0) == []
    assert orders_of(hive, "bee-2") == [EndPublishing(), Finish()]  # should it hear them


def test_a_broken_connection_is_told_at_once(hive: SwarmWorkers) -> None:
    hive._broken("bee-1", "is gone")
    assert hive.poll(0) == [("bee-1/1", WorkerLost("is gone", "bee-1"))]
    hive.order(Finish())
    assert orders_of(hive, "bee-1") == [EndPublishing(), Finish()]
    assert orders_of(hive, "bee-2") == [Finish()]


def test_a_bee_that_has_finished_is_not_lost_when_its_connection_ends(hive: SwarmWorkers) -> None:
    hive._hear(ReportBatch("bee-1", kept(0, Finished())))
    hive._broken("bee-1", "is gone")
    assert hive.poll(0) == [("bee-1/1", Finished())]


def test_a_bee_that_stopped_by_itself_is_lost_and_what_it_says_then_is_recorded(hive: SwarmWorkers) -> None:
    hive._hear(ReportBatch("bee-1", kept(0, Prepared(1)), stopped="heard nothing"))
    assert hive.poll(0) == [("bee-1/1", Prepared(1)), ("bee-1/1", WorkerLost("heard nothing", "bee-1"))]
    hive._hear(ReportBatch("bee-1", kept(1, Started(2), Finished()), stopped="heard nothing"))
    assert hive.poll(0) == [("bee-1/1", Started(2)), ("bee-1/1", Finished())]


def test_words_that_were_lost_on_the_way_are_not_papered_over(hive: SwarmWorkers) -> None:
    hive._hear(ReportBatch("bee-1", kept(3, Started(2))))
    assert hive.poll(0) == [("bee-1/1", WorkerLost("lost some of its words on the way", "bee-1"))]
    assert hive._members["bee-1"].next_sequence == 0  # the rest is on its disk


def test_silence_is_taken_seriously_once_all_are_ready(hive: SwarmWorkers) -> None:
    hive._unready = set(hive.workers)
    hive._vigil = Heartbeats(hive._members, now_ns() - 2 * BEE_PATIENCE_NS, START_PATIENCE_NS)
    hive._hear(ReportBatch("bee-1", kept(0, Prepared(1))))
    assert hive.poll(0) == [("bee-1/1", Prepared(1))]  # the other is still starting, and has the time to
    for place, worker in enumerate(("bee-2/1", "bee-2/2")):
        hive._hear(ReportBatch("bee-2", kept(place, Prepared(1), worker=worker)))
    assert len(hive.poll(0)) == 2
    assert hive._vigil.gone(now_ns() + BEE_PATIENCE_NS + NS_PER_S) == ["bee-1", "bee-2"]
