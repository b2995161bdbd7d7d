"""Overload of real brokers: a slow subscriber, and more than they can carry. The exact stories are simulated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from attacking import run_attack, who_never_acknowledges
from malaria.analysis.series import columns
from malaria.broker import RunningBroker
from malaria.model.observe import Observe

SYS = Observe.model_validate({"sys": True, "interval": "500ms", "process": False, "host": False, "only": True})


def test_what_mosquitto_drops_for_a_slow_subscriber_is_counted_and_a_fail(
    start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path
) -> None:
    """800 messages; 20 are in flight to it, and 100 wait. Whoever is not slow gets them all.

    The count is that of an announcement after the end, so it is the whole. On a machine that stands still for half a
    second even our own subscriber is slow: what it lost is known, and dropped too.
    """
    broker = start_mosquitto_with("max_queued_messages 100\nmax_inflight_messages 20")
    with who_never_acknowledges(broker.port):
        summary = run_attack(
            broker.port, tmp_path, subscribers=1, clients=20, rate="10", duration="4s", observe=SYS
        ).summary
    messages, dropped = summary["messages"], summary["broker"]["dropped"]
    assert messages["delivered"] + messages["lost"] == messages["acked"] == 800
    assert dropped == 800 - 120 + messages["lost"]
    assert summary["verdict"]["outcome"] == "FAIL"
    reasons = " ".join(summary["verdict"]["reasons"])
    assert f"dropped {dropped}" in reasons  # for subscribers outside this run, or for our own one, too


@pytest.mark.alone
def test_amqtt_gets_more_than_it_can_carry(amqtt_broker: RunningBroker, tmp_path: Path) -> None:
    """It carries about 9,000 messages a second at QoS 1: 500 all along, and 20,000 more for 2 s.

    Whether it comes back is up to it: amqtt 0.12 was seen to acknowledge nothing more. That is told as it is.
    """
    surge = {"clients": 200, "at": "6s", "hold": "3s"}
    outcome = run_attack(
        amqtt_broker.port, tmp_path, surges=[surge], clients=5, rate="100", duration="18s", drain="2s", connect_rate=0,
        thresholds={},
    )  # fmt: skip
    (found,) = outcome.summary["surges"]
    assert found["held"] is False
    assert any(reason.startswith("it acked ") for reason in found["reasons"])
    course = columns(outcome.run)
    end_s = found["until_s"] + found["watched_s"]
    rates = zip(course["t_s"], course["acked_per_s"], strict=True)
    last = [float(rate) for t, rate in rates if rate is not None and end_s - 3 < float(t or 0) <= end_s]
    if found["recovered"]:
        assert median(last) > 400  # one second out of the band is forgiven
    else:
        assert "s later: " in found["reasons"][-1]
    expected = {True: {"PASS", "FAIL"}, False: {"FAIL"}, None: {"UNKNOWN", "FAIL"}}[found["recovered"]]
    assert outcome.summary["verdict"]["outcome"] in expected
