"""The account of deliveries, case by case."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malaria.records.ledger import (
    Arrivals,
    Deliveries,
    Published,
    Received,
    join_published,
    join_received,
    settle,
    without_rows,
)


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


def test_arrivals_of_messages_that_nobody_sent_are_no_deliveries() -> None:
    """A broker may forge a payload: 3 were sent, of which 0 came, and 5 and 7 were never sent."""
    arrivals = Arrivals(1)
    take_all(arrivals, 0, 7, 5)
    account = settle(published(sent=3, unacked={7: [2]}), [received(arrivals)])
    assert account == Deliveries(expected=3, delivered=1, lost=1, acked_lost=1, unresolved=1, never_sent=2)


def test_at_qos_0_nothing_is_acked_lost() -> None:
    account = settle(published(sent=3, acknowledged=False), [received(Arrivals(1))])
    assert (account.lost, account.acked_lost) == (3, 0)


def test_a_publisher_without_an_account_is_said() -> None:
    with pytest.raises(KeyError):
        settle(join_published([]), [received(Arrivals(1))])


# --- shared subscriptions --------------------------------------------------------------------------------------------


def member(*sequences: int, filter_: str = "$share/s/t") -> Received:
    """What one worker's members of a share heard of publisher 7, beside a stream of their own that heard 0 and 2."""
    arrivals = Arrivals(2)
    for sequence in sequences:
        arrivals.take(1, sequence)
    for sequence in (0, 2):
        arrivals.take(0, sequence)
    publishers = np.array([7, 7])
    return Received(publishers, arrivals.next_sequence, arrivals.received, arrivals.holes, {filter_: (1, 1)})


def test_a_share_over_several_workers_is_one_stream() -> None:
    own = Deliveries(15, 6, 9, 9, 0)  # three times 5 messages, of which 2 came
    account = settle(published(5), join_received([member(0, 3, 4), member(1, 2), member()]))
    assert account == Deliveries(own.expected + 5, own.delivered + 5, own.lost, own.acked_lost, 0)
    joined = join_received([member(0, 3, 4), member(1, 4, 6), member()])[-1]
    assert (joined.next_sequence.tolist(), joined.received.tolist()) == ([7], [5])  # 0 1 3 4 6
    assert dict(joined.holes) == {0: [(2, 3), (5, 6)]}


def test_shares_of_one_worker_stay_as_they_are() -> None:
    parts = [member(0, 1), member(0, filter_="$share/other/t")]
    assert join_received(parts) == parts


@given(
    st.lists(st.lists(st.integers(0, 12), max_size=12), min_size=1, max_size=4),
    st.lists(st.integers(0, 12), max_size=4),
)
def test_a_share_against_a_set(heard: list[list[int]], unacked: list[int]) -> None:
    """Whoever of the members hears a message, once or again: it came."""
    sent = 13
    parts = []
    for sequences in heard:
        arrivals = Arrivals(1)
        take_all(arrivals, *sequences)
        shared = {"$share/s/t": (0, 1)}
        parts.append(Received(np.array([7]), arrivals.next_sequence, arrivals.received, arrivals.holes, shared))
    came = {sequence for sequences in heard for sequence in sequences}
    open_ones = set(unacked) - came
    account = settle(published(sent, {7: sorted(set(unacked))}), join_received(parts))
    missing = sent - len(came) - len(open_ones)
    unheard = missing > 0 and not came
    told = int(unheard), missing if unheard else 0
    assert account == Deliveries(sent, len(came), missing, missing, len(open_ones), 0, *told)


def test_losses_are_added_up_by_subscriber() -> None:
    """Two subscribers hear publisher 7: the first lost one of four, the second two, one of them never acknowledged."""
    columns = (np.array([7, 7]), np.array([4, 2]), np.array([3, 2]), {0: [(1, 2)]})
    part = Received(*columns, subscriber=np.array([30, 20]))
    found = settle(published(4, {7: [3]}), [part]).by_subscriber
    assert found is not None
    assert found.subscriber.tolist() == [20, 30]
    assert (found.expected.tolist(), found.lost.tolist(), found.acked_lost.tolist()) == ([4, 4], [1, 1], [1, 1])


def test_nobody_lost_where_nothing_is_lost() -> None:
    whole = Received(np.array([7]), np.array([4]), np.array([4]), {}, subscriber=np.array([20]))
    assert settle(published(4), [whole]).by_subscriber is None


def test_nothing_is_expected_of_what_was_cut_off_on_purpose() -> None:
    """Unless it arrived: then it counts as delivered."""
    sent = Published(np.array([7]), np.array([5]), np.array([True]), {7: [1, 3, 4]}, cut_off={7: [1, 3]})
    came = Received(np.array([7]), np.array([4]), np.array([3]), {0: [(1, 2)]})
    found = settle(sent, [came])
    # 0, 2 and 3 came; 1 was cut off; 4 is open
    assert (found.expected, found.delivered, found.lost, found.unresolved, found.cut_off) == (4, 3, 0, 1, 1)


def test_a_shared_subscription_stays_one_without_publishers_that_never_came() -> None:
    part = Received(np.array([1, 2, 8, 9]), np.zeros(4, np.int64), np.zeros(4, np.int64), {}, {"$share/a/t": (0, 4)})
    unused = np.array([2])
    kept = without_rows(part, unused, unused)
    assert kept.publisher.tolist() == [1, 2, 9]
    assert kept.shared == {"$share/a/t": (0, 3)}
    assert without_rows(part, np.array([1, 2]), unused).shared == {}
