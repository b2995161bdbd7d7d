"""Hold what every part of a worker's engine works with: the state, the kernel, the way out, the counts, the time."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.clock import Clock
from malaria.engine.address_book import AddressBook
from malaria.engine.columns import Columns
from malaria.engine.meter import Meter
from malaria.engine.milestone_recorder import MilestoneRecorder
from malaria.engine.outbox import Outbox
from malaria.engine.platform import MakeSocket
from malaria.transport.poller import Poller


@dataclass(frozen=True, slots=True)
class EngineContext:
    """Made once per engine, handed to each part."""

    columns: Columns
    poller: Poller
    outbox: Outbox
    meter: Meter
    clock: Clock
    make_socket: MakeSocket
    milestones: MilestoneRecorder
    addresses: AddressBook
