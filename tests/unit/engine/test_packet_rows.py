"""Rows of packets are the packets that are built one by one, whoever had the rows before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from malaria.engine.packet_rows import SEQUENCE_AT, PacketRows
from malaria.schedule.payload import HEADER

HEADS = [b"\x32\x30\x00\x03a/0", b"\x32\x30\x00\x03a/1"]
FILLER = b"filling"


def packet(member: int, packet_id: int, sequence: int, due_ns: int, *, with_id: bool = True) -> bytes:
    of_packet = packet_id.to_bytes(2) if with_id else b""
    return HEADS[member] + of_packet + HEADER.pack(0xA17A, 7, member, sequence, due_ns) + FILLER


def rows_for(member: int, *, with_id: bool = True) -> PacketRows:
    first = packet(member, 0, 0, 0, with_id=with_id)
    at = len(HEADS[0])
    rows = PacketRows(first, at if with_id else None, at + 2 * with_id)
    rows.turn_to(member, first[: at + 2 * with_id + SEQUENCE_AT])
    return rows


def expected(member: int, ids: Sequence[int], sequence: int, dues_ns: Sequence[int]) -> bytes:
    return b"".join(packet(member, i, sequence + n, due) for n, (i, due) in enumerate(zip(ids, dues_ns, strict=True)))


@pytest.mark.parametrize("count", [1, 3, 16, 17, 100, 5])
def test_one_by_one_and_as_columns(count: int) -> None:
    rows, ids, dues_ns = rows_for(0), [*range(60_000, 60_000 + count)], [*range(77, 77 + count)]
    assert bytes(rows.fill(ids, 5, 77)) == expected(0, ids, 5, [77] * count)
    assert bytes(rows.fill_columns(np.array(ids), 900, np.array(dues_ns))) == expected(0, ids, 900, dues_ns)


def test_members_take_turns() -> None:
    rows = rows_for(0)
    for member, count in ((0, 4), (1, 2), (0, 3), (1, 20), (0, 20)):
        if rows.member != member:
            rows.turn_to(member, packet(member, 0, 0, 0)[: len(HEADS[0]) + 2 + SEQUENCE_AT])
        assert bytes(rows.fill(range(1, count + 1), 9, 8)) == expected(member, range(1, count + 1), 9, [8] * count)


def test_rows_without_packet_ids() -> None:
    rows = rows_for(1, with_id=False)
    sent = bytes(rows.fill_columns(np.zeros(3, np.int64), 4, np.array([6, 7, 8])))
    assert sent == b"".join(packet(1, 0, 4 + n, 6 + n, with_id=False) for n in range(3))
