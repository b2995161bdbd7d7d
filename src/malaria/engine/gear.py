"""What every part of a worker's engine works with: the state, the kernel, the way out, the counts, the time."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.clock import Clock
from malaria.engine.columns import Columns
from malaria.engine.meter import Meter
from malaria.engine.outbox import Outbox
from malaria.engine.poller import Poller

type Endpoint = tuple[int, tuple[str, int]]
"""(address family, (numeric host, port))"""


@dataclass(frozen=True, slots=True)
class Route:
    """Where clients connect to, and from which addresses (none: as the kernel likes). Both are taken in turn."""

    endpoints: tuple[Endpoint, ...]
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gear:
    """Made once per engine, handed to each part."""

    columns: Columns
    poller: Poller
    outbox: Outbox
    meter: Meter
    clock: Clock
