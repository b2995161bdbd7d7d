"""The clock of malaria. Pure code takes time as an argument; code that does I/O reads it here.

One clock for all workers of a host: CLOCK_MONOTONIC, in integer nanoseconds. It is never set back,
and it is the same in every process of one boot, so a due time written by one worker can be subtracted
from the arrival time seen by another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

type Clock = Callable[[], int]
"""Returns nanoseconds of a monotonic clock."""

now_ns: Final[Clock] = time.monotonic_ns
wall_ns: Final[Clock] = time.time_ns

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
