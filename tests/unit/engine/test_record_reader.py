"""Several records of a stream in one read, and an end that comes behind them."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from malaria.engine.record_reader import MOST_RECORDS, RecordReader
from malaria.transport.failures import CLOSED
from malaria.transport.stream import RefusedError

ROOM = 1 << 18


def stream(*steps: bytes | OSError) -> Callable[[memoryview], int]:
    left = list(steps)

    def receive(view: memoryview) -> int:
        step = left.pop(0) if left else ssl.SSLWantReadError()
        if isinstance(step, OSError):
            raise step
        view[: len(step)] = step
        return len(step)

    return receive


def test_all_that_has_come_is_read() -> None:
    ends: list[str] = []
    view = bytearray(ROOM)
    reader = RecordReader(stream(b"ab", b"c", b"def"), ends.append)
    assert reader.recv_into(memoryview(view)) == 6
    assert view[:6] == b"abcdef"
    assert ends == []
    with pytest.raises(ssl.SSLWantReadError):
        reader.recv_into(memoryview(view))


@pytest.mark.parametrize(
    ("end", "reason"), [(b"", CLOSED), (RefusedError("said no"), "said no"), (ssl.SSLEOFError(), CLOSED)]
)
def test_an_end_behind_data_is_told_and_the_data_kept(end: bytes | OSError, reason: str) -> None:
    ends: list[str] = []
    reader = RecordReader(stream(b"ab", end), ends.append)
    assert reader.recv_into(memoryview(bytearray(ROOM))) == 2
    assert ends == [reason]


def test_an_end_without_data_is_as_of_the_stream() -> None:
    ends: list[str] = []
    assert RecordReader(stream(b""), ends.append).recv_into(memoryview(bytearray(ROOM))) == 0
    with pytest.raises(RefusedError):
        RecordReader(stream(RefusedError("no")), ends.append).recv_into(memoryview(bytearray(ROOM)))
    assert ends == []


def test_a_read_is_bounded() -> None:
    reader = RecordReader(stream(*[b"a"] * 50), print)
    assert reader.recv_into(memoryview(bytearray(ROOM))) == MOST_RECORDS


def test_a_record_that_might_not_fit_waits() -> None:
    reader = RecordReader(stream(b"a" * 10, b"b"), print)
    assert reader.recv_into(memoryview(bytearray(20))) == 10
