"""The account of deliveries: which message of which publisher arrived, once, twice, late, or never.

A *stream* is one pair (subscribing client, publisher whose topic its filters match). A publisher numbers its
messages 0, 1, 2, … in the order in which it first sends them, so what a stream should have received is known
exactly at the end, without a copy of any message: everything below the publisher's count.

Promises: exact however messages are lost, repeated or reordered; memory grows with the number of holes, not with the
number of messages; the usual case (next in order) is handled for a whole burst at once and costs well under 0.2 us a
message. Does not know topics, clients or time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from malaria.schedule.arrays import Ints

type Range = tuple[int, int]
"""Half open: (first, end)."""
REPEATS_KEPT: Final = 1 << 16


class Arrivals:
    """The arrivals on each stream of one worker. One owner, no locking.

    `copies` has the streams of which a message may arrive several times, and how many times. What is remembered of such
    repeats is bounded: one that comes after REPEATS_KEPT repeats of other messages is allowed again.
    """

    def __init__(self, streams: int, copies: Mapping[int, int] | None = None) -> None:
        self.next_sequence = np.zeros(streams, np.int64)  # one past the highest that arrived
        self.received = np.zeros(streams, np.int64)  # distinct messages
        self.duplicated = 0
        self.overlapping = 0  # repeats that `copies` allow
        self.reordered = 0
        self._next_at = memoryview(self.next_sequence)
        self._received_at = memoryview(self.received)
        self._holes: dict[int, list[Range]] = {}  # below next_sequence, ascending
        self._copies = copies or {}
        self._repeats: dict[tuple[int, int], int] = {}  # (stream, sequence) -> how often, of the streams in `copies`

    def take(self, stream: int, sequence: int) -> bool:
        """Enter one arrival; return True when it is the first of its message."""
        expected = self._next_at[stream]
        if sequence < expected:
            return self._take_late(stream, sequence)
        if sequence > expected:
            self._holes.setdefault(stream, []).append((expected, sequence))
        self._next_at[stream] = sequence + 1
        self._received_at[stream] += 1
        return True

    def take_many(self, streams: Ints, sequences: Ints) -> NDArray[np.bool_] | None:
        """Enter a burst in the order of arrival; return which were first arrivals, or None when all were."""
        order = np.argsort(streams, kind="stable")
        stream, sequence = streams[order], sequences[order]
        begins = np.empty(len(stream), np.bool_)
        begins[0] = True
        np.not_equal(stream[1:], stream[:-1], out=begins[1:])
        expected = np.empty_like(sequence)
        expected[1:] = sequence[:-1] + 1
        expected[begins] = self.next_sequence[stream[begins]]
        if not np.array_equal(sequence, expected):
            return self._take_one_by_one(streams, sequences)
        ends = np.append(begins[1:], True)
        last = stream[ends]
        counted = sequence[ends] + 1
        self.received[last] += counted - self.next_sequence[last]
        self.next_sequence[last] = counted
        return None

    def missing(self, stream: int) -> Sequence[Range]:
        """Return the holes below the highest sequence that arrived."""
        return self._holes.get(stream, ())

    @property
    def holes(self) -> Mapping[int, Sequence[Range]]:
        """The holes of all streams that have any."""
        return self._holes

    def _take_one_by_one(self, streams: Ints, sequences: Ints) -> NDArray[np.bool_] | None:
        first = [self.take(s, q) for s, q in zip(streams.tolist(), sequences.tolist(), strict=True)]
        return None if all(first) else np.array(first, np.bool_)

    def _repeat(self, stream: int, sequence: int) -> None:
        """Count an arrival of a message that had arrived before."""
        most = self._copies.get(stream, 1)
        seen = self._repeats.pop((stream, sequence), 0) + 1 if most > 1 else 1
        if seen >= most:
            self.duplicated += 1
        else:
            self.overlapping += 1
        if most > 1:
            self._repeats[stream, sequence] = seen
            if len(self._repeats) > REPEATS_KEPT:
                del self._repeats[next(iter(self._repeats))]

    def _take_late(self, stream: int, sequence: int) -> bool:
        """Enter an arrival below the highest: it fills a hole (reordered) or comes again (duplicated)."""
        holes = self._holes.get(stream, [])
        place = bisect_right(holes, sequence, key=lambda hole: hole[0]) - 1
        if place < 0 or sequence >= holes[place][1]:
            self._repeat(stream, sequence)
            return False
        begin, end = holes[place]
        holes[place : place + 1] = [part for part in ((begin, sequence), (sequence + 1, end)) if part[0] < part[1]]
        if not holes:
            del self._holes[stream]
        self.reordered += 1
        self._received_at[stream] += 1
        return True


@dataclass(frozen=True, slots=True)
class Published:
    """The messages that publishers sent: `sent[i]` by `publisher[i]`, and which were never acknowledged.

    `acknowledged[i]` says whether the publisher asks for acknowledgements at all (QoS 1 and 2).
    `unacked` maps a publisher to the sequences whose fate is open when the drain ended: no acknowledgement came, or
    (QoS 0) the connection broke before the last byte was handed over.
    """

    publisher: Ints
    sent: Ints
    acknowledged: NDArray[np.bool_]
    unacked: Mapping[int, Sequence[int]]
    explained: int = 0  # of `unacked`, those that the broker refused or that were too large for it
    cut_off: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Of `unacked`, those under way when we broke their connection on purpose: nothing is expected of them."""


