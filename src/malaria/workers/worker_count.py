"""Choose the number of worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable


def default_workers(clients: int) -> int:
    """Return one worker for each usable core, but not more than clients."""
    # the cores that this process may use, which a container or taskset limits
    return max(1, min(os.process_cpu_count() or 1, clients))


def workers_for(stated: int | None) -> Callable[[int], int]:
    """Return a function that gives the number of workers for a number of clients."""
    return lambda clients: stated or default_workers(clients)
