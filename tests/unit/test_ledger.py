"""The account of deliveries, case by case."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.ledger import Arrivals, Deliveries, Published, Received, join_published, settle


def take_all(arrivals: Arrivals, *sequences: int) -> list[bool]:
    return [arrivals.take(0, q) for q in sequences]


def published(sent: int, unacked: dict[int, list[int]] | None = None, acknowledged: bool = True) -> Published:
    return Published(np.array([7]), np.array([sent]), np.array([acknowledged]), unacked or {})


def received(arrivals: Arrivals) -> Received:
    return Received(np.array([7]), arrivals.next_sequence, arrivals.received, arrivals.holes)


def test_in_order_is_neither_duplicated_nor_reordered() -> None:
    arrivals = Arrivals(1)
    assert take_all(arrivals, 0, 1, 2) == [True] * 3
    assert (arrivals.duplicated, arrivals.reordered) == (0, 0)
    assert arrivals.missing(0) == ()


def test_a_late_arrival_fills_its_hole_and_counts_as_reordered() -> None:
    arrivals = Arrivals(1)
    assert take_all(arrivals, 0, 4, 2) == [True] * 3
    assert list(arrivals.missing(0)) == [(1, 2), (3, 4)]
    assert arrivals.reordered == 1


def test_a_repeat_is_no_first_arrival() -> None:
    arrivals = Arrivals(1)
    assert take_all(arrivals, 0, 2, 2, 0, 1, 1) == [True, True, False, False, True, False]
    assert (arrivals.duplicated, arrivals.reordered, int(arrivals.received[0])) == (3, 1, 3)


def test_a_burst_of_many_streams_is_one_step() -> None:
    arrivals = Arrivals(3)
    assert arrivals.take_many(np.array([2, 0, 2, 1]), np.array([0, 0, 1, 0])) is None
    assert arrivals.next_sequence.tolist() == [1, 1, 2]
    assert arrivals.received.tolist() == [1, 1, 2]


def test_settle_tells_lost_from_unresolved() -> None:
    arrivals = Arrivals(1)
    take_all(arrivals, 0, 1, 4)
    account = settle(published(sent=7, unacked={7: [3, 6]}), [received(arrivals)])
    assert account == Deliveries(expected=7, delivered=3, lost=2, acked_lost=2, unresolved=2)


def test_what_was_delivered_without_an_acknowledgement_is_delivered() -> None:
    arrivals = Arrivals(1)
    take_all(arrivals, 0, 1)
    account = settle(published(sent=2, unacked={7: [1]}), [received(arrivals)])
    assert account == Deliveries(expected=2, delivered=2, lost=0, acked_lost=0, unresolved=0)


def test_at_qos_0_nothing_is_acked_lost() -> None:
    account = settle(published(sent=3, acknowledged=False), [received(Arrivals(1))])
    assert (account.lost, account.acked_lost) == (3, 0)


def test_a_publisher_without_an_account_is_said() -> None:
    with pytest.raises(KeyError):
        settle(join_published([]), [received(Arrivals(1))])