@dataclass(frozen=True, slots=True)
class Received:
    """The arrivals of streams as parallel columns, and the holes below `next_sequence` by row.

    `shared` has (first row, rows) of each shared subscription by its filter: its members in other workers have the same
    streams, and each message goes to one of them. `subscriber[i]` is the number of the client that should receive, of
    one member of a shared subscription; None where nobody asks who lost.
    """

    publisher: Ints
    next_sequence: Ints
    received: Ints
    holes: Mapping[int, Sequence[Range]]
    shared: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    subscriber: Ints | None = None


@dataclass(frozen=True, slots=True)
class SubscriberLosses:
    """Parallel columns, one row for each subscriber by its number. `acked_lost` is a part of `lost`."""

    subscriber: Ints
    expected: Ints
    lost: Ints
    acked_lost: Ints


@dataclass(frozen=True, slots=True)
class Deliveries:
    """`expected = delivered + lost + unresolved`; `acked_lost` is a part of `lost`.

    `never_sent` arrivals had the header of a message that no client had sent. They are in no other figure.
    `unheard_publishers` had messages acknowledged, and none of their messages arrived anywhere; `unheard_lost` is their
    part of `acked_lost`. `cut_off` deliveries did not arrive and are not expected, because we had broken the connection
    of the message. `by_subscriber` says who lost; None if nothing was lost.
    """

    expected: int
    delivered: int
    lost: int
    acked_lost: int
    unresolved: int
    never_sent: int = 0
    unheard_publishers: int = 0
    unheard_lost: int = 0
    cut_off: int = 0
    by_subscriber: SubscriberLosses | None = field(default=None, compare=False)


def join_published(parts: Sequence[Published]) -> Published:
    """Return the publishers of several workers as one."""
    unacked: dict[int, Sequence[int]] = {}
    cut_off: dict[int, Sequence[int]] = {}
    for part in parts:
        unacked.update(part.unacked)
        cut_off.update(part.cut_off)
    return Published(
        publisher=_concatenate([p.publisher for p in parts]),
        sent=_concatenate([p.sent for p in parts]),
        acknowledged=np.concatenate([p.acknowledged for p in parts]) if parts else np.zeros(0, np.bool_),
        unacked=unacked,
        cut_off=cut_off,
    )


