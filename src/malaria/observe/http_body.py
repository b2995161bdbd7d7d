"""Reads an HTTP response with a bound on its size, and on the whole time that its head and its body take.

A socket timeout starts again with every byte: a server that sends one byte now and then could hold an observer for
hours.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Timer
from typing import Final

BODY_TIMEOUT_S: Final = 4.0
CHUNK_BYTES: Final = 1 << 16


def read_head(connection: http.client.HTTPConnection, limit_s: float = BODY_TIMEOUT_S) -> http.client.HTTPResponse:
    """Return the response to the request that was sent, once its headers are read.

    Raises OSError and http.client.HTTPException, also for headers that take too long: then the connection is cut.
    """
    cut = Event()
    sock = connection.sock  # `getresponse` may take it away

    def end() -> None:
        cut.set()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = Timer(limit_s, end)
    timer.daemon = True
    timer.start()
    try:
        response = connection.getresponse()
    except (OSError, http.client.HTTPException):
        if cut.is_set():
            raise TimeoutError(f"the headers took longer than {limit_s:g} s") from None
        raise
    finally:
        timer.cancel()
    # headers that end with the connection look complete
    if cut.is_set():
        raise TimeoutError(f"the headers took longer than {limit_s:g} s")
    return response


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
