"""MQTT 5 against mosquitto: what it grants is kept, what it refuses is told in words, and both sides count alike."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from attacking import unhurried
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import RunningBroker
from malaria.errors import TargetError
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import Counter, EventKind

Group = dict[str, Any]


def attack(
    port: int,
    directory: Path,
    groups: list[Group],
    on_progress: Callable[[Any], None] = lambda _: None,
    **settings: Any,
) -> AttackOutcome:
    brief = {"duration": "2s", "drain": "5s", "own_lag_limit": "1m", "protocol": "5", "reconnect": ["300ms", "1s"]}
    workers = settings.pop("workers", 1)
    whole = {"group": groups, "attack": brief | settings, "thresholds": unhurried(groups)}
    warhead = Warhead.model_validate(whole)
    target = parse_target(f"mqtt://127.0.0.1:{port}")
    request = AttackRequest(target, warhead, directory / "run", workers, "malaria attack", "test", NOTHING)
    return conduct(request, on_progress, Interrupt())


def total(outcome: AttackOutcome, counter: Counter) -> int:
    return sum(sample.counters.get(counter, 0) for sample in outcome.run.samples)


def troubles(outcome: AttackOutcome) -> set[str]:
    return {event.text for event in outcome.run.events if event.kind is EventKind.TROUBLE}


@contextmanager
def listening(port: int, *filters: str, options: SubscribeOptions | None = None) -> Iterator[list[mqtt.MQTTMessage]]:
    """An independent client of MQTT 5 that hears what goes by; connected for the block."""
    heard: list[mqtt.MQTTMessage] = []
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = lambda _, __, message: heard.append(message)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe([(filter_, options or SubscribeOptions(qos=1)) for filter_ in filters])
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


def keep(port: int, topic: str) -> None:
    """Leaves one kept message at a topic."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, b"kept", 1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


class Link:
    """A way to the broker that can be cut without a word."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._others: dict[socket.socket, socket.socket] = {}
        self._cut = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Link:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def cut(self) -> None:
        """All connections that there are."""
        self._cut.set()

    def _run(self) -> None:
        while not self._over.is_set():
            for sock in select.select([self._server, *self._others], [], [], 0.02)[0]:
                self._turn(sock)
            if self._cut.is_set():
                self._cut.clear()
                self._close_all()
        self._close_all()
        self._server.close()

    def _turn(self, sock: socket.socket) -> None:
        if sock is self._server:
            near, _ = sock.accept()
            far = socket.create_connection(("127.0.0.1", self._to))
            self._others |= {near: far, far: near}
        elif sock in self._others:
            try:
                data = sock.recv(65536)
                self._others[sock].sendall(data)
            except OSError:
                data = b""
            if not data:
                self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        for end in (sock, self._others[sock]):
            del self._others[end]
            end.close()

    def _close_all(self) -> None:
        while self._others:
            self._close(next(iter(self._others)))


def test_what_the_broker_grants_is_kept(start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path) -> None:
    """Receive maximum 3, aliases, ids of its choice; a 3.1.1 group beside; properties arrive as they were meant."""
    broker = start_mosquitto_with("max_inflight_messages 3\nmax_keepalive 10\nlog_type all\n")
    keep(broker.port, "kept/0")
    publishing = {"rate": "20", "qos": 1, "topic": "t/{group}/{index}"}
    described = {"user_properties": {"of": ["{client}", "two"]}, "content_type": "text/plain", "message_expiry": "1m",
                 "response_topic": "answers/{index}", "correlation_data": "{seq}"}  # fmt: skip
    groups: list[Group] = [
        {"name": "aliased", "clients": 3, "topic_alias": True, "session_expiry": "1m", "keepalive": "1m"} | publishing,
        {"name": "described", "clients": 2} | publishing | described,
        {"name": "exact", "clients": 2} | publishing | {"qos": 2},
        {"name": "flood", "clients": 2, "qos": 1, "topic": "t/{group}/{index}", "interval": 0, "inflight": 50,
         "messages": 20},
        {"name": "older", "clients": 2, "protocol": "3.1.1"} | publishing,
        {"name": "chosen", "clients": 2, "client_id": ""} | publishing,
        {"name": "hearing", "role": "subscribe", "clients": 1, "qos": 2, "filters": ["t/#", "kept/+"],
         "subscription_identifier": 300, "topic_alias_maximum": 5, "receive_maximum": 100},
        {"name": "deaf", "role": "subscribe", "clients": 1, "filters": ["kept/+"], "retain_handling": 2},
        {"name": "chat", "role": "both", "clients": 2, "no_local": True, "filters": ["t/chat/+"]} | publishing,
    ]  # fmt: skip
    with listening(broker.port, "t/described/0", "t/aliased/0") as heard:
        outcome = attack(broker.port, tmp_path, groups)
        messages = outcome.summary["messages"]
        until(lambda: len(heard) >= 80)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    sent = 40 * (3 + 2 + 2 + 2 + 2 + 2) + 2 * 20
    assert messages["due"] == messages["sent"] == messages["acked"] == sent
    assert messages["expected"] == messages["delivered"] == sent + 2 * 40  # each of a chat hears the other alone
    assert total(outcome, Counter.RETAINED) == 1
    assert total(outcome, Counter.FOREIGN) == total(outcome, Counter.DUPLICATED) == 0
    by_topic = {name: [m for m in heard if m.topic == f"t/{name}/0"] for name in ("described", "aliased")}
    assert {len(found) for found in by_topic.values()} == {40}
    told = by_topic["described"][7].properties
    assert told.UserProperty == [("of", by_topic_client(told)), ("of", "two")]
    assert (told.ContentType, told.ResponseTopic, told.CorrelationData) == ("text/plain", "answers/0", b"7")
    log = broker.log.read_text()
    assert log.count("Received PUBLISH from ") == sent + 1  # and the kept one
    assert len(set(re.findall(r"Received PUBLISH from (auto-\S+) .*'t/chosen/", log))) == 2
    assert not re.search(r"receive maximum exceeded|protocol error", log, re.IGNORECASE)


def by_topic_client(properties: Any) -> str:
    """The client's id, which the first user property is to be."""
    ((_, client), *_) = properties.UserProperty
    assert re.fullmatch(r"malaria-[0-9a-f]+-described-0", client)
    return str(client)


