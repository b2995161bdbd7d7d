"""A thread that does for an attack what may be slow: write a line, push figures, post a mark.

Promises: `put` never waits; what finds the queue full is dropped and counted; `close` waits for a limited time. A call
that raises ends the sink and nothing else. The thread is a daemon: if it hangs, the command ends all the same.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from threading import Thread
from typing import Final

MOST_WAITING: Final = 10_000
CLOSE_S: Final = 2.0


class BackgroundSink:
    """Calls that are made one after the other on a thread of their own. One owner puts and closes."""

    def __init__(self, name: str, most_waiting: int = MOST_WAITING) -> None:
        self.dropped = 0
        self.failure: Exception | None = None
        self._calls: queue.Queue[Callable[[], object]] = queue.Queue(most_waiting)
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, call: Callable[[], object]) -> None:
        """Let the thread make this call when it is free. It is dropped if too many wait, or the sink is closed.

        Raises what ended the sink, if a call before this one failed.
        """
        if self.failure is not None:
            raise self.failure
        try:
            self._calls.put_nowait(call)
        except (queue.Full, queue.ShutDown):
            self.dropped += 1

    def close(self, wait_s: float | None = None) -> bool:
        """Take nothing more, and wait for what was put (CLOSE_S). Return whether all of it was done in time."""
        self._calls.shutdown()
        self._thread.join(CLOSE_S if wait_s is None else wait_s)
        done = not self._thread.is_alive()
        if not done or self.failure is not None:
            self.dropped += self._calls.qsize()
        return done and not self.dropped

    def _work(self) -> None:
        try:
            while True:
                self._calls.get()()
        except queue.ShutDown:
            return
        except Exception as error:  # whatever is wrong with an output, the load goes on
            self.failure = error
            self._calls.shutdown()
