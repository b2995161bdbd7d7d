"""How long one client waits for an answer; what it makes of answers is tried on real ports in tests/fault."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from malaria.model.attack_table import Attack
from malaria.mqtt.packets import Protocol
from malaria.transport.probe import TIMEOUT_S, ProbeClient, patience_s, probe


@pytest.mark.parametrize(
    ("stated", "waits_s"),
    [({}, TIMEOUT_S), ({"connect_timeout": "8s"}, 8.0), ({"connect_timeout": "500ms"}, 0.5),
     ({"connect_timeout": "30s"}, 30.0)],
    ids=["by default", "shortened", "impatient", "a slow broker"],
)  # fmt: skip
def test_a_silent_port_is_given_up_soon_but_not_before_a_slow_broker(stated: dict[str, str], waits_s: float) -> None:
    assert patience_s(Attack.model_validate(stated)) == waits_s


CONNACK = bytes([0x20, 2, 0, 0])
DRIPS = {
    "other messages": (CONNACK + bytes([0x90, 3, 0, 1, 0]), bytes([0x30, 4, 0, 1, 0x78, 0x31])),
    "answers to pings": (CONNACK, bytes([0xD0, 0])),
    "a packet byte by byte": (bytes([0x20, 0x7F]), b"x"),
}


@contextmanager
def dripping(first: bytes, again: bytes) -> Iterator[int]:
    """Answer a connection with `first`, and then with `again` every 50 ms."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(first)
                while not over.wait(0.05):
                    connection.sendall(again)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("drip", DRIPS)
def test_a_port_that_always_has_more_to_say_is_left_in_time(drip: str) -> None:
    with dripping(*DRIPS[drip]) as port:
        begin_s = time.monotonic()
        probe((socket.AF_INET, ("127.0.0.1", port)), timeout_s=0.5)
        assert time.monotonic() - begin_s < 3


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"\x20\x06\x00\x00\x03\x21\x00\x00", "the broker's CONNACK is malformed: receive_maximum is 0 [MQTT-2.2.2]"),
        (b"\x20\x09\x00\x00\x06\x21\x00\x01\x21\x00\x01", "the broker's CONNACK is malformed: "),
        (b"\xf0\x02\x18\x00", "the broker's AUTH is malformed: AUTH without its authentication method [MQTT-3.15.2]"),
        (
            b"\xf0\x06\x18\x04\x15\x00\x01m",
            "the broker asks for an enhanced authentication (AUTH) that was not offered",
        ),
        (b"\xd0\x00", "this port speaks something that is no MQTT"),
    ],
)
def test_an_answer_that_breaks_mqtt_5_is_told_with_its_clause(answer: bytes, problem: str) -> None:
    with dripping(answer, b"") as port:
        found = probe((socket.AF_INET, ("127.0.0.1", port)), ProbeClient(protocol=Protocol.V5), timeout_s=2)
    assert found.problem.startswith(problem)
