"""The definition of each figure: a sentence and, where there is one, a formula. The page links to these."""

from __future__ import annotations

from typing import Final

from malaria.analysis.stalls import RULE

DEFINITIONS: Final[dict[str, tuple[str, str]]] = {
    "clients": (
        "Clients that were connected, with all their subscriptions, at the end of the measured window; in a run with "
        "surges, the most at once.",
        "",
    ),
    "due": (
        "Messages that the schedule asked for. The schedule is a function of time and does not wait for the broker.",
        "",
    ),
    "sent": ("Messages whose last byte was handed to the kernel.", ""),
    "acked": ("Messages that the broker acknowledged: PUBACK at QoS 1, PUBCOMP at QoS 2.", ""),
    "expected": (
        "Deliveries that should have happened: each sent message once for every subscriber with a matching filter.",
        "",
    ),
    "delivered": ("First arrivals of an expected delivery.", "expected = delivered + lost + unresolved"),
    "arrived": ("All PUBLISH packets that arrived, from any sender.", ""),
    "duplicated": (
        "Arrivals of a message that had arrived before at the same subscriber, without those that overlap.",
        "",
    ),
    "duplicated_qos_2": (
        "The part of the duplicated that came in packets of QoS 2, which promises exactly one delivery.",
        "",
    ),
    "overlapping": (
        "Repeats that the specification allows: one copy for each filter of the subscriber that matches the topic.",
        "",
    ),
    "reordered": ("First arrivals after a later message of the same publisher.", ""),
    "lost": (
        "Deliveries that had not happened when the drain ended, of messages that were acknowledged or, at QoS 0, sent.",
        "",
    ),
    "acked_lost": (
        "The part of the lost deliveries whose message the broker had acknowledged: the worst that a broker can do.",
        "",
    ),
    "unresolved": ("Messages that were neither acknowledged nor delivered when the drain ended.", ""),
    "unacked": (
        "Messages of QoS 1 and 2 that the broker had not answered when the drain ended, delivered or not. "
        "Refused ones are not among them.",
        "",
    ),
    "ack": (
        "From when a message was due to its acknowledgement. It includes the time in which the broker was frozen. "
        "Where no limit is stated its p99 may be a second, or the interval between two messages of a client if that is "
        "longer.",
        "done − due",
    ),
    "service": ("From the hand-off to the kernel to the acknowledgement.", "done − sent"),
    "lag": (
        "From when a message was due to its hand-off to the kernel, whether broker or generator caused the wait.",
        "sent − due",
    ),
    "own_lag": (
        "The part of the lag that the generator caused. With a p99 (of at least 100 messages) above its limit the run "
        "is INVALID. The limit (--own-lag-limit) is a tenth of the tightest limit on latency, and at least 5 ms.",
        "sent − due, or taken up − due for a message that had to wait for the broker",
    ),
    "end_to_end": ("From when a message was due to its arrival at the subscriber.", "arrival − due"),
    "connect": ("From the start of TCP to CONNACK.", "CONNACK − TCP start"),
    "tcp": ("From the start of TCP until it was connected.", "connected − TCP start"),
    "tls": (
        "The TLS handshake. If more than half of it is the generator's own time, the verdict gets a remark, or is "
        "INVALID where slow connects would make it a FAIL.",
        "done − TCP",
    ),
    "upgrade": ("The WebSocket upgrade.", "accepted − TLS or TCP"),
    "connack": (
        "From CONNECT to CONNACK. With TLS 1.3 it includes the broker's part of the handshake, because the client's "
        "part ends first.",
        "CONNACK − CONNECT",
    ),
    "suback": ("From SUBSCRIBE to SUBACK.", "SUBACK − SUBSCRIBE"),
    "percentiles": (
        "From merged histograms with three significant digits. A percentile that messages without an acknowledgement "
        "could raise is stated as a lower bound (≥). A percentile needs so many values that one lies beyond it: "
        "p90 10, p95 20, p99 100, p99.9 1,000.",
        "",
    ),
    "stalls": (RULE, ""),
    "rates": (
        "The count in the measured window, divided by its length. A load that ended by its number of messages (-n) is "
        "counted whole, over the time from the first message due to the last one done. Over less than a second none is "
        "stated, except of such a load.",
        "count / seconds",
    ),
    "generator_cpu": ("CPU time of the workers over the measured window; one core is 100 %.", "CPU time / time"),
    "broker_cpu": (
        "CPU time of the broker's process and its children over the measured window; one core is 100 %.",
        "CPU time / time",
    ),
    "host_cpu": (
        "Busy time of all processors of the broker's host over the measured window; all of them are 100 %.",
        "busy / (busy + idle)",
    ),
    "host_memory": (
        "Memory in use on the broker's host at the end of the measured window, and its total. Memory that a new "
        "program could get does not count as used.",
        "total − available",
    ),
    "broker_memory": (
        "Resident memory of the broker's process and its children at the end of the measured window.",
        "",
    ),
    "on_target": ("The rate of messages done is within 2 % of the rate due.", "|done − due| ≤ 0.02 × due"),
    "sys": (
        "The topics below $SYS at the end of the measured window. Averages over a minute need minutes to settle. "
        "Rates are differences of the broker's own counters, without the packets for the observer.",
        "",
    ),
}

COUNTERS: Final[dict[str, str]] = {
    "retained": "retained messages of the broker: not part of the deliveries",
    "foreign": "messages without the header of this run: from another sender",
    "unexpected": "messages of a publisher that no filter of the receiving client should match",
    "negative_latency": "latencies below zero: the clocks of two hosts disagree",
    "clamped_low": "values under 1 µs, counted as 1 µs",
    "clamped_high": "values over 1 hour, counted as 1 hour",
    "refused": "attempts to connect that failed: TCP, TLS or CONNACK",
    "dropped": "connections that ended although the client had not asked for it",
    "reconnects": "reconnects of a client after its connection had ended",
    "redelivered": "packets sent again with DUP after a reconnect",
    "stray_ack": "answers to nothing: a packet id that was not in flight, a PINGRESP without a PINGREQ",
    "held_window": "messages that had to wait because the in-flight window was full",
    "held_backlog": "messages that had to wait because the kernel accepted no more bytes: the broker did not read",
    "resumed": "TLS handshakes that resumed an earlier session",
    "negotiation_cpu_ns": "CPU time of the generator in TLS handshakes and WebSocket upgrades",
    "held_offline": "messages that had to wait because their client was not connected",
    "answered": "requests that a client of this load answered",
    "publishes_refused": "messages that the broker refused with a reason code: not acked, and part of the unresolved",
    "too_large": "messages that were due and not sent: larger than the broker's maximum packet size",
    "forgotten": "messages in flight when a clean-start client lost its connection, or left with its surge",
    "cut": "connections that the generator broke on purpose",
    "abandoned": "messages that were due and not sent when their client left with its surge",
    "connect_timeouts": "connects without an answer in time",
    "ping_timeouts": "connections that the client closed because the broker did not answer a PINGREQ",
    "malformed": "connections that the client closed because the broker's bytes were not MQTT",
    "subscriptions_refused": "subscriptions that the broker refused",
    "subscriptions_lowered": "subscriptions that the broker granted with a lower QoS than was asked for",
    "unmatched": "messages that the broker acknowledged with the reason that nobody subscribes to their topic",
    "taken_over": "connections that the broker ended because another client of the same id connected",
    "late_samples": "seconds whose record was late: the event loop was busy",
}
