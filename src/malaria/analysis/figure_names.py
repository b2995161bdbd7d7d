"""The names of figures and limits for people: `ack p99`, `< 500 ms`. Files, options and remedies have their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from malaria.model.threshold import FigureUnit, Threshold
from malaria.records.rows import Metric
from malaria.units import format_count

LABELS: Final[dict[str, str]] = {
    "tcp": "connect: TCP",
    "tls": "connect: TLS",
    "upgrade": "connect: upgrade",
    "connack": "connect: CONNACK",
    "suback": "SUBACK",
    "acked_lost": "acked but lost",
    "unacked": "never acked",
    "duplicated_qos_2": "duplicated at QoS 2",
    "own_lag": "lag of the generator",
    "end_to_end": "end to end",
    "generator_cpu": "generator CPU",
    "broker_cpu": "broker CPU",
    "host_cpu": "host CPU",
    "host_memory": "memory used/total",
    "broker_memory": "broker memory",
    "on_target": "on target",
    "sys": "$SYS",
}
"""The labels that differ from the name of their figure."""
LATENCY_LABELS: Final = {
    Metric.ACK: "ack",
    Metric.SERVICE: "service",
    Metric.END_TO_END: "end to end",
    Metric.CONNECT: "connect",
    Metric.LAG: "lag",
    Metric.TCP: "connect: TCP",
    Metric.TLS: "connect: TLS",
    Metric.UPGRADE: "connect: upgrade",
    Metric.CONNACK: "connect: CONNACK",
    Metric.SUBACK: "SUBACK",
}
STATISTIC_LABELS: Final = {
    "min": "min", "mean": "mean", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p99_9": "p99.9",
    "max": "max",
}  # fmt: skip
SIGNS: Final[Mapping[str, str]] = {"<": "<", "<=": "≤", "==": "=", "!=": "≠", ">=": "≥", ">": ">"}
_NAMES: Final[Mapping[str, str]] = {
    "clients.connected": "clients connected",
    "clients.connected_peak": "most clients at once",
    "clients.dropped": "connections dropped",
    "clients.refused": "connects refused",
    "broker.dropped": "messages dropped by the broker",
    "broker.queue_growth_per_s": "growth of the broker's queue",
    "broker.cpu_percent": "broker CPU, % of a core",
    "broker.host_cpu_percent": "host CPU, % of all cores",
    "stalls.longest": "longest stall",
    "stalls.count": "stalls",
    "recovery.slowest": "slowest recovery",
    "recovery.not_held": "surges not held",
}


def figure_name(key: str) -> str:
    """Return the name of a threshold's figure for people: `ack p99`, `acked per second`, `connections dropped`."""
    table, _, name = key.partition(".")
    if key in _NAMES:
        return _NAMES[key]
    if table in LATENCY_LABELS:
        return f"{LATENCY_LABELS[table]} {STATISTIC_LABELS.get(name, name)}"  # type: ignore[index]
    if table == "rates":
        return f"{name.removesuffix('_per_s')} per second"
    plain = LABELS.get(name, name.replace("_", " "))
    return plain if table == "messages" else f"{table} {plain}"


def base_name(threshold: Threshold) -> str:
    """Return the word for what a limit in percent refers to: `due`. Raises StopIteration for a limit without one."""
    return next(word for word, key in threshold.figure.bases.items() if key == threshold.relative_to)


def sentence_name(key: str) -> str:
    """Return the name of a figure for a sentence, where no table says that it counts messages: `messages lost`."""
    name = figure_name(key)
    return f"messages {name}" if key.startswith("messages.") else name


def sentence_value(threshold: Threshold, said: str) -> str:
    """Return the figure of a threshold and its value: `ack p99 is 24 ms`; of a count `messages lost: 3`."""
    link = ":" if threshold.figure.unit is FigureUnit.COUNT else " is"
    return f"{sentence_name(threshold.key)}{link} {said}"


def threshold_words(threshold: Threshold) -> str:
    """Return the whole condition: `ack p99 < 500 ms`."""
    return f"{sentence_name(threshold.key)} {limit_text(threshold)}"


def limit_text(threshold: Threshold) -> str:
    """Return the limit as people read it: `< 500 ms`, `≥ 98 % of due`, `= 0`."""
    value = f"{threshold.value:.15g}"
    if threshold.relative_to is not None:
        value = f"{value} % of {base_name(threshold)}"
    elif threshold.figure.unit is FigureUnit.MS:
        value = f"{threshold.value:,.15g} ms"
    elif threshold.value.is_integer():
        value = f"{format_count(threshold.value)}{threshold.figure.unit}"
    else:
        value = f"{value}{threshold.figure.unit}"
    return f"{SIGNS[threshold.operator]} {value}"
