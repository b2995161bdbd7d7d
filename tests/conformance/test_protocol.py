"""The protocol against real brokers: every QoS, wills, retained messages, users, sessions, many addresses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from attacking import run_attack, unhurried
from conftest import lacking
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import RunningBroker, find_mosquitto
from malaria.broker.running import free_port
from malaria.errors import TargetError
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import Counter
from malaria.transport.probe import probe


@pytest.fixture(params=["mosquitto", "amqtt_broker"])
def broker(request: pytest.FixtureRequest) -> RunningBroker:
    found: RunningBroker = request.getfixturevalue(request.param)
    return found


@contextmanager
def listening(port: int, *filters: str, qos: int = 1) -> Iterator[list[mqtt.MQTTMessage]]:
    """An independent client that hears what goes by."""
    heard: list[mqtt.MQTTMessage] = []
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _, __, message: heard.append(message)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe([(filter_, qos) for filter_ in filters])
    assert ready.wait(10)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def until(true: Callable[[], bool], patience_s: float = 10) -> None:
    end = time.monotonic() + patience_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


def attack(port: int, directory: Path, groups: list[dict[str, Any]], **settings: Any) -> AttackOutcome:
    brief = {"duration": "2s", "drain": "5s", "own_lag_limit": "1m"}
    whole = {"group": groups, "attack": brief | settings, "thresholds": unhurried(groups)}
    target = parse_target(f"mqtt://127.0.0.1:{port}")
    warhead = Warhead.model_validate(whole)
    request = AttackRequest(target, warhead, directory / "run", 2, "malaria attack", "test", NOTHING)
    return conduct(request, lambda _: None, Interrupt())


def total(outcome: AttackOutcome, counter: Counter) -> int:
    return sum(sample.counters.get(counter, 0) for sample in outcome.run.samples)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_an_independent_client_hears_what_we_say_we_sent(broker: RunningBroker, tmp_path: Path, qos: int) -> None:
    with listening(broker.port, "ruler/#", qos=qos) as heard:
        outcome = run_attack(broker.port, tmp_path, qos=qos, rate="20", clients=10)
        assert outcome.summary["verdict"]["outcome"] == "PASS"
        sent = outcome.summary["messages"]["sent"]
        assert sent == 400
        until(lambda: len(heard) >= sent)
    # amqtt sends a new client also kept messages that it has not asked for, such as $SYS/broker/version
    ours = [message for message in heard if message.topic.startswith("ruler/")]
    assert len(ours) == sent
    assert len({bytes(message.payload) for message in ours}) == sent
    assert {len(message.payload) for message in ours} == {100}


def test_fan_out_and_overlapping_filters(broker: RunningBroker, tmp_path: Path) -> None:
    publishers = {"name": "p", "clients": 6, "rate": "10", "qos": 1, "topic": "a/{index}/{seq}"}
    listeners = {"name": "s", "role": "subscribe", "clients": 4, "qos": 1, "filters": ["a/+/#", "a/{index}/+"]}
    outcome = attack(broker.port, tmp_path, [publishers, listeners])
    messages = outcome.summary["messages"]
    assert messages["expected"] == 4 * messages["sent"] == 480
    assert (messages["delivered"], messages["lost"], messages["reordered"]) == (480, 0, 0)


def test_both_roles_in_one_client(broker: RunningBroker, tmp_path: Path) -> None:
    everyone = {
        "name": "b",
        "role": "both",
        "clients": 5,
        "rate": "10",
        "qos": 1,
        "topic": "room/{index}",
        "filters": ["room/+"],
    }
    messages = attack(broker.port, tmp_path, [everyone]).summary["messages"]
    assert (messages["sent"], messages["delivered"]) == (100, 500)


def test_kept_messages_of_before_are_no_deliveries(mosquitto: RunningBroker, tmp_path: Path) -> None:
    publishers = {"name": "p", "clients": 3, "rate": "5", "qos": 1, "topic": "kept/{index}", "retain": True}
    listener = {"name": "s", "role": "subscribe", "clients": 1, "qos": 1, "topic": "kept/+"}
    attack(mosquitto.port, tmp_path / "first", [publishers, listener])
    outcome = attack(mosquitto.port, tmp_path / "second", [publishers, listener])
    assert total(outcome, Counter.RETAINED) == 3
    assert outcome.summary["messages"]["lost"] == 0
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_a_polite_goodbye_leaves_no_will(mosquitto: RunningBroker, tmp_path: Path) -> None:
    with listening(mosquitto.port, "wills/#") as heard:
        clients = {"name": "c", "role": "connect", "clients": 5, "will": {"topic": "wills/{index}", "payload": "gone"}}
        attack(mosquitto.port, tmp_path, [clients])
        with listening(mosquitto.port, "x"):  # a round trip: a will would have come by now
            assert heard == []


def test_wills_are_published_when_a_worker_is_killed(mosquitto: RunningBroker, tmp_path: Path) -> None:
    clients = {"name": "c", "role": "connect", "clients": 5, "will": {"topic": "wills/{index}", "payload": "gone"}}
    killed: list[int] = []

    def kill_workers(progress: Any) -> None:
        if progress.gauges.get("clients_ready") == 5 and not killed:
            for child in psutil.Process().children():
                if child.status() != psutil.STATUS_ZOMBIE and "malaria.engine.worker" in child.cmdline():
                    killed.append(child.pid)
                    os.kill(child.pid, signal.SIGKILL)

    whole = Warhead.model_validate({"group": [clients], "attack": {"duration": "20s"}})
    request = AttackRequest(parse_target(f"127.0.0.1:{mosquitto.port}"), whole, tmp_path / "run", 2, "malaria", "test")
    with listening(mosquitto.port, "wills/#") as heard:
        outcome = conduct(request, kill_workers, Interrupt())
        until(lambda: len(heard) == 5)
    assert {bytes(message.payload) for message in heard} == {b"gone"}
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"


def with_passwords(start: Callable[[str], RunningBroker], directory: Path) -> RunningBroker:
    """A mosquitto with the users meter-0 .. meter-4, each with a password of its own."""
    file = directory / "passwords"
    for index in range(5):
        create = ["-c"] if not index else []
        subprocess.run(["mosquitto_passwd", "-b", *create, str(file), f"meter-{index}", f"secret-{index}"], check=True)
    return start(f"password_file {file}\n")


def test_every_client_has_its_own_user(start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path) -> None:
    broker = with_passwords(start_mosquitto_with, tmp_path)
    meters = {"name": "p", "clients": 5, "rate": "5", "qos": 1, "topic": "t/{index}",
              "username": "meter-{index}", "password": "secret-{index}"}  # fmt: skip
    outcome = attack(broker.port, tmp_path, [meters])
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    stored = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    assert b"secret-" not in stored


def test_a_wrong_password_is_said_before_the_attack(
    start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path
) -> None:
    broker = with_passwords(start_mosquitto_with, tmp_path)
    meters = {"name": "p", "clients": 5, "rate": "5", "topic": "t", "username": "meter-0", "password": "wrong"}
    with pytest.raises(TargetError, match=r"(?s)not authorised|bad user name or password") as caught:
        attack(broker.port, tmp_path, [meters])
    assert "wrong" not in str(caught.value)
    assert "-P" in str(caught.value)


def test_a_kept_session_delivers_what_a_restart_interrupted(tmp_path: Path) -> None:
    """mosquitto with persistence is restarted in the middle: clients come back, DUPs go out, nothing acked is lost."""
    found = find_mosquitto()
    if found is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    port = free_port()
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {tmp_path}/\n"
        "autosave_on_changes true\nautosave_interval 1\nuser root\nmax_queued_messages 0\n"
    )

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen([found, "-c", str(configuration)], stderr=subprocess.DEVNULL)
        until(lambda: _answers(port))
        return process

    brokers = [start()]

    def restart(progress: Any) -> None:
        if progress.totals.get("acked", 0) > 20 and len(brokers) == 1:
            brokers[0].terminate()
            brokers[0].wait()
            brokers.append(start())

    groups = [
        {"name": "p", "clients": 5, "rate": "20", "qos": 1, "topic": "t/{index}", "clean_start": False},
        {"name": "s", "role": "subscribe", "clients": 1, "qos": 1, "topic": "t/+", "clean_start": False},
    ]
    settings = {"duration": "6s", "drain": "5s", "own_lag_limit": "1m", "reconnect": ["100ms", "1s"]}
    request = AttackRequest(
        parse_target(f"127.0.0.1:{port}"), Warhead.model_validate({"group": groups, "attack": settings}),
        tmp_path / "run", 1, "malaria", "test",
    )  # fmt: skip
    try:
        outcome = conduct(request, restart, Interrupt())
    finally:
        brokers[-1].terminate()
        brokers[-1].wait()
    summary = outcome.summary
    assert summary["clients"]["reconnects"] == 6
    assert summary["messages"]["sent"] == summary["messages"]["due"] == 600
    assert summary["messages"]["unresolved"] == 0
    assert summary["messages"]["acked_lost"] == 0
    assert summary["verdict"]["outcome"] == "FAIL"  # six connections were dropped
    assert total(outcome, Counter.FORGOTTEN) == 0


def _answers(port: int) -> bool:
    return not probe((socket.AF_INET, ("127.0.0.1", port)), timeout_s=1).problem


def test_clients_spread_over_the_addresses_of_the_target(
    start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path
) -> None:
    brokers = [start_mosquitto_with(""), start_mosquitto_with("")]
    target = parse_target(",".join(f"127.0.0.1:{broker.port}" for broker in brokers))
    warhead = Warhead.model_validate(
        {
            "group": [{"name": "p", "clients": 10, "rate": "5", "qos": 1, "topic": "t/{index}"}],
            "attack": {"duration": "2s", "own_lag_limit": "1m"},
        }
    )
    with listening(brokers[0].port, "t/#") as one, listening(brokers[1].port, "t/#") as other:
        outcome = conduct(
            AttackRequest(target, warhead, tmp_path / "run", 2, "malaria", "test"), lambda _: None, Interrupt()
        )
        until(lambda: len(one) + len(other) >= 100)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert len(one) == len(other) == 50


def test_source_addresses_are_used_in_turn(mosquitto: RunningBroker, tmp_path: Path) -> None:
    clients = {"name": "c", "role": "connect", "clients": 6}
    sources = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    attack(mosquitto.port, tmp_path, [clients], source_addresses=sources, duration="1s")
    log = mosquitto.log.read_text()
    assert all(log.count(f"New connection from {source}:") == 2 for source in sources)


def test_our_counts_are_the_broker_s_own(own_mosquitto: RunningBroker, tmp_path: Path) -> None:
    """$SYS of mosquitto: publishes received and sent, within 1 %."""
    received, sent = "$SYS/broker/publish/messages/received", "$SYS/broker/publish/messages/sent"

    def counters(heard: list[mqtt.MQTTMessage]) -> dict[str, int]:
        return {message.topic: int(message.payload) for message in heard}

    with listening(own_mosquitto.port, received, sent, qos=0) as heard:
        until(lambda: len(counters(heard)) == 2)
        before = counters(heard)
        groups = [
            {"name": "p", "clients": 100, "rate": "10", "qos": 1, "topic": "t/{index}"},
            {"name": "s", "role": "subscribe", "clients": 2, "qos": 1, "topic": "t/+"},
        ]
        messages = attack(own_mosquitto.port, tmp_path, groups).summary["messages"]
        until(lambda: counters(heard)[received] - before[received] >= messages["sent"])
        told_before = len(heard)
        until(lambda: len(heard) >= told_before + 2, 30)
        after = counters(heard)
    assert after[received] - before[received] == pytest.approx(messages["sent"], rel=0.01)
    assert after[sent] - before[sent] == pytest.approx(messages["delivered"], rel=0.01, abs=60)
