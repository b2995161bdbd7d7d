"""One attack by the tool as it is (one worker process), and what that worker's own records say it cost."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import Counter, Gauge, RunPhase, Sample


@dataclass(frozen=True, slots=True)
class Cost:
    """What the worker did in the measured time, without its first second."""

    messages: int
    seconds: float
    cpu_s: float
    outcome: AttackOutcome

    @property
    def cpu_us_per_message(self) -> float:
        return self.cpu_s / self.messages * 1e6

    @property
    def bytes_grown(self) -> int:
        """How much the worker's resident memory has grown while clients connected and the load went on."""
        samples = self.outcome.run.samples
        return int(max(s.gauges[Gauge.RSS_BYTES] for s in samples) - samples[0].gauges[Gauge.RSS_BYTES])

    @property
    def per_s(self) -> float:
        return self.messages / self.seconds

    @property
    def cores(self) -> float:
        return self.cpu_s / self.seconds


def attack(way: int | Mapping[str, Any], group: Mapping[str, Any], **settings: Any) -> Cost:
    """Attacks a port of 127.0.0.1, or what a `[target]` says, with one publishing group. `settings` are of [attack]."""
    target = {"url": f"mqtt://127.0.0.1:{way}"} if isinstance(way, int) else dict(way)
    publishers = {"name": "publishers", "role": "publish", "topic": "bench/{client}/data", "qos": 1} | dict(group)
    warhead = Warhead.model_validate({"group": [publishers], "attack": {"drain": "2s"} | settings, "target": target})
    with tempfile.TemporaryDirectory() as directory:
        request = AttackRequest(
            parse_target(target["url"]), warhead, Path(directory) / "run", 1, "bench", "bench", NOTHING
        )
        outcome = conduct(request, lambda _: None, Interrupt())
    return _cost(outcome, Counter.ACKED if publishers["qos"] else Counter.SENT)


def measured(outcome: AttackOutcome) -> list[Sample]:
    """The seconds of the measured time."""
    return [sample for sample in outcome.run.samples if sample.phase is RunPhase.MEASURE]


def _cost(outcome: AttackOutcome, counted: Counter) -> Cost:
    first, *rest = measured(outcome)
    last = rest[-1]
    messages = sum(sample.counters.get(counted, 0) for sample in rest)
    cpu_ns = last.gauges[Gauge.CPU_NS] - first.gauges[Gauge.CPU_NS]
    return Cost(messages, (last.end_ns - first.end_ns) / 1e9, cpu_ns / 1e9, outcome)
