"""Many PUBLISH packets of one client in one buffer, one behind the other, for one send. A hot module.

The packets of a client have one length and differ in packet id, sequence and due time. A row of the buffer is one of
them, ready but for these fields: writing them costs 0.1 us a row one by one, or 1.2 us for any number as columns.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from malaria.schedule.arrays import Ints
from malaria.schedule.payload import HEADER_DTYPE

_FEWEST_ROWS: Final = 16
_FEW: Final = 8
"""Rows that are begun one by one in less time than by one array operation."""
_FIELDS: Final = tuple(HEADER_DTYPE.fields[name] for name in ("sequence", "due_ns"))  # type: ignore[index]
SEQUENCE_AT: Final = _FIELDS[0][1]
"""The place of the sequence in a payload's header."""


class PacketRows:
    """Rows for packets like `packet`, whose packet id is at `id_at` (None at QoS 0) and whose header is at `header_at`.

    `member` says whose packets they are. What the methods return is valid until the next call of one.
    """

    def __init__(self, packet: bytes, id_at: int | None, header_at: int) -> None:
        self.length = len(packet)
        self.member = -1
        self._packet = packet
        self._id_at = id_at
        self._header_at = header_at
        self._sequence_at = header_at + SEQUENCE_AT
        self._prefix = b""
        self._between = b""  # what stands between packet id and sequence
        self._begun = 0  # rows that begin with `_prefix`
        if id_at is not None:
            self._pack = struct.Struct(f">H{self._sequence_at - id_at - 2}sIQ").pack_into
        self._make_room(_FEWEST_ROWS)

    @property
    def size_bytes(self) -> int:
        return len(self._buffer)

    def turn_to(self, member: int, prefix: bytes) -> None:
        """Make the rows those of a member whose packets have this layout; up to the sequence they are `prefix`."""
        self.member = member
        self._prefix = prefix
        self._between = b"" if self._id_at is None else prefix[self._id_at + 2 :]
        self._begun = 0

    def fill(self, packet_ids: Sequence[int], sequence: int, due_ns: int) -> memoryview:
        """Return packets with these ids and consecutive sequences, all due at one time. Not for QoS 0."""
        count = len(packet_ids)
        if count > self._begun:
            self._begin(count)
        pack, buffer, between, length = self._pack, self._buffer, self._between, self.length
        assert self._id_at is not None
        at = self._id_at
        for packet_id in packet_ids:
            pack(buffer, at, packet_id, between, sequence, due_ns)
            sequence += 1
            at += length
        return self._view[: count * length]

    def fill_columns(self, packet_ids: Ints, sequence: int, dues_ns: Ints) -> memoryview:
        """Return packets with consecutive sequences. At QoS 0 `packet_ids` is not used."""
        count = len(dues_ns)
        if count > self._begun:
            self._begin(count)
        if self._id_at is not None:
            self._ids[:count] = packet_ids
        self._sequences[:count] = np.arange(sequence, sequence + count)
        self._dues_ns[:count] = dues_ns
        return self._view[: count * self.length]

    def _begin(self, count: int) -> None:
        """Write the member's own bytes into the first `count` rows."""
        if count * self.length > len(self._buffer):
            self._make_room(max(count, 2 * len(self._buffer) // self.length))
        if count - self._begun > _FEW:
            self._prefixes[self._begun : count] = np.frombuffer(self._prefix, np.uint8)
        else:
            for at in range(self._begun * self.length, count * self.length, self.length):
                self._buffer[at : at + self._sequence_at] = self._prefix
        self._begun = count

    def _make_room(self, count: int) -> None:
        self._buffer = bytearray(self._packet * count)
        self._begun = 0
        self._view = memoryview(self._buffer)
        bytes_of_rows = np.frombuffer(self._buffer, np.uint8).reshape(count, self.length)
        self._prefixes = bytes_of_rows[:, : self._sequence_at]
        self._ids = self._column(np.dtype(">u2"), self._id_at or 0)
        self._sequences, self._dues_ns = (self._column(kind, self._header_at + at) for kind, at, *_ in _FIELDS)

    def _column(self, kind: np.dtype[np.generic], at: int) -> Ints:
        """Return the field at `at` of all rows."""
        rows = np.frombuffer(
            self._buffer,
            np.dtype({"names": ["field"], "formats": [kind], "offsets": [at], "itemsize": self.length}),
        )
        column: Ints = rows["field"]
        return column