def join_received(parts: Sequence[Received]) -> list[Received]:
    """Return the streams of several workers. Those of a shared subscription that several workers have become one."""
    holders: dict[str, list[Received]] = {}
    for part in parts:
        for filter_ in part.shared:
            holders.setdefault(filter_, []).append(part)
    common = {filter_: sharers for filter_, sharers in holders.items() if len(sharers) > 1}
    if not common:
        return list(parts)
    alone = [_without(part, [rows for filter_, rows in part.shared.items() if filter_ in common]) for part in parts]
    return alone + [
        _joined([_rows(part, *part.shared[filter_]) for part in sharers]) for filter_, sharers in common.items()
    ]


def without_rows(part: Received, rows: Ints, unused: Ints | None = None) -> Received:
    """Return the streams without some rows. A shared subscription of which one is left out is left out whole.

    Those that are `unused`, on which nothing was ever sent, may be left out of one.
    """
    keep = np.setdiff1d(np.arange(len(part.publisher)), rows)
    missed = rows if unused is None else np.setdiff1d(rows, unused)
    shared: dict[str, tuple[int, int]] = {}
    for filter_, (first, count) in part.shared.items():
        if not np.isin(np.arange(first, first + count), missed).any():
            begin, end = np.searchsorted(keep, (first, first + count)).tolist()
            shared[filter_] = begin, end - begin
    return replace(_chosen(part, keep), shared=shared)


def _without(part: Received, spans: Sequence[tuple[int, int]]) -> Received:
    keep = np.ones(len(part.publisher), np.bool_)
    for first, count in spans:
        keep[first : first + count] = False
    return _chosen(part, np.flatnonzero(keep))


def _rows(part: Received, first: int, count: int) -> Received:
    return _chosen(part, np.arange(first, first + count))


def _chosen(part: Received, rows: Ints) -> Received:
    holes = {new: part.holes[old] for new, old in enumerate(rows.tolist()) if old in part.holes}
    subscriber = None if part.subscriber is None else part.subscriber[rows]
    return Received(part.publisher[rows], part.next_sequence[rows], part.received[rows], holes, subscriber=subscriber)


def _joined(parts: Sequence[Received]) -> Received:
    """Return parts with the same streams as one: what arrived at any of them."""
    ends: Ints = np.stack([part.next_sequence for part in parts]).max(axis=0)
    holes: dict[int, Sequence[Range]] = {}
    received = ends.copy()
    for row, end in enumerate(ends.tolist()):
        missing: Sequence[Range] = [(0, end)]
        for part in parts:
            missing = _overlap(missing, [*part.holes.get(row, ()), (int(part.next_sequence[row]), end)])
        if missing:
            holes[row] = missing
            received[row] -= sum(last - first for first, last in missing)
    return Received(parts[0].publisher, ends, received, holes, subscriber=parts[0].subscriber)


def _overlap(one: Sequence[Range], other: Sequence[Range]) -> list[Range]:
    """Return what lies in both; each is ascending, and so is the result."""
    found: list[Range] = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first < last:
            found.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def settle(published: Published, parts: Sequence[Received]) -> Deliveries:
    """Compare what was received with what was sent. Every publisher of a stream must be in `published`.

    Raises KeyError when a stream names a publisher that is missing: then nothing is known.
    """
    order = np.argsort(published.publisher)
    known = published.publisher[order]
    totals = Deliveries(0, 0, 0, 0, 0)
    unheard, losers = _Unheard(published), _Losers()
    for part in parts:
        place = np.searchsorted(known, part.publisher)
        place = np.minimum(place, max(len(known) - 1, 0))
        if len(part.publisher) and (not len(known) or not np.array_equal(known[place], part.publisher)):
            raise KeyError("a stream names a publisher without an account")
        rows = order[place]
        totals = _add(totals, _settle_part(published, part, rows, (unheard, losers)))
    publishers, lost = unheard.totals()
    found = losers.totals() if totals.lost else None
    return replace(totals, unheard_publishers=publishers, unheard_lost=lost, by_subscriber=found)


