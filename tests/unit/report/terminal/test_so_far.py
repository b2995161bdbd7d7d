"""The word on a running attack: on target, or what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from malaria.clock import NS_PER_S
from malaria.records.rows import BeeStanding, Progress, RunPhase
from malaria.report.terminal.so_far import BAD, DOUBTFUL, GOOD, so_far

RUNNING = Progress(
    at_ns=20 * NS_PER_S,
    phase=RunPhase.MEASURE,
    phase_done=12 * NS_PER_S,
    phase_total=60 * NS_PER_S,
    clients_planned=3000,
    due_per_s=500.0,
    totals={"due": 6000, "sent": 6000, "acked": 5990},
)

MIXED: Final = {"totals": {"due": 6000, "sent": 6000, "acked": 2600}, "acknowledged": False}
"""A part of the load is at QoS 0, and nobody answers it."""


@pytest.mark.parametrize(
    ("change", "words", "style"),
    [
        ({}, "so far: on target", GOOD),
        ({"totals": {"due": 6000, "sent": 6000, "acked": 5000}}, "so far: behind: acked 83 % of 6,000 due", BAD),
        ({"totals": {"due": 6000, "sent": 5000}}, "so far: behind: sent 83 % of 6,000 due", BAD),
        ({"totals": {"due": 6000, "sent": 5600, "acked": 5600}}, "so far: on target", GOOD),
        ({"totals": {"due": 6000, "sent": 6000, "acked": 5000, "dropped": 1}}, "so far: 1 connection lost", BAD),
        ({"second_latency_ms": {"own_lag": {"p99": 18.0}}}, "so far: this machine is late: 18 ms (p99)", DOUBTFUL),
        ({"totals": {"due": 6000, "sent": 6000, "acked": 6000, "refused": 3}}, "so far: 3 connects refused", DOUBTFUL),
        ({"bees": (BeeStanding("bee-2", 0, None, None, None, lost=True),)}, "so far: bee-2 lost", BAD),
        (MIXED, "so far: on target", GOOD),
        (MIXED | {"gauges": {"inflight": 3000}}, "so far: behind: done 50 % of 6,000 due", BAD),
        ({"due_per_s": None}, "so far: as fast as the broker answers", GOOD),
        ({"phase": RunPhase.DRAIN}, "", ""),
        ({"phase": RunPhase.CONNECT, "totals": {}}, "", ""),
    ],
)
def test_the_worst_is_said_first(change: dict[str, object], words: str, style: str) -> None:
    assert so_far(replace(RUNNING, **change)) == (words, style)  # type: ignore[arg-type]
