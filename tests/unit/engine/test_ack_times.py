"""Stamps of runs of acknowledgements, and the latencies made of them."""

from __future__ import annotations

import numpy as np

from malaria.engine.ack_times import FOLD_AT, AckTimes
from malaria.engine.meter import Batch


def stamps(*times_ns: int) -> memoryview:
    return memoryview(np.array(times_ns, np.int64))


def test_latencies_count_from_due_and_from_sent() -> None:
    ack, service = Batch(), Batch()
    times = AckTimes(ack, service)
    times.add(stamps(10, 20), stamps(12, 25), 100)
    times.add(stamps(30), stamps(30), 150)
    assert ack.waiting == 0
    times.fold()
    assert ack.take().tolist() == [90, 80, 120]
    assert service.take().tolist() == [88, 75, 120]
    times.fold()
    assert ack.waiting == 0


def test_stamps_are_copied() -> None:
    column, ack = np.array([10, 20], np.int64), Batch()
    times = AckTimes(ack, Batch())
    times.add(memoryview(column), stamps(10, 20), 100)
    column[:] = 0
    times.fold()
    assert ack.take().tolist() == [90, 80]


def test_messages_of_the_warm_up_have_no_latency() -> None:
    ack, service = Batch(), Batch()
    times = AckTimes(ack, service)
    times.begin(20)
    times.add(stamps(10, 20, 30, 19), stamps(21, 22, 33, 40), 100)
    times.begin(1000)  # a new start does not reach back
    times.add(stamps(999), stamps(1001), 1002)
    times.fold()
    assert ack.take().tolist() == [80, 70]
    assert service.take().tolist() == [78, 67]


def test_a_flood_is_folded_on_the_way() -> None:
    ack, run = Batch(), stamps(*range(1 << 12))
    times = AckTimes(ack, Batch())
    for _ in range(FOLD_AT >> 12):
        assert ack.waiting == 0
        times.add(run, run, 1 << 12)
    assert ack.waiting == FOLD_AT
