"""Maps the `$SYS` topics of brokers to the names that malaria gives their figures.

The topics come from each broker's own documentation. `+` stands for the name of a node; figures of several nodes are
added up. If a broker has several topics for one figure, the first in the table counts. A topic that is not in the
table is kept under its own name. RabbitMQ and NATS have no `$SYS` topics, and NanoMQ publishes only clients that
connect and disconnect: for their figures see `prometheus_names`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from malaria.records.stored_values import LARGEST

ALL: Final = "$SYS/#"
TEXTS: Final = frozenset({"version"})
"""Figures that are text."""

COUNTERS: Final = (
    "messages_received", "messages_sent", "messages_dropped", "publish_received", "publish_sent", "publish_dropped",
    "bytes_received", "bytes_sent",
)  # fmt: skip
"""Totals since the broker's start; rates are computed from their differences. `messages` counts packets of any type,
`publish` only PUBLISH. The rates of what was sent leave out what was sent to the observer itself."""
SENT_TO_OBSERVER: Final = {"messages_sent": "messages", "publish_sent": "messages", "bytes_sent": "bytes"}

TOPICS_BY_NAME: Final[Mapping[str, tuple[str, ...]]] = {
    "version": ("broker/version", "brokers/+/version"),
    "uptime_s": ("broker/uptime", "brokers/+/uptime"),
    "clients_connected": (
        "broker/clients/connected",  # mosquitto from 1.4 on, HiveMQ
        "broker/clients/active",  # mosquitto before
        "brokers/+/stats/live_connections/count",  # EMQX 5; `connections` there counts offline sessions too
        "brokers/+/stats/connections/count",  # EMQX 4.3
        "brokers/+/stats/connections.count",
        "brokers/+/stats/clients/count",  # EMQX 2
        "+/active/mqtt/connections",  # VerneMQ 2
        "+/total/active/connections",
    ),
    "subscriptions": (
        "broker/subscriptions/count",
        "brokers/+/stats/subscriptions/count",
        "brokers/+/stats/subscriptions.count",
        "+/router/subscriptions",
    ),
    "retained": (
        "broker/retained messages/count",
        "broker/messages/retained/count",  # HiveMQ
        "brokers/+/stats/retained/count",
        "brokers/+/stats/retained.count",
        "+/retain/messages",
    ),
    "messages_received": ("broker/messages/received", "brokers/+/metrics/packets/received"),
    "messages_sent": ("broker/messages/sent", "brokers/+/metrics/packets/sent"),
    "messages_dropped": ("broker/messages/dropped", "brokers/+/metrics/messages/dropped"),
    "publish_received": (
        "broker/publish/messages/received",
        "broker/mqtt/publish/received",  # mosquitto 2.1
        "broker/messages/publish/received",  # HiveMQ
        "brokers/+/metrics/packets/publish/received",
        "brokers/+/metrics/messages/received",
        "+/mqtt/publish/received",
    ),
    "publish_sent": (
        "broker/publish/messages/sent",
        "broker/mqtt/publish/sent",
        "broker/messages/publish/sent",
        "brokers/+/metrics/packets/publish/sent",
        "brokers/+/metrics/messages/sent",
        "+/mqtt/publish/sent",
    ),
    "publish_dropped": (
        "broker/publish/messages/dropped",
        "broker/mqtt/publish/dropped",
        "broker/messages/publish/dropped",
        "brokers/+/metrics/delivery/dropped",
        "brokers/+/metrics/packets/publish/dropped",
        "+/queue/message/drop",
    ),
    "messages_stored": ("broker/store/messages/count", "broker/messages/stored", "+/msg/store/size"),
    "messages_inflight": ("broker/messages/inflight", "brokers/+/stats/delivery/inflight"),
    "heap_bytes": ("broker/heap/current", "broker/heap/current size", "+/vm/memory/total"),
    "bytes_received": (
        "broker/bytes/received",
        "broker/load/bytes/received",  # HiveMQ: a total in spite of its name
        "brokers/+/metrics/bytes/received",
        "+/bytes/received",
    ),
    "bytes_sent": (
        "broker/bytes/sent",
        "broker/load/bytes/sent",
        "brokers/+/metrics/bytes/sent",
        "+/bytes/sent",
    ),
    "messages_received_per_min": ("broker/load/messages/received/1min",),
    "messages_sent_per_min": ("broker/load/messages/sent/1min",),
    "publish_received_per_min": ("broker/load/publish/received/1min",),
    "publish_sent_per_min": ("broker/load/publish/sent/1min",),
    "publish_dropped_per_min": ("broker/load/publish/dropped/1min",),
    "bytes_received_per_min": ("broker/load/bytes/received/1min",),
    "bytes_sent_per_min": ("broker/load/bytes/sent/1min",),
}
"""malaria's name -> topics below $SYS, most trusted first."""

