"""Find PUBLISH frames in bytes that came in, and where packet id and payload lie in each. A hot module.

Frames of one shape (same first byte, lengths and topic length) are found by one comparison for all; others by a short
scan. Both protocols share this; they differ in what stands between packet id and payload, which a `Locate` knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from malaria.errors import MalformedPacket
from malaria.mqtt.codec import frame_length
from malaria.schedule.arrays import Ints
from malaria.transport.limits import LARGEST_FRAME

type Bytes = NDArray[np.uint8]
type Data = bytes | bytearray
type Places = tuple[int, int, int]
"""In one PUBLISH: where its packet id is (behind the topic; none is there at QoS 0); the end of the bytes behind it
that agree in frames of one shape; where its payload begins."""

QOS: Final = 0x06
RUN: Final = 8  # frames of one shape from which on the comparison pays


class Frames(NamedTuple):
    """Whole frames with the same first byte that follow one another."""

    payloads: Ints  # (n, 2): begin and end of each payload
    ids_at: Ints  # of the packet ids; empty at QoS 0
    taken: int  # bytes of all frames


type Locate = Callable[[Data, int, int], Places]
"""Finds the places in the frame data[start:end]. Raises MalformedPacket if they lie behind its end."""


def find_frames(data: Data, start: int, end: int, locate: Locate) -> Frames:
    """Find the whole frames from `start` on that begin with the same first byte; none if the first is not whole."""
    length = frame_length(data, start, end, LARGEST_FRAME)
    if length and (end - start) // length >= RUN:
        run = _find_run(data, start, end, length, locate)
        if run is not None:
            return run
    return _scan(data, start, end, locate)


def frames_alike(data: Data, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the whole frames begin and end that follow each other from `start` with the same first byte."""
    frames: list[tuple[int, int]] = []
    first, place = data[start], start
    # another QoS or RETAIN is answered or counted in another way, so it ends the run
    while place < end and data[place] == first:
        length = frame_length(data, place, end, LARGEST_FRAME)
        if not length:
            break
        frames.append((place, place + length))
        place += length
    return frames


def locate(data: Data, start: int, end: int) -> Places:
    """Find the places in a frame of MQTT 3.1.1: the payload follows the packet id."""
    topic_at = _topic_place(data, start)
    if topic_at + 2 <= end:
        id_at = topic_at + 2 + (data[topic_at] << 8 | data[topic_at + 1])
        payload_at = id_at + 2 if data[start] & QOS else id_at
        if payload_at <= end:
            return id_at, payload_at, payload_at
    raise MalformedPacket("topic longer than its PUBLISH", "MQTT-3.3.2-1")


def locate_5(data: Data, start: int, end: int) -> Places:
    """Find the places in a frame of MQTT 5: properties, and before them their length, follow the packet id."""
    topic_at = _topic_place(data, start)
    if topic_at + 2 <= end:
        id_at = topic_at + 2 + (data[topic_at] << 8 | data[topic_at + 1])
        place = id_at + 2 if data[start] & QOS else id_at
        if place < end:
            length = data[place]
            if length < 0x80:
                sized_to, payload_at = place + 1, place + 1 + length
            else:  # a length of two to four bytes: that many are compared, though some may be properties already
                sized_to, payload_at = place + 4, _behind_long(data, place, end)
            if payload_at <= end:
                return id_at, sized_to, payload_at
    raise MalformedPacket("topic or properties longer than their PUBLISH", "MQTT-3.3.2-1")


def _find_run(data: Data, start: int, end: int, length: int, locate: Locate) -> Frames | None:
    """Find frames of one length and one layout by one comparison; None if they are too few for it."""
    rows: Bytes = np.frombuffer(data, np.uint8, (end - start) // length * length, start).reshape(-1, length)
    id_at, sized_to, payload_at = locate(data, start, start + length)
    head = _topic_place(data, start) + 2 - start
    differ = (rows[:, :head] != rows[0, :head]).any(axis=1)
    with_id = bool(data[start] & QOS)
    sizes = slice(id_at + 2 * with_id - start, sized_to - start)
    if sizes.stop > sizes.start:
        differ |= (rows[:, sizes] != rows[0, sizes]).any(axis=1)
    other = np.flatnonzero(differ)
    count = int(other[0]) if len(other) else len(rows)
    if count < RUN:
        return None
    starts = np.arange(count) * length
    payloads = np.stack([starts + payload_at, starts + start + length], axis=1)
    return Frames(payloads, starts + id_at if with_id else starts[:0], count * length)


def _scan(data: Data, start: int, end: int, locate: Locate) -> Frames:
    """Find frames of any length, one after the other."""
    payloads: list[tuple[int, int]] = []
    ids_at: list[int] = []
    with_id = bool(data[start] & QOS)
    stop = start
    for place, stop in frames_alike(data, start, end):
        id_at, _, payload_at = locate(data, place, stop)
        payloads.append((payload_at, stop))
        if with_id:
            ids_at.append(id_at)
    return Frames(np.array(payloads, np.int64).reshape(-1, 2), np.array(ids_at, np.int64), stop - start)


def _topic_place(data: Data, start: int) -> int:
    """Return the place of the topic's length, behind the fixed header."""
    place = start + 1
    while data[place] & 0x80:
        place += 1
    return place + 1


def _behind_long(data: Data, place: int, end: int) -> int:
    """Return the place behind properties of 128 bytes or more, whose length is at `place`."""
    length = shift = 0
    for at in range(place, min(end, place + 4)):
        length |= (data[at] & 0x7F) << shift
        if data[at] < 0x80:
            return at + 1 + length
        shift += 7
    raise MalformedPacket("a variable byte integer of more than four bytes", "MQTT-1.5.5-1")
