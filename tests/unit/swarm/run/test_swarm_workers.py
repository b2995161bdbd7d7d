"""The pool of workers on many bees: decisions become reports and orders. No bee is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bees import LocalLauncher
from malaria.clock import now_ns
from malaria.control.messages import EndPublishing, Finish, Order, Prepared, WorkerLost
from malaria.schedule.share import WHOLE
from malaria.swarm.run.bee_messages import ReportBatch, SpooledReport
from malaria.swarm.run.membership import Membership
from malaria.swarm.run.swarm_workers import SwarmWorkers


class FakeLink:
    def __init__(self) -> None:
        self.orders: list[Order] = []

    def order(self, order: Order) -> None:
        self.orders.append(order)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[SwarmWorkers]:
    """Two bees with one worker each."""
    made = SwarmWorkers(LocalLauncher(tmp_path))
    made._membership = Membership(["bee-1", "bee-2"])
    shares = zip(("bee-1", "bee-2"), WHOLE.split(2), strict=True)
    made._membership.start({bee: {f"{bee}/1": share} for bee, share in shares}, now_ns())
    made._links = {name: FakeLink() for name in made._membership.bees}  # type: ignore[misc]
    yield made
    made.close()


def orders_of(pool: SwarmWorkers, bee: str) -> list[Order]:
    """Return what has been passed on to a bee, after the event loop has done it."""
    pool._loop.loop.call_soon(pool._loop.loop.stop)
    pool._loop.loop.run_forever()
    link = pool._links[bee]
    assert isinstance(link, FakeLink)
    return link.orders


def test_reports_and_losses_come_out_of_one_poll(pool: SwarmWorkers) -> None:
    pool._on_batch(ReportBatch("bee-1", (SpooledReport(0, "bee-1/1", Prepared(1)),)))
    pool._on_broken("bee-2", "is gone")
    assert pool.poll(0) == [("bee-1/1", Prepared(1)), ("bee-2/1", WorkerLost("is gone", "bee-2"))]
    assert pool.poll(0) == []


def test_a_lost_bee_is_told_to_end_and_gets_no_other_order(pool: SwarmWorkers) -> None:
    pool._on_broken("bee-1", "is gone")
    pool.poll(0)
    pool.order(Finish())
    assert orders_of(pool, "bee-1") == [EndPublishing(), Finish()]
    assert orders_of(pool, "bee-2") == [Finish()]
