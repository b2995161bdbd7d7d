"""Frames: whole or not at all."""

from __future__ import annotations

import asyncio

import pytest

from malaria.swarm.run import frames
from malaria.swarm.run.frames import FrameError, frame, read_frame


def read_all(data: bytes) -> list[bytes]:
    """Return the messages in the data of a connection that has ended."""

    async def play() -> list[bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        messages: list[bytes] = []
        try:
            while True:
                messages.append(await read_frame(reader))
        except EOFError:
            return messages

    return asyncio.run(play())


def test_messages_come_out_as_they_went_in_and_a_cut_one_does_not() -> None:
    data = frame(b"one") + frame(b"") + frame(b"three")
    assert read_all(data) == [b"one", b"", b"three"]
    assert all(read_all(data[:cut]) == [b"one", b""] for cut in range(11, len(data)))


def test_a_length_that_no_message_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FrameError, match="4294967295 bytes"):
        read_all(b"\xff\xff\xff\xff")
    monkeypatch.setattr(frames, "LARGEST_FRAME", 2)
    with pytest.raises(FrameError):
        frame(b"one")
