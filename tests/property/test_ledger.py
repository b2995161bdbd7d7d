"""The ledger against a naive model that keeps every message."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from malaria.records.ledger import Arrivals, Published, Received, settle

STREAMS = 3
arrival = st.tuples(st.integers(0, STREAMS - 1), st.integers(0, 12))


class NaiveLedger:
    def __init__(self) -> None:
        self.seen: list[list[int]] = [[] for _ in range(STREAMS)]
        self.duplicated = self.reordered = 0

    def take(self, stream: int, sequence: int) -> bool:
        seen = self.seen[stream]
        first = sequence not in seen
        self.duplicated += not first
        self.reordered += first and any(q > sequence for q in seen)
        seen.append(sequence)
        return first


@given(st.lists(st.lists(arrival, min_size=1, max_size=12), max_size=8), st.booleans())
def test_the_ledger_is_the_naive_ledger(bursts: list[list[tuple[int, int]]], vector: bool) -> None:
    ledger, naive = Arrivals(STREAMS), NaiveLedger()
    for burst in bursts:
        expected = [naive.take(*one) for one in burst]
        if vector:
            streams, sequences = np.array(burst).T
            first = ledger.take_many(streams, sequences)
            assert (first.tolist() if first is not None else [True] * len(burst)) == expected
        else:
            assert [ledger.take(*one) for one in burst] == expected
    assert (ledger.duplicated, ledger.reordered) == (naive.duplicated, naive.reordered)
    for stream, seen in enumerate(naive.seen):
        assert ledger.received[stream] == len(set(seen))
        missing = {q for begin, end in ledger.missing(stream) for q in range(begin, end)}
        assert missing == set(range(max(seen, default=-1) + 1)) - set(seen)


@given(st.lists(arrival, max_size=40), st.sets(st.integers(0, 19)), st.integers(13, 20))
def test_the_account_adds_up(taken: list[tuple[int, int]], unacked: set[int], sent: int) -> None:
    ledger = Arrivals(STREAMS)
    for stream, sequence in taken:
        ledger.take(stream, sequence)
    open_ones = sorted(q for q in unacked if q < sent)
    publishers = np.arange(STREAMS)
    published = Published(publishers, np.full(STREAMS, sent), np.ones(STREAMS, np.bool_), {0: open_ones})
    account = settle(published, [Received(publishers, ledger.next_sequence, ledger.received, ledger.holes)])
    got = [{q for s, q in taken if s == stream} for stream in range(STREAMS)]
    assert account.expected == STREAMS * sent
    assert account.delivered == sum(map(len, got))
    assert account.unresolved == len(set(open_ones) - got[0])
    assert account.expected == account.delivered + account.lost + account.unresolved
    assert account.acked_lost == account.lost
