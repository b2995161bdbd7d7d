"""What brokers that are not mosquitto do, held against the table of docs/brokers.md: one start of each, a few seconds.

The document is the table: a cell there is what is expected here.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import other_brokers
from attacking import run_attack, who_never_acknowledges
from conftest import lacking
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import RunningBroker, find_mosquitto, start_mosquitto
from malaria.broker.running import free_port
from malaria.model.observe import NOTHING, Observe
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.mqtt.packets import Protocol
from malaria.records.rows import Counter
from malaria.transport.probe import ProbeClient, probe

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "brokers.md"
MESSAGES: Final = 5
"""Of each client."""
PUBLISHERS: Final = {"clients": 2, "interval": "100ms", "topic": "traits/{client}"}
SUBSCRIBER: Final = {"name": "s", "role": "subscribe", "clients": 1, "topic": "traits/+"}


@dataclass(frozen=True, slots=True)
class Kind:
    """How a broker is started, what tells that it is there, and where it comes from."""

    start: Callable[[], AbstractContextManager[RunningBroker]]
    there: Callable[[], bool]
    remedy: str


BROKERS: Final = {
    "mosquitto": Kind(start_mosquitto, lambda: find_mosquitto() is not None, "apt install mosquitto"),
    "RabbitMQ": Kind(other_brokers.rabbitmq, other_brokers.has_rabbitmq, "apt install rabbitmq-server"),
    "NATS": Kind(other_brokers.nats, other_brokers.has_nats, "apt install nats-server"),
    "aedes": Kind(other_brokers.aedes, other_brokers.has_aedes, "npm install --prefix tests/aedes"),
    "amqtt": Kind(other_brokers.amqtt, lambda: True, "uv sync"),
}


def documented() -> dict[str, dict[str, str]]:
    """The first table of the document: broker -> column -> cell."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text().split("\n\n")[2].splitlines()
    ]
    head, _, *body = rows
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in body}


def attack(broker: RunningBroker, directory: Path, *groups: dict[str, Any]) -> AttackOutcome:
    settings = {"duration": f"{MESSAGES * 100}ms", "drain": "3s", "own_lag_limit": "1m"}
    warhead = Warhead.model_validate({"group": list(groups), "attack": settings})
    target = parse_target(f"mqtt://127.0.0.1:{broker.port}")
    request = AttackRequest(target, warhead, directory, 1, "malaria attack", "test", NOTHING)
    return conduct(request, lambda _: None, Interrupt())


def count(outcome: AttackOutcome, counter: Counter) -> int:
    return sum(sample.counters.get(counter, 0) for sample in outcome.run.samples)


def carried(outcome: AttackOutcome) -> str:
    messages, clients = outcome.summary["messages"], outcome.summary["clients"]
    whole = messages["due"] == messages["sent"] == messages["delivered"] and not messages["unresolved"]
    return "carried" if whole and not clients["dropped"] else "not carried"


def observed(broker: RunningBroker, directory: Path) -> tuple[dict[str, str], list[str]]:
    """The cells of the broker's row, and what went wrong at QoS 2, in malaria's words."""
    low = [PUBLISHERS | {"name": f"q{qos}", "qos": qos, "retain": True} for qos in (0, 1)]
    first = attack(broker, directory / "low", *low, SUBSCRIBER | {"qos": 1})
    twice = attack(broker, directory / "twice", PUBLISHERS | {"name": "q2", "qos": 2}, SUBSCRIBER | {"qos": 2})
    members = SUBSCRIBER | {"qos": 1, "clients": 2, "topic": "$share/team/traits/+"}
    shared = attack(broker, directory / "shared", PUBLISHERS | {"name": "q1", "qos": 1}, members)
    five = probe((socket.AF_INET, ("127.0.0.1", broker.port)), ProbeClient("five", protocol=Protocol.V5))
    assert not five.problem or "MQTT 5" in five.remedy, five
    arrived = count(shared, Counter.ARRIVED) - count(shared, Counter.RETAINED)
    cells = {
        "MQTT 5": "no" if five.problem else "yes",
        "QoS 0 and 1": carried(first),
        "QoS 2": carried(twice),
        "`$SYS` version": "yes" if broker.version else "no",
        "retained": "kept" if count(twice, Counter.RETAINED) else "not kept",
        "`$share`": {0: "not delivered", 2 * MESSAGES: "shared"}.get(arrived, f"{arrived} arrive"),
    }
    return cells, [event.text for event in twice.run.events if event.text.startswith("connection lost")]


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_does_what_the_document_says(name: str, tmp_path: Path) -> None:
    kind = BROKERS[name]
    if not kind.there():
        lacking(f"{name} is not installed", kind.remedy)
    with kind.start() as broker:
        cells, said = observed(broker, tmp_path)
    assert cells == documented()[name]
    if cells["QoS 2"] == "carried":
        assert said == []
    else:
        assert any("PUBACK for a QoS 2 message" in text or "closed the connection" in text for text in said), said


def test_every_broker_of_the_document_is_tried() -> None:
    assert set(documented()) == set(BROKERS)


def test_what_rabbitmq_drops_and_stores_is_known_from_its_prometheus_page(tmp_path: Path) -> None:
    """A subscriber that acknowledges nothing gets 10 at once, 20 wait for it, and the rest are dropped."""
    kind = BROKERS["RabbitMQ"]
    if not kind.there():
        lacking("RabbitMQ is not installed", kind.remedy)
    page_port = free_port()
    observe = {"prometheus": f"http://127.0.0.1:{page_port}/metrics", "sys": False, "only": True}
    with other_brokers.rabbitmq(page_port, longest_queue=20) as broker, who_never_acknowledges(broker.port):
        summary = run_attack(
            broker.port, tmp_path, clients=10, rate="10", observe=Observe.model_validate(observe)
        ).summary
    assert summary["messages"]["acked"] == 200
    assert summary["broker"]["dropped"] == 200 - 10 - 20
    assert f"the broker dropped {summary['broker']['dropped']} messages" in summary["verdict"]["reasons"]
