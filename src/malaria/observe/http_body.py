"""The body of an HTTP answer, with a bound on its size and on the time that it takes.

A socket's timeout starts anew with each byte: who sends one now and then could hold an observer for hours.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 4.0
CHUNK_BYTES: Final = 1 << 16


def read_body(
    answer: http.client.HTTPResponse, most_bytes: int, clock_s: Callable[[], float] = time.monotonic
) -> bytes:
    """Up to `most_bytes`. Raises OSError and http.client.HTTPException, for one cut short or too slow as well."""
    end_s = clock_s() + PATIENCE_S
    parts: list[bytes] = []
    left = most_bytes
    while left and (part := answer.read1(min(left, CHUNK_BYTES))):
        parts.append(part)
        left -= len(part)
        if clock_s() > end_s:
            raise TimeoutError(f"its answer took longer than {PATIENCE_S:g} s")
    if left and answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return b"".join(parts)
