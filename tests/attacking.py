"""One attack in a test: a group of publishers and, if wanted, a subscriber that hears them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
import psutil

from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target
from malaria.model.warhead import KEYS, Warhead
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric, Progress
from malaria.records.run import Run

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
    """Attack a port of 127.0.0.1, or a URL. `options` are those of `request_for`."""
    return conduct(request_for(to, directory, workers, subscribers, **options), on_progress, interrupt or Interrupt())


def request_for(
    to: int | str, directory: Path, workers: int = 1, subscribers: int = 0, **options: Any
) -> AttackRequest:
    """Return the request for an attack on a port of 127.0.0.1, or on a URL.

    `options` are keys of the publishing group, of [attack] or of [target], as a warhead writes them; `surges` is a
    list of surges of the publishers, `changes` one of (time, change);
    `observe` says what is observed: nothing, so that nobody but the load calls;
    `thresholds` are those of the warhead: where messages are acknowledged, that half of them are in time;
    `subscriber` has keys of the subscribing group.
    """
    observe = options.pop("observe", NOTHING)
    surges = [{"group": PUBLISHERS["name"]} | surge for surge in options.pop("surges", ())]
    changes = [{"at": at, "do": do} for at, do in options.pop("changes", ())]
    stated, subscriber = options.pop("thresholds", None), options.pop("subscriber", {})
    way = {key: options.pop(key) for key in list(options) if key in KEYS["target"] - KEYS["group"]}
    attack = {key: options.pop(key) for key in list(options) if key in KEYS["attack"]}
    publishers = PUBLISHERS | options
    if publishers["role"] == "connect":
        publishers = {key: value for key, value in publishers.items() if key not in ("size", "topic")}
    groups = [publishers]
    if subscribers:
        groups.append(SUBSCRIBERS | {"clients": subscribers, "qos": publishers.get("qos", 1)} | subscriber)
    thresholds = unhurried(groups) if stated is None else stated
    warhead = Warhead.model_validate(
        {
            "group": groups,
            "surge": surges,
            "change": changes,
            "attack": BRIEF | attack,
            "target": way,
            "thresholds": thresholds,
        }
    )
    target = parse_target(f"mqtt://127.0.0.1:{to}" if isinstance(to, int) else to)
    return AttackRequest(target, warhead, directory / "run", workers, "malaria attack", "test", observe)


def unhurried(groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Thresholds for a load of a few seconds, of which a busy machine takes up the last acknowledgements after its end.

    That is no fault of what is tested here either: falling behind has tests of its own.
    """
    speakers = [group for group in groups if group.get("role", "publish") in ("publish", "both")]
    acknowledged = bool(speakers) and all(group.get("qos", 1) for group in speakers)
    return {"rates.acked_per_s": ">= 50% of due"} if acknowledged else {}


def until(true: Callable[[], bool], patience_s: float = 60) -> None:
    end = time.monotonic() + patience_s
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    assert true()


def histogram(records: Run, metric: Metric) -> Histogram:
    """All that the run's workers recorded of one metric."""
    whole = Histogram()
    for sample in records.samples:
        if metric in sample.histograms:
            whole.merge(Histogram.from_bytes(sample.histograms[metric]))
    return whole


@contextmanager
def who_never_acknowledges(port: int) -> Iterator[None]:
    """A subscriber at QoS 1 that takes what is in flight, and no more."""
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, manual_ack=True)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        client.subscribe("ruler/#", qos=1)
        assert ready.wait(10)
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the worker processes of a conductor, without a child that has ended and was not waited for."""
    found = []
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):  # a zombie counts as one, too
            if "malaria.engine.worker" in child.cmdline():
                found.append(child)
    return found
