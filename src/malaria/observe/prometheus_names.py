"""What brokers call their figures on their Prometheus pages, and what we call them: the names of `sys_names`.

Names are from each broker's own documentation or source; RabbitMQ's were seen on one (3.10). A figure is the sum over
all labels of its series (nodes, protocols, kinds of queue). Where a page has several of a figure's series, the first in
the table counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "clients_connected": (
        "emqx_live_connections_count",
        "com_hivemq_networking_connections_current",
        "nanomq_connections_count",
        "rabbitmq_connections",  # of every protocol
    ),
    "publish_received": (
        "emqx_packets_publish_received",
        "com_hivemq_messages_incoming_publish_count",
        "nanomq_messages_received",
        "rabbitmq_global_messages_received_total",
        "mqtt_publish_received",  # VerneMQ
    ),
    "publish_sent": (
        "emqx_packets_publish_sent",
        "com_hivemq_messages_outgoing_publish_count",
        "nanomq_messages_sent",
        "rabbitmq_global_messages_delivered_total",
        "mqtt_publish_sent",
    ),
    "publish_dropped": (
        "emqx_delivery_dropped",
        "com_hivemq_messages_dropped_count",
        "nanomq_messages_dropped",
        "rabbitmq_global_messages_dead_lettered_maxlen_total",  # whether or not the queue has a dead-letter exchange
        "queue_message_drop",  # VerneMQ
    ),
    "messages_stored": ("rabbitmq_queue_messages",),
    "messages_inflight": ("rabbitmq_queue_messages_unacked",),
}
"""Our name -> series, most trusted first."""
_NAMES: Final = {series: name for name, several in FIGURES.items() for series in several}


def figures_of_page(samples: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Our figures from (series without labels, value); what the page does not have is not there."""
    sums: dict[str, float] = {}
    for series, value in samples:
        if series in _NAMES and math.isfinite(value):
            sums[series] = sums.get(series, 0) + value
    found: dict[str, float] = {}
    for name, several in FIGURES.items():
        known = [sums[series] for series in several if series in sums]
        found |= {name: known[0]} if known else {}
    return found
