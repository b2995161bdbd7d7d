"""An event loop in a thread of its own, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

END_S: Final = 5.0


class LoopThread:
    """One event loop and its thread."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def wait[T](self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a coroutine on the loop and return its result. Raises TimeoutError when it takes longer."""
        call = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return call.result(timeout_s)
        except TimeoutError:
            call.cancel()
            raise

    def call_soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function on the loop, without waiting for it."""
        self.loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> None:
        """Stop the loop, if it was started, and close it."""
        if self.running:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(END_S)
        if not self.running and not self.loop.is_closed():
            self.loop.close()
