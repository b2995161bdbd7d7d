"""One attack in a test: a group of publishers and, if wanted, a subscriber that hears them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from malaria.attack import AttackOutcome, AttackRequest, Interrupt, conduct
from malaria.histogram import Histogram
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target
from malaria.model.warhead import KEYS, Warhead
from malaria.records import Metric, Progress, RunRecords

PUBLISHERS: Final = {
    "name": "publishers",
    "role": "publish",
    "clients": 10,
    "size": 100,
    "topic": "ruler/{client}/data",
}
SUBSCRIBERS: Final = {"name": "subscribers", "role": "subscribe", "topic": "ruler/+/data"}
BRIEF: Final = {"duration": "2s", "drain": "3s", "seed": 1, "own_lag_limit": "1m"}
"""A busy machine makes our messages late; that is no fault of what is tested here (INVALID has tests of its own)."""


def run_attack(
    to: int | str,
    directory: Path,
    workers: int = 1,
    subscribers: int = 0,
    on_progress: Callable[[Progress], None] = lambda _: None,
    interrupt: Interrupt | None = None,
    **options: Any,
) -> AttackOutcome:
    """Attacks a port of 127.0.0.1, or a URL.

    `options` are keys of the publishing group, of [attack] or of [target], as a warhead writes them; `surges` is a
    list of surges of the publishers; `observe` says what is observed: nothing, so that nobody but the load calls.
    """
    observe = options.pop("observe", NOTHING)
    surges = [{"group": PUBLISHERS["name"]} | surge for surge in options.pop("surges", ())]
    way = {key: options.pop(key) for key in list(options) if key in KEYS["target"] - KEYS["group"]}
    attack = {key: options.pop(key) for key in list(options) if key in KEYS["attack"]}
    publishers = PUBLISHERS | options
    if publishers["role"] == "connect":
        publishers = {key: value for key, value in publishers.items() if key not in ("size", "topic")}
    groups = [publishers]
    if subscribers:
        groups.append(SUBSCRIBERS | {"clients": subscribers, "qos": publishers.get("qos", 1)})
    warhead = Warhead.model_validate({"group": groups, "surge": surges, "attack": BRIEF | attack, "target": way})
    target = parse_target(f"mqtt://127.0.0.1:{to}" if isinstance(to, int) else to)
    request = AttackRequest(target, warhead, directory / "run", workers, "malaria attack", "test", observe)
    return conduct(request, on_progress, interrupt or Interrupt())


def histogram(records: RunRecords, metric: Metric) -> Histogram:
    """All that the run's workers recorded of one metric."""
    whole = Histogram()
    for sample in records.samples:
        if metric in sample.histograms:
            whole.merge(Histogram.from_bytes(sample.histograms[metric]))
    return whole
