"""Streams that cannot take bytes back: every byte arrives once and in order, and none is called taken too early."""

from __future__ import annotations

import socket
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malaria.transport.stream import Stream


class Narrow:
    """A lower layer that takes as many bytes as the plan says, and then all."""

    def __init__(self, plan: Iterable[int]) -> None:
        self.plan = list(plan)
        self.taken = bytearray()

    def send(self, data: bytes | bytearray | memoryview, /) -> int:
        count = min(self.plan.pop(0), len(data)) if self.plan else len(data)
        if not count:
            raise BlockingIOError
        self.taken += data[:count]
        return count

    def recv_into(self, view: memoryview, /) -> int:
        raise BlockingIOError

    def fileno(self) -> int:
        return 7


class Doubling(Stream):
    """Turns each byte into two, so that what is turned and what was given differ in length."""

    __slots__ = ()

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        turned = bytes(byte for byte in bytes(data) for _ in range(2))
        taken = self._lower.send(turned)
        if taken == len(turned):
            return len(data)
        self._keep(turned[taken:])
        return len(data) - 1

    def recv_into(self, view: memoryview, /) -> int:
        return self._lower.recv_into(view)


def offer_all(stream: Stream, data: bytes) -> list[int]:
    """As the outbox does: offers what is left until all is taken; returns what each call said."""
    said = []
    while data:
        try:
            taken = stream.send(data)
        except BlockingIOError:
            taken = 0
        said.append(taken)
        data = data[taken:]
    return said


@given(st.lists(st.binary(min_size=2, max_size=40), max_size=8), st.lists(st.integers(0, 30), max_size=60))
def test_every_byte_arrives_once_and_in_order(messages: list[bytes], plan: list[int]) -> None:
    lower = Narrow(plan)
    stream = Doubling(lower)
    for message in messages:
        assert sum(offer_all(stream, message)) == len(message)
    assert bytes(lower.taken) == bytes(byte for message in messages for byte in message for _ in range(2))


def test_the_last_byte_is_taken_when_the_rest_has_left() -> None:
    lower = Narrow([3, 0, 2])
    stream = Doubling(lower)
    assert stream.send(b"abcd") == 3  # the last byte is owed while five of eight are on their way
    with pytest.raises(BlockingIOError):
        stream.send(b"d")
    with pytest.raises(BlockingIOError):
        stream.send(b"d")
    assert bytes(lower.taken) == b"aabbc"
    assert stream.send(b"d") == 1
    assert bytes(lower.taken) == b"aabbccdd"


def test_what_is_appended_behind_the_owed_byte_is_sent_after_it() -> None:
    lower = Narrow([1])
    stream = Doubling(lower)
    assert stream.send(b"ab") == 1
    assert stream.send(b"bXY") == 3
    assert bytes(lower.taken) == b"aabbXXYY"


def test_a_socket_is_a_lower_layer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert Doubling(ours).send(b"ab") == 2
        assert theirs.recv(10) == b"aabb"