class _Unheard:
    """Adds up what was delivered and lost of each publisher, over all streams."""

    def __init__(self, published: Published) -> None:
        self._delivered = np.zeros(len(published.publisher), np.int64)
        self._lost = np.zeros(len(published.publisher), np.int64)

    def add(self, rows: NDArray[np.intp], delivered: Ints, lost: Ints) -> None:
        np.add.at(self._delivered, rows, delivered)
        np.add.at(self._lost, rows, lost)

    def totals(self) -> tuple[int, int]:
        """Return how many publishers lost everything, and how many deliveries that are."""
        unheard = (self._delivered == 0) & (self._lost > 0)
        return int(unheard.sum()), int(self._lost[unheard].sum())


class _Losers:
    """Keeps what was expected and lost on each stream, and adds it up by subscriber."""

    def __init__(self) -> None:
        self._columns: list[tuple[Ints, Ints, Ints, Ints]] = []

    def add(self, subscriber: Ints | None, expected: Ints, lost: Ints, acked_lost: Ints) -> None:
        if subscriber is not None:
            self._columns.append((subscriber, expected, lost, acked_lost))

    def totals(self) -> SubscriberLosses | None:
        """Return the sums; None if it is not known whose streams they are."""
        if not self._columns:
            return None
        subscriber, *columns = (np.concatenate(column) for column in zip(*self._columns, strict=True))
        numbers, place = np.unique(subscriber, return_inverse=True)
        sums: list[Ints] = [np.zeros(len(numbers), np.int64) for _ in columns]
        for total, column in zip(sums, columns, strict=True):
            np.add.at(total, place, column)
        return SubscriberLosses(numbers, *sums)


def _settle_part(
    published: Published, part: Received, rows: NDArray[np.intp], sinks: tuple[_Unheard, _Losers]
) -> Deliveries:
    sent = published.sent[rows]
    never_sent = _never_sent(part, sent)
    received = part.received - never_sent
    missing = sent - received
    unacked, cut_off = np.zeros_like(missing), np.zeros_like(missing)
    if published.unacked:
        for row in np.flatnonzero(missing > 0).tolist():
            unacked[row] = _missing_of(published.unacked, part, row)
            cut_off[row] = _missing_of(published.cut_off, part, row)
    lost = missing - unacked
    sent = sent - cut_off
    acked_lost = np.where(published.acknowledged[rows], lost, 0)
    unheard, losers = sinks
    unheard.add(rows, received, acked_lost)
    losers.add(part.subscriber, sent, lost, acked_lost)
    return Deliveries(
        expected=int(sent.sum()),
        delivered=int(received.sum()),
        lost=int(lost.sum()),
        acked_lost=int(acked_lost.sum()),
        unresolved=int(unacked.sum() - cut_off.sum()),
        never_sent=int(never_sent.sum()),
        cut_off=int(cut_off.sum()),
    )


def _never_sent(part: Received, sent: Ints) -> Ints:
    """Count, for each stream, the arrivals whose sequence no client had sent: a broker that forges payloads."""
    beyond: Ints = np.maximum(part.next_sequence - sent, 0)
    for row in np.flatnonzero(beyond).tolist():
        first = int(sent[row])
        beyond[row] -= sum(max(0, end - max(begin, first)) for begin, end in part.holes.get(row, ()))
    return beyond


def _missing_of(messages: Mapping[int, Sequence[int]], part: Received, row: int) -> int:
    """Count those of some messages, by publisher, that are missing on this stream."""
    sequences = messages.get(int(part.publisher[row]), ())
    beyond = int(part.next_sequence[row])
    holes = part.holes.get(row, ())
    return sum(1 for q in sequences if q >= beyond or any(begin <= q < end for begin, end in holes))


def _add(a: Deliveries, b: Deliveries) -> Deliveries:
    return Deliveries(
        a.expected + b.expected,
        a.delivered + b.delivered,
        a.lost + b.lost,
        a.acked_lost + b.acked_lost,
        a.unresolved + b.unresolved,
        a.never_sent + b.never_sent,
        cut_off=a.cut_off + b.cut_off,
    )


def _concatenate(columns: list[Ints]) -> Ints:
    return np.concatenate(columns) if columns else np.zeros(0, np.int64)
