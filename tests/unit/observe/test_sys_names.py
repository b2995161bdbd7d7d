"""What brokers call their figures."""

from __future__ import annotations

import pytest

from malaria.observe.sys_names import (
    COUNTERS,
    SENT_TO_OBSERVER,
    TOPICS_BY_NAME,
    figure_of,
    is_per_client,
    meaning_of,
    number_of,
)

NAMES = {
    "$SYS/broker/clients/connected": "clients_connected",
    "$SYS/broker/clients/active": "clients_connected",
    "$SYS/broker/publish/messages/dropped": "publish_dropped",
    "$SYS/broker/load/messages/sent/1min": "messages_sent_per_min",
    "$SYS/broker/retained messages/count": "retained",
    "$SYS/broker/heap/current size": "heap_bytes",
    "$SYS/brokers/emqx@127.0.0.1/stats/connections/count": "clients_connected",
    "$SYS/brokers/emqx@127.0.0.1/stats/live_connections/count": "clients_connected",
    "$SYS/brokers/emqx@10.0.0.1/metrics/packets/publish/received": "publish_received",
    "$SYS/brokers/emqx@10.0.0.1/version": "version",
    "$SYS/broker/messages/publish/sent": "publish_sent",
    "$SYS/VerneMQ@127.0.0.1/mqtt/publish/received": "publish_received",
    "$SYS/VerneMQ@127.0.0.1/router/subscriptions": "subscriptions",
}


@pytest.mark.parametrize("topic", NAMES)
def test_names_of_brokers(topic: str) -> None:
    meaning = meaning_of(topic)
    assert meaning is not None
    assert meaning.name == NAMES[topic]


@pytest.mark.parametrize("topic", ["", "$SYS", "$SYS/", "$SYS/broker/clients/connected/", "a/b", "$SYS/broker/load"])
def test_other_topics_have_no_name(topic: str) -> None:
    assert meaning_of(topic) is None


def test_the_table_holds_together() -> None:
    topics = [topic for topics in TOPICS_BY_NAME.values() for topic in topics]
    assert len(topics) == len(set(topics))
    assert set(COUNTERS) <= set(TOPICS_BY_NAME)
    assert set(SENT_TO_OBSERVER) <= set(COUNTERS)


def test_comings_and_goings() -> None:
    assert is_per_client("$SYS/brokers/emqx@127.0.0.1/clients/c1/connected")
    assert is_per_client("$SYS/brokers/connected")
    assert not is_per_client("$SYS/brokers/emqx@127.0.0.1/stats/connections/count")


@pytest.mark.parametrize(
    ("text", "number"),
    [("4711", 4711), ("-3", -3), ("9908.68", 9908.68), ("12 seconds", 12), ("", None), ("  ", None), ("abc", None),
     ("nan", None), ("inf", None), ("1e400", None),
     ("9" * 30, None), ("1e308", None), ("--5", None), ("-", None), ("9" * 5000, None), ("٣", 3)],
)  # fmt: skip
def test_numbers(text: str, number: float | None) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    ("topic", "text", "seconds"),
    [
        ("$SYS/broker/uptime", "3600 seconds", 3600),
        ("$SYS/broker/uptime", "3600", 3600),
        ("$SYS/brokers/emqx@127.0.0.1/uptime", "61500", 61.5),
        ("$SYS/brokers/emqx@127.0.0.1/uptime", "1 days, 2 hours, 3 minutes, 4 seconds", 93_784),
        ("$SYS/brokers/emqx@127.0.0.1/uptime", "3 minutes, 4 moons", None),
        ("$SYS/brokers/emqx@127.0.0.1/uptime", "long", None),
        ("$SYS/broker/heap/current", "47 bytes", 47),
    ],
)
def test_uptimes_are_in_seconds_however_they_are_written(topic: str, text: str, seconds: float | None) -> None:
    assert figure_of(topic, text) == seconds


def test_clients_of_emqx_that_are_there_go_before_sessions_whose_client_is_away() -> None:
    there, all_of_them = (
        meaning_of(f"$SYS/brokers/n/stats/{name}/count") for name in ("live_connections", "connections")
    )
    assert there is not None
    assert all_of_them is not None
    assert there.rank < all_of_them.rank
