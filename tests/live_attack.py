"""An attack as its followers see it, made of a few rows, for tests of what follows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.histogram import Histogram
from malaria.records.rows import Event, EventKind, Metric, Observation, Progress, RunPhase, Sample
from malaria.records.run_meta import RunMeta

EPOCH_WALL_NS = 1_796_000_000 * NS_PER_S
LATENCIES_MS = {Metric.ACK: (0.1, 0.3, 1.0, 7.0), Metric.CONNECT: (2.0,)}


@dataclass
class StagedAttack:
    """What followers get to know first; `notes` has what they noted."""

    directory: Path
    facts: RunMeta = field(
        default_factory=lambda: RunMeta(
            target="mqtt://127.0.0.1:1883", epoch_wall_ns=EPOCH_WALL_NS, clients_planned=50, malaria_version="1.2"
        )
    )
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)


def packed(values_ms: Sequence[float]) -> bytes:
    histogram = Histogram()
    histogram.record_many(np.array([round(value * NS_PER_MS) for value in values_ms], np.int64))
    return histogram.to_bytes()


def sample(second: int, worker: str = "1", cpu_ms: int = 0) -> Sample:
    histograms = {metric.value: packed(values) for metric, values in LATENCIES_MS.items()}
    gauges = {"cpu_ns": cpu_ms * NS_PER_MS}
    phase = RunPhase.MEASURE
    return Sample(worker, (second - 1) * NS_PER_S, second * NS_PER_S, phase, {"sent": 200}, gauges, histograms)


def progress(at_s: float, **changes: Any) -> Progress:
    known: dict[str, Any] = {
        "totals": {"due": 210, "sent": 200, "bytes_sent": 5000},
        "gauges": {"clients_ready": 50, "clients_connected": 50},
        "load_start_ns": NS_PER_S,
    }
    frame = {"phase": RunPhase.MEASURE, "phase_done": 1, "phase_total": 2, "clients_planned": 50, "due_per_s": 200.0}
    return Progress(round(at_s * NS_PER_S), **(frame | known | changes))


def play(follower: Any, attack: StagedAttack, seconds: int = 2, failure: str = "") -> None:
    """Play an attack of some seconds with two workers to its end; its summary is there before the end is told."""
    follower.begin(attack)
    follower.event(Event(NS_PER_S, EventKind.PHASE, "measure"))
    follower.observation(Observation("process", NS_PER_S, {"cpu_percent": 71.5}))
    for second in range(1, seconds + 1):
        follower.sample(sample(second, "1", 100 * second))
        follower.sample(sample(second, "2", 300 * second))
        follower.progress(progress(second + 0.1, totals={"sent": 400 * second, "due": 410 * second}))
    summary = {
        "verdict": {"outcome": "PASS", "reasons": []},
        "headline": "as it should be",
        "messages": {"lost": 3, "acked_lost": None},
        "episodes": [{"kind": "stall", "at_s": 0.5, "length_s": 1.5, "text": "the broker stood still"}],
    }
    attack.directory.mkdir(parents=True, exist_ok=True)
    (attack.directory / "summary.json").write_text(json.dumps(summary))
    follower.end(failure)
