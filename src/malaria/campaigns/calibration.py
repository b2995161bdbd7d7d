"""Measure what this machine can do just now: other programs may have most of it."""

from __future__ import annotations

import time
from typing import Final

LENGTH_S: Final = 1.0


def free_share(length_s: float = LENGTH_S) -> float:
    """Use a core for so long; return the share of it (0 to 1) that this process got."""
    began, used = time.perf_counter(), time.process_time()
    while (took := time.perf_counter() - began) < length_s:
        pass
    return min(1.0, (time.process_time() - used) / took)
