"""States of one load as those who follow it get them: 3,000 clients that publish 500 messages a second for 10 min."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from malaria.clock import NS_PER_S
from malaria.records.rows import Gauge, LastSecond, Progress, RunPhase

START_NS: Final = 3_400_000_000
TITLE: Final = "malaria attack mqtt://broker:1883 · 3,000 clients + 1 subscriber · 500 B · QoS 1 · every 6 s · 10 min"
COUNTS: Final = {"due": 500, "sent": 500, "acked": 498, "delivered": 498, "arrived": 498}
LATENCY: Final = {"p50": 1.2, "p99": 4.8, "max": 38.0}
ALL_LATENCIES: Final = {name: LATENCY for name in ("ack", "end_to_end", "connect", "own_lag")}


def second_at(at_ns: int, per_s: dict[str, int] = COUNTS) -> LastSecond:
    """The second that ends at `at_ns`."""
    return LastSecond(at_ns - NS_PER_S, at_ns, RunPhase.MEASURE, per_s)


def state(at_s: float, **change: Any) -> Progress:
    """The state `at_s` seconds after the start of the load."""
    at_ns = START_NS + round(at_s * NS_PER_S)
    running = Progress(
        at_ns,
        RunPhase.MEASURE,
        round(at_s * NS_PER_S),
        600 * NS_PER_S,
        3000,
        500.0,
        totals={name: round(count * max(0, at_s)) for name, count in COUNTS.items()},
        gauges={Gauge.CLIENTS_READY: 3000, Gauge.INFLIGHT: 12, Gauge.HELD: 0, Gauge.RSS_BYTES: 84_000_000},
        second=second_at(at_ns),
        latency_ms=ALL_LATENCIES,
        second_latency_ms={"ack": LATENCY, "end_to_end": LATENCY, "own_lag": {"p50": 0.1, "p99": 0.9, "max": 2.2}},
        load_start_ns=START_NS,
    )
    return replace(running, **change)
