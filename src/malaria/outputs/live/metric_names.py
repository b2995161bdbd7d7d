"""The metrics of a running attack: each counter, gauge and histogram with its name and what it says.

The names here are those of the Prometheus page without `malaria_` and `_total`. They end in a base unit: seconds,
bytes, or the things that are counted. A test holds that nothing is left out, and that docs/metrics.md has them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, Gauge, Metric

PREFIX: Final = "malaria_"


@dataclass(frozen=True, slots=True)
class LiveMetric:
    """The name and the meaning of one metric. Its value is what malaria counts, divided by `per`."""

    name: str
    text: str
    per: int = 1

    def value(self, counted: float) -> float:
        return counted / self.per if self.per != 1 else counted


COUNTERS: Final[Mapping[Counter, LiveMetric]] = {
    Counter.DUE: LiveMetric("messages_due", "Messages that were due, those of the warm-up included."),
    Counter.SENT: LiveMetric("messages_sent", "Messages whose last byte the kernel has taken."),
    Counter.ACKED: LiveMetric("messages_acked", "Messages that the broker has acknowledged (QoS 1 and 2)."),
    Counter.DELIVERED: LiveMetric("messages_delivered", "First arrivals of messages at subscribers."),
    Counter.DUPLICATED: LiveMetric("messages_duplicated", "Arrivals of messages that had arrived before."),
    Counter.DUPLICATED_QOS_2: LiveMetric("messages_duplicated_qos_2", "Repeats in packets of QoS 2."),
    Counter.OVERLAPPING: LiveMetric("messages_overlapping", "Repeats for overlapping filters of one client."),
    Counter.REORDERED: LiveMetric("messages_reordered", "Arrivals after a later message of the same publisher."),
    Counter.ARRIVED: LiveMetric("messages_arrived", "PUBLISH packets that came in, of whatever origin."),
    Counter.RETAINED: LiveMetric("messages_retained", "Arrivals of kept messages (RETAIN)."),
    Counter.FOREIGN: LiveMetric("messages_foreign", "Arrivals that are not of this run."),
    Counter.UNEXPECTED: LiveMetric("messages_unexpected", "Arrivals at a client that no filter should bring there."),
    Counter.NEGATIVE_LATENCY: LiveMetric("latencies_negative", "Arrivals before they were sent: clocks differ."),
    Counter.CLAMPED_LOW: LiveMetric("latencies_clamped_low", "Latencies below 1 us, kept as 1 us."),
    Counter.CLAMPED_HIGH: LiveMetric("latencies_clamped_high", "Latencies above 1 hour, kept as 1 hour."),
    Counter.REDELIVERED: LiveMetric("messages_redelivered", "Messages that clients sent again after a reconnect."),
    Counter.STRAY_ACK: LiveMetric("acks_stray", "Answers of the broker to nothing that is open."),
    Counter.BYTES_SENT: LiveMetric("sent_bytes", "Bytes that clients sent."),
    Counter.BYTES_RECEIVED: LiveMetric("received_bytes", "Bytes that clients received."),
    Counter.SENDS: LiveMetric("sends", "System calls that carried messages."),
    Counter.HELD_WINDOW: LiveMetric("messages_held_by_window", "Messages that waited for room in the window."),
    Counter.HELD_BACKLOG: LiveMetric("messages_held_by_backlog", "Messages that waited for the kernel to take bytes."),
    Counter.HELD_OFFLINE: LiveMetric("messages_held_offline", "Messages that waited for a connection."),
    Counter.ANSWERED: LiveMetric("requests_answered", "Requests that clients answered (MQTT 5)."),
    Counter.PUBLISHES_REFUSED: LiveMetric("messages_refused", "Messages that the broker refused (MQTT 5)."),
    Counter.TOO_LARGE: LiveMetric("messages_too_large", "Messages never sent: larger than the broker takes (MQTT 5)."),
    Counter.FORGOTTEN: LiveMetric("messages_forgotten", "Messages in flight whose client lost its clean session."),
    Counter.ABANDONED: LiveMetric("messages_abandoned", "Messages due and not sent when their client left."),
    Counter.CONNECTED: LiveMetric("connects", "Connections that the broker accepted."),
    Counter.REFUSED: LiveMetric("connects_refused", "Connects that failed: TCP, TLS or CONNACK."),
    Counter.DROPPED: LiveMetric("connections_dropped", "Connections that ended without our asking."),
    Counter.CUT: LiveMetric("connections_cut", "Connections that malaria broke on purpose."),
    Counter.RECONNECTS: LiveMetric("reconnects", "Connects of clients that had been connected before."),
    Counter.CONNECT_TIMEOUTS: LiveMetric("connect_timeouts", "Connects that took too long."),
    Counter.PING_TIMEOUTS: LiveMetric("ping_timeouts", "Pings without an answer in time."),
    Counter.PINGS: LiveMetric("pings", "Pings that clients sent."),
    Counter.MALFORMED: LiveMetric("connections_malformed", "Connections closed because the bytes were no MQTT."),
    Counter.SUBSCRIPTIONS: LiveMetric("subscriptions", "Subscriptions that the broker granted."),
    Counter.SUBSCRIPTIONS_REFUSED: LiveMetric("subscriptions_refused", "Subscriptions that the broker refused."),
    Counter.SUBSCRIPTIONS_LOWERED: LiveMetric("subscriptions_lowered", "Subscriptions granted with a lower QoS."),
    Counter.UNMATCHED: LiveMetric("messages_unmatched", "Messages to which no client subscribes, says the broker."),
    Counter.TAKEN_OVER: LiveMetric("connections_taken_over", "Connections ended because their client id came again."),
    Counter.NEGOTIATION_CPU_NS: LiveMetric("negotiation_cpu_seconds", "Our CPU for TLS and WebSocket.", NS_PER_S),
    Counter.RESUMED: LiveMetric("tls_sessions_resumed", "TLS handshakes that an earlier session made shorter."),
    Counter.TURNS: LiveMetric("loop_turns", "Turns of the loops of all workers."),
    Counter.LATE_SAMPLES: LiveMetric("late_samples", "Periods of workers longer than 1.5 s."),
}
CPU: Final = LiveMetric("generator_cpu_seconds", "CPU time of all workers.", NS_PER_S)
UNTAKEN: Final = LiveMetric("live_rows_dropped", "Rows that these metrics lack because this process was too slow.")

GAUGES: Final[Mapping[Gauge, LiveMetric]] = {
    Gauge.CLIENTS_CONNECTED: LiveMetric("clients_connected", "Clients with a connection."),
    Gauge.CLIENTS_READY: LiveMetric("clients_ready", "Clients that do what they are there for."),
    Gauge.INFLIGHT: LiveMetric("messages_inflight", "Messages sent and not acknowledged."),
    Gauge.HELD: LiveMetric("messages_held", "Messages due and not sent."),
    Gauge.BACKLOG_BYTES: LiveMetric("backlog_bytes", "Bytes that the kernel did not take."),
    Gauge.RSS_BYTES: LiveMetric("generator_resident_memory_bytes", "Memory of all workers."),
    Gauge.TURN_MAX_NS: LiveMetric("loop_turn_max_seconds", "Longest turn of a loop in the last second.", NS_PER_S),
    Gauge.LAG_MAX_NS: LiveMetric("lag_max_seconds", "Latest message of the last second: due to sent.", NS_PER_S),
    Gauge.SOCKETS_SAMPLED: LiveMetric("sockets_sampled", "Connections that are looked at; the next four are of these."),
    Gauge.SOCKET_UNSENT_BYTES: LiveMetric("socket_unsent_bytes", "Bytes that the peer's kernel has not acknowledged."),
    Gauge.SOCKET_UNREAD_BYTES: LiveMetric("socket_unread_bytes", "Bytes that the workers have not read."),
    Gauge.SOCKETS_SHUT: LiveMetric("sockets_shut", "Connections whose peer takes no more bytes."),
    Gauge.SOCKET_RETRANSMITS: LiveMetric("socket_retransmits", "TCP segments sent again in the last second."),
    Gauge.SILENT_MAX_NS: LiveMetric("silence_max_seconds", "Longest time without an answer, from 0.5 s on.", NS_PER_S),
}
GAUGES_LEFT_OUT: Final[Mapping[Gauge, str]] = {
    Gauge.CPU_NS: "generator_cpu_seconds is made of it",
    Gauge.SILENT_MAX_AGO_NS: "says nothing without the time of its sample",
    Gauge.WAITED_MAX_NS: "says nothing without the time of its sample",
}
CLIENTS_PLANNED: Final = LiveMetric("clients_planned", "Clients of the load: surges and changes as they come and go.")
DUE_RATE: Final = LiveMetric("messages_due_per_second", "Messages that are due in a second now; absent: closed loop.")
PHASE: Final = LiveMetric("phase", "1 for the phase that the attack is in.")
VERDICT: Final = LiveMetric("verdict", "1 for the verdict; absent while the attack runs.")
STARTED: Final = LiveMetric("start_timestamp_seconds", "Wall clock at the zero of run time.", NS_PER_S)

HISTOGRAMS: Final[Mapping[Metric, LiveMetric]] = {
    Metric.ACK: LiveMetric("ack_latency_seconds", "Due to PUBACK or PUBCOMP."),
    Metric.SERVICE: LiveMetric("service_latency_seconds", "Sent to PUBACK or PUBCOMP."),
    Metric.END_TO_END: LiveMetric("end_to_end_latency_seconds", "Due to delivery at the subscriber."),
    Metric.LAG: LiveMetric("lag_seconds", "Due to sent."),
    Metric.OWN_LAG: LiveMetric("own_lag_seconds", "The part of the lag that is the generator's."),
    Metric.CONNECT: LiveMetric("connect_duration_seconds", "TCP start to CONNACK."),
    Metric.TCP: LiveMetric("tcp_connect_duration_seconds", "TCP start until connected."),
    Metric.TLS: LiveMetric("tls_handshake_duration_seconds", "The TLS handshake."),
    Metric.UPGRADE: LiveMetric("websocket_upgrade_duration_seconds", "The WebSocket upgrade."),
    Metric.CONNACK: LiveMetric("connack_duration_seconds", "CONNECT sent to CONNACK."),
    Metric.SUBACK: LiveMetric("subscribe_duration_seconds", "SUBSCRIBE sent to SUBACK."),
}
HISTOGRAMS_LEFT_OUT: Final[Mapping[Metric, str]] = {
    Metric.UNFINISHED: "lower bounds, no latencies",
    Metric.OWN_NEGOTIATION: "a part of two others; negotiation_cpu_seconds is its cost",
}

ACCOUNT: Final[Mapping[str, LiveMetric]] = {
    "expected": LiveMetric("messages_expected", "Deliveries that were expected."),
    "lost": LiveMetric("messages_lost", "Deliveries that never came."),
    "acked_lost": LiveMetric("messages_acked_lost", "Lost deliveries of messages that the broker had acknowledged."),
    "unresolved": LiveMetric("messages_unresolved", "Messages neither acknowledged nor delivered."),
    "unacked": LiveMetric("messages_unacked", "Messages that the broker never acknowledged."),
}
"""Figures of `messages` in summary.json that are known only when the attack is over."""
