"""Surges on a real broker: it sees them come and go, loses nothing, and nobody is thrown out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt

from attacking import run_attack
from malaria.attacks.runner import AttackOutcome
from malaria.broker import RunningBroker
from malaria.records.rows import Gauge

WORKERS = 2
CONNECTED = "$SYS/broker/clients/connected"


@contextmanager
def counting(port: int) -> Iterator[list[int]]:
    """How many clients mosquitto itself says are connected, every two seconds, if their number has changed."""
    told: list[int] = []
    observer = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    observer.on_message = lambda *arguments: told.append(int(arguments[2].payload))
    observer.connect("127.0.0.1", port)
    observer.subscribe(CONNECTED)
    observer.loop_start()
    try:
        yield told
    finally:
        observer.disconnect()
        observer.loop_stop()


def clients_between(outcome: AttackOutcome, after_ns: int, until_ns: int) -> set[int]:
    """How many clients were ready by the last word of all workers, once each has spoken since `after_ns`."""
    last: dict[str, int] = {}
    seen: set[int] = set()
    for sample in sorted(outcome.run.samples, key=lambda sample: sample.end_ns):
        if after_ns < sample.end_ns <= until_ns:
            last[sample.worker] = sample.gauges[Gauge.CLIENTS_READY]
            if len(last) == WORKERS:
                seen.add(sum(last.values()))
    return seen


def test_a_hundred_come_and_go(own_mosquitto: RunningBroker, tmp_path: Path) -> None:
    surge = {"clients": 100, "at": 0, "hold": "6s"}
    with counting(own_mosquitto.port) as told:
        outcome = run_attack(own_mosquitto.port, tmp_path, WORKERS, 1, clients=200, duration="10s", surges=[surge])
    messages, clients = outcome.summary["messages"], outcome.summary["clients"]
    assert messages["due"] == messages["sent"] == messages["acked"] == 10 * 200 + 4 * 100
    assert messages["expected"] == messages["delivered"] == messages["due"]
    assert (messages["lost"], messages["unresolved"], messages["duplicated"]) == (0, 0, 0)
    assert (clients["planned"], clients["connected_peak"], clients["connected"]) == (301, 301, 201)
    assert (clients["dropped"], clients["refused"], clients["reconnects"]) == (0, 0, 0)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert not any("going on with" in event.text for event in outcome.run.events)  # all 201 were there before

    (passage,) = outcome.run.meta.surges  # type: ignore[misc]
    assert passage.add_ns < passage.added_ns < passage.remove_ns < passage.removed_ns
    end_ns: int = outcome.run.meta.measure_end_ns  # type: ignore[assignment]
    assert clients_between(outcome, passage.added_ns, passage.remove_ns) == {301}
    assert clients_between(outcome, passage.removed_ns, end_ns) == {201}
    assert 302 in told  # the observer is one more
    assert 202 in told[told.index(302) :]
