"""Maps the series of brokers' Prometheus pages to the names that malaria gives their figures (those of `sys_names`).

The series come from each broker's own documentation or source; RabbitMQ's were checked on version 3.10. A figure is the
sum over all labels of its series (nodes, protocols, queue types). If a page has several series of one figure, the first
in the table counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

SERIES_BY_NAME: Final[Mapping[str, tuple[str, ...]]] = {
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
        "rabbitmq_global_messages_dead_lettered_maxlen_total",  # counts without a dead-letter exchange, too
        "queue_message_drop",  # VerneMQ
    ),
    "messages_stored": ("rabbitmq_queue_messages",),
    "messages_inflight": ("rabbitmq_queue_messages_unacked",),
}
"""malaria's name -> series, most trusted first."""
_NAMES: Final = {series: name for name, several in SERIES_BY_NAME.items() for series in several}


def figures_of_page(samples: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the figures that malaria has names for, from (series without labels, value) pairs."""
    sums: dict[str, float] = {}
    for series, value in samples:
        # NaN is how Prometheus writes that there is no value
        if series in _NAMES and math.isfinite(value):
            sums[series] = sums.get(series, 0) + value
    found: dict[str, float] = {}
    for name, several in SERIES_BY_NAME.items():
        known = [sums[series] for series in several if series in sums]
        found |= {name: known[0]} if known else {}
    return found