_INTEGER: Final = re.compile(r"-?\d{1,19}", re.ASCII)

LEFT_OUT: Final = "messages_left_out"
"""The number of messages from the broker that were not kept; absent if all were."""
HEARTBEAT: Final = "$SYS/broker/uptime"
"""mosquitto publishes only counters that changed, but this topic every time: a missing counter has not changed."""
_NODE_UPTIME: Final = re.compile(r"\$SYS/brokers/[^/]+/uptime")
"""EMQX 5 writes milliseconds there, EMQX 4 `1 days, 2 hours, 3 minutes, 4 seconds`."""
_SECONDS: Final = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
PER_CLIENT: Final = ("$SYS/brokers/+/clients/+/+", "$SYS/brokers/connected", "$SYS/brokers/disconnected")
"""Topics of single clients: thousands of them are a flood and not a figure."""


@dataclass(frozen=True, slots=True)
class TopicMeaning:
    """The figure that a topic carries. Rank 0 is the most trusted topic of a name."""

    name: str
    rank: int


@dataclass(slots=True)
class _TopicPatterns:
    """Topic patterns as a tree, one level of the topic per node."""

    below: dict[str, _TopicPatterns] = field(default_factory=dict)
    meaning: TopicMeaning | None = None


def _pattern_tree(patterns: Mapping[str, TopicMeaning]) -> _TopicPatterns:
    root = _TopicPatterns()
    for pattern, meaning in patterns.items():
        node = root
        for level in pattern.split("/"):
            node = node.below.setdefault(level, _TopicPatterns())
        node.meaning = meaning
    return root


_MEANINGS: Final = _pattern_tree(
    {
        f"$SYS/{topic}": TopicMeaning(name, rank)
        for name, topics in TOPICS_BY_NAME.items()
        for rank, topic in enumerate(topics)
    }
)
_FLOOD: Final = _pattern_tree({pattern: TopicMeaning("", 0) for pattern in PER_CLIENT})


def meaning_of(topic: str) -> TopicMeaning | None:
    """Return the figure of a topic; None if the topic is not in the table."""
    return _find(_MEANINGS, topic.split("/"))


def is_per_client(topic: str) -> bool:
    """Return whether the topic is about one client that connects or disconnects."""
    return _find(_FLOOD, topic.split("/")) is not None


def figure_of(topic: str, text: str) -> float | int | None:
    """Return the number of a topic in the unit of malaria's name for it; None if the text is not a number."""
    number = number_of(text)
    if number is None or not _NODE_UPTIME.fullmatch(topic):
        return number
    parts = text.replace(",", " ").split()
    # EMQX 5: milliseconds
    if len(parts) == 1:
        return number / 1000
    spans = [(number_of(count), _SECONDS.get(unit)) for count, unit in zip(parts[::2], parts[1::2], strict=False)]
    known = [count * seconds for count, seconds in spans if count is not None and seconds is not None]
    # a part that was not understood makes the whole unknown
    return sum(known) if 2 * len(known) == len(parts) else None


def number_of(text: str) -> float | int | None:
    """Read `4711`, `9908.68` or `3600 seconds`; return None for anything else, and for numbers beyond 64 bits."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    try:
        value = int(first) if _INTEGER.fullmatch(first) else float(first)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None  # also None for NaN


def _find(node: _TopicPatterns, levels: list[str]) -> TopicMeaning | None:
    """Find the pattern of a topic; the exact name of a level goes before `+`."""
    for level in levels[:1]:
        for key in (level, "+"):
            found = _find(node.below[key], levels[1:]) if key in node.below else None
            if found is not None:
                return found
        return None
    return node.meaning
