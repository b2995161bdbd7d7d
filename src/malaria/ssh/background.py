"""An event loop in a thread of its own, for synchronous code that uses ssh: observers and brokers.

The thread starts with the first call and ends with the process. Connections that are open then just break, and the
other host ends what they held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any

_lock = Lock()
_loop: asyncio.AbstractEventLoop | None = None


def submit[T](work: Coroutine[Any, Any, T]) -> Future[T]:
    """Run a coroutine in the background and return its future."""
    return asyncio.run_coroutine_threadsafe(work, _running_loop())


def wait_for[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the background and wait for its result; it has to bound its own time."""
    future = submit(work)
    try:
        return future.result()
    except BaseException:  # a Ctrl-C as well: the result would never be fetched
        future.cancel()
        raise


def call(action: Callable[[], object]) -> None:
    """Call a function on the background thread and do not wait for it."""
    _running_loop().call_soon_threadsafe(action)


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            Thread(target=_loop.run_forever, name="ssh", daemon=True).start()
        return _loop
