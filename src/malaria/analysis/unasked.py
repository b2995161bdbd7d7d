"""Notice a broker that floods its clients with packets that answer nothing."""

from __future__ import annotations

from typing import Final

from malaria.analysis.windows import total
from malaria.records.rows import Counter
from malaria.records.run import Run

FLOOD: Final = 1000
"""Packets; fewer can come from a reconnect, after which a broker may send again what was answered already."""


def unasked_packets(run: Run) -> int:
    """Return how many packets answered nothing; 0 unless they are a flood: many, and more than all others together."""
    stray = total(run.samples, Counter.STRAY_ACK)
    asked = total(run.samples, Counter.ACKED) + total(run.samples, Counter.ARRIVED)
    return stray if stray >= FLOOD and stray > asked else 0
