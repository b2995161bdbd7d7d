"""A connection to the live page that cannot take the descriptors which the run needs.

Promises: nobody, with or without a token, holds more than MOST_CONNECTIONS connections at once, nor one for longer than
two periods of HEAD_PATIENCE_S without a whole request. A run that has no descriptor left cannot write its report.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_CONNECTIONS: Final = 256
MOST_ANSWERED: Final = MOST_CONNECTIONS - 32
"""Those above get the answer 503; those above MOST_CONNECTIONS get none."""
HEAD_PATIENCE_S: Final = 10.0


class BoundedConnection(H11Protocol):
    """The protocol of uvicorn, with a bound on connections that ask nothing."""

    _timer: asyncio.TimerHandle | None = None
    _idle_after: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or end it at once if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._timer = self.loop.call_later(HEAD_PATIENCE_S, self._look)

    def _look(self) -> None:
        """End a connection that has had no whole request since the last look."""
        cycle = self.cycle
        if cycle is None or (cycle.response_complete and cycle is self._idle_after):
            self.transport.abort()
            return
        self._idle_after = cycle if cycle.response_complete else None
        self._wait_for_head()
