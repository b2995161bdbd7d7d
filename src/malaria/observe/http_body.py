"""Reads the body of an HTTP response with a bound on its size and on the whole time it takes.

A socket timeout starts again with every byte: a server that sends one byte now and then could hold an observer for
hours.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Final

BODY_TIMEOUT_S: Final = 4.0
CHUNK_BYTES: Final = 1 << 16


def read_body(
    response: http.client.HTTPResponse, most_bytes: int, clock_s: Callable[[], float] = time.monotonic
) -> bytes:
    """Return up to `most_bytes` of the body.

    Raises OSError and http.client.HTTPException, also for a body that is cut short or too slow.
    """
    end_s = clock_s() + BODY_TIMEOUT_S
    parts: list[bytes] = []
    left = most_bytes
    while left and (part := response.read1(min(left, CHUNK_BYTES))):
        parts.append(part)
        left -= len(part)
        if clock_s() > end_s:
            raise TimeoutError(f"the response took longer than {BODY_TIMEOUT_S:g} s")
    # the server announced more than it sent
    if left and response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)
