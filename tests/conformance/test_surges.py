"""Surges on a real broker: it sees them come and go, loses nothing, and nobody is thrown out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt

from attacking import BRIEF
from malaria.analysis.series import columns
from malaria.attack import AttackRequest, Interrupt, conduct
from malaria.broker import RunningBroker
from malaria.clock import NS_PER_S
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead

CONNECTED = "$SYS/broker/clients/connected"


@contextmanager
def counting(port: int) -> Iterator[list[int]]:
    """How many clients mosquitto itself says are connected, once a second."""
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


def test_a_hundred_come_and_go(mosquitto: RunningBroker, tmp_path: Path) -> None:
    groups = [
        {"name": "meters", "clients": 200, "interval": "1s", "topic": "surge/{client}/data"},
        {"name": "backend", "role": "subscribe", "clients": 1, "topic": "surge/+/data"},
    ]
    surge = {"group": "meters", "clients": 100, "at": 0, "hold": "4s"}
    warhead = Warhead.model_validate({"group": groups, "surge": [surge], "attack": BRIEF | {"duration": "6s"}})
    target = parse_target(f"mqtt://127.0.0.1:{mosquitto.port}")
    request = AttackRequest(target, warhead, tmp_path / "run", 2, "malaria attack", "test")
    with counting(mosquitto.port) as told:
        outcome = conduct(request, lambda _: None, Interrupt())
    messages, clients = outcome.summary["messages"], outcome.summary["clients"]
    assert messages["due"] == messages["sent"] == messages["acked"] == 6 * 200 + 2 * 100
    assert messages["expected"] == messages["delivered"] == messages["due"]
    assert (messages["lost"], messages["unresolved"], messages["duplicated"]) == (0, 0, 0)
    assert (clients["planned"], clients["connected_peak"], clients["connected"]) == (301, 301, 201)
    assert (clients["dropped"], clients["refused"], clients["reconnects"]) == (0, 0, 0)
    assert outcome.summary["verdict"]["outcome"] == "PASS"

    begin_s = outcome.records.meta["measure_start_ns"] // NS_PER_S  # type: ignore[operator]
    course = columns(outcome.records)
    at = dict(zip(course["t_s"], course["clients"], strict=True))
    assert [at[begin_s + second] for second in (0, 2, 3, 5, 6)] == [201, 301, 301, 201, 201]
    (passage,) = outcome.records.meta["surges"]  # type: ignore[misc]
    assert passage["add_ns"] < passage["added_ns"] < passage["remove_ns"] < passage["removed_ns"]
    assert 302 in told  # the observer is one more
    assert 202 in told[told.index(302) :]