def test_a_refused_message_is_told_in_words(
    start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite ok/#\n")
    # with max_queued_messages 0, mosquitto 2.0.11 breaks the connection after a refusal
    broker = start_mosquitto_with(f"acl_file {rules}\nmax_queued_messages 1000\n")
    common = {"clients": 2, "rate": "10"}
    groups: list[Group] = [
        {"name": "welcome", "qos": 1, "topic": "ok/{index}"} | common,
        {"name": "refused", "qos": 1, "topic": "no/{index}"} | common,
        {"name": "exact", "qos": 2, "topic": "no/{index}/two"} | common,
    ]
    outcome = attack(broker.port, tmp_path, groups)
    messages = outcome.summary["messages"]
    assert (messages["sent"], messages["acked"], messages["unresolved"]) == (120, 40, 80)
    assert total(outcome, Counter.PUBLISHES_REFUSED) == 80
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert outcome.summary["verdict"]["reasons"][0] == "the broker refused 80 messages"
    assert "the broker refused a message: not authorised" in troubles(outcome)


def test_what_the_broker_excludes_is_said_before_the_attack(
    start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path
) -> None:
    broker = start_mosquitto_with("max_qos 1\nretain_available false\nmax_packet_size 300\n")
    speaker: Group = {"name": "p", "clients": 2, "qos": 1, "topic": "t/{index}", "rate": "10"}
    for asked, cause in (({"qos": 2}, "over QoS 1"), ({"retain": True}, "no retained"), ({"size": 400}, "over 300")):
        with pytest.raises(TargetError, match=cause) as caught:
            attack(broker.port, tmp_path / cause, [speaker | asked])
        assert caught.value.remedy
    outcome = attack(broker.port, tmp_path, [speaker | {"size": "100-400"}])
    messages, large = outcome.summary["messages"], total(outcome, Counter.TOO_LARGE)
    assert 0 < large < 40
    assert messages["sent"] == messages["acked"] == 40 - large
    assert total(outcome, Counter.DROPPED) == 0


def test_sessions_and_wills_outlive_a_cut(start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path) -> None:
    """The link is cut once: a session with an expiry is found again, a delayed will is not published."""
    broker = start_mosquitto_with("log_type all\n")
    rate: Group = {"rate": "20", "qos": 1}
    groups: list[Group] = [
        {"name": "patient", "clients": 2, "topic": "t/{index}", "session_expiry": "1m", "topic_alias": True,
         "will": {"topic": "wills/patient/{index}", "delay": "1m"}} | rate,
        {"name": "hearing", "role": "subscribe", "clients": 1, "topic": "t/+", "session_expiry": "1m"},
        {"name": "hasty", "role": "connect", "clients": 2,
         "will": {"topic": "wills/hasty/{index}", "content_type": "x"}},
    ]  # fmt: skip
    cuts: list[int] = []
    with Link(broker.port) as link, listening(broker.port, "wills/#") as heard:

        def cut(progress: Any) -> None:
            if progress.totals.get("acked", 0) > 20 and not cuts:
                cuts.append(progress.at_ns)
                link.cut()

        outcome = attack(link.port, tmp_path, groups, cut, duration="3s")
        until(lambda: len(heard) >= 2)
    assert {message.topic for message in heard} == {"wills/hasty/0", "wills/hasty/1"}
    assert {message.properties.ContentType for message in heard} == {"x"}
    messages = outcome.summary["messages"]
    assert messages["sent"] == messages["delivered"] == 120
    assert messages["lost"] == messages["unresolved"] == total(outcome, Counter.FORGOTTEN) == 0
    assert outcome.summary["clients"]["reconnects"] == 5


def test_shared_subscriptions_and_requests(mosquitto: RunningBroker, tmp_path: Path) -> None:
    """A share hears each message once, whoever of it, on whichever of two workers; a request comes back once."""
    groups: list[Group] = [
        {"name": "p", "clients": 2, "rate": "20", "qos": 1, "topic": "t/{index}"},
        {"name": "five", "role": "subscribe", "clients": 3, "qos": 1, "topic": "$share/five/t/+"},
        {"name": "older", "role": "subscribe", "clients": 2, "qos": 1, "topic": "$share/old/t/+", "protocol": "3.1.1"},
        {"name": "ask", "role": "both", "clients": 3, "rate": "10", "qos": 1, "topic": "ask/{index}",
         "response_topic": "answer/{index}", "filters": ["answer/{index}"]},
        {"name": "respond", "role": "respond", "clients": 4, "qos": 1, "topic": "$share/respond/ask/+"},
    ]  # fmt: skip
    outcome = attack(mosquitto.port, tmp_path, groups, workers=2)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    messages = outcome.summary["messages"]
    assert messages["sent"] == messages["acked"] == 80 + 60
    assert messages["expected"] == messages["delivered"] == total(outcome, Counter.ARRIVED) == 2 * 80 + 2 * 60
    assert total(outcome, Counter.ANSWERED) == 60
    assert messages["duplicated"] == 0
