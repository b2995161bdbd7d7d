"""Frames on a connection between a conductor and a bee: four bytes of length, then the message.

Promises: a frame is read whole or not at all; a length beyond `LARGEST_FRAME` is refused before anything is stored.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final

LENGTH: Final = struct.Struct("!I")
LARGEST_FRAME: Final = 1 << 29
"""The account of ten million clients fits."""


class FrameError(Exception):
    """A length that no message has."""


def frame(message: bytes) -> bytes:
    """Return a message as a frame. Raises FrameError if it is too long."""
    if len(message) > LARGEST_FRAME:
        raise FrameError(f"a message of {len(message)} bytes")
    return LENGTH.pack(len(message)) + message


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Read one message. Raises FrameError, and IncompleteReadError or OSError when the connection ends."""
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > LARGEST_FRAME:
        raise FrameError(f"a message of {length} bytes")
    return await reader.readexactly(length)
