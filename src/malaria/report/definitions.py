"""How each figure is defined: a sentence and, where there is one, its formula. The page links to these."""

from __future__ import annotations

from typing import Final

DEFINITIONS: Final[dict[str, tuple[str, str]]] = {
    "clients": (
        "Clients that were connected, and subscribed where they should be, at the end of the measured window; where "
        "surges came and went, the most at once.",
        "",
    ),
    "due": (
        "Messages that the schedule asked for. The schedule is a function of time and does not wait for the broker.",
        "",
    ),
    "sent": ("Messages whose last byte was handed to the kernel.", ""),
    "acked": ("Messages that the broker acknowledged: PUBACK at QoS 1, PUBCOMP at QoS 2.", ""),
    "expected": (
        "Deliveries that should have come: each sent message once for every subscriber whose filters match.",
        "",
    ),
    "delivered": ("First arrivals of an expected delivery.", "expected = delivered + lost + unresolved"),
    "arrived": ("Every PUBLISH that came in, whoever sent it.", ""),
    "duplicated": ("Arrivals of a message that had arrived before at the same subscriber.", ""),
    "reordered": ("First arrivals that came after a later message of the same publisher.", ""),
    "lost": (
        "Deliveries that had not come when the drain ended, of messages that were acknowledged or, at QoS 0, sent.",
        "",
    ),
    "acked_lost": ("The part of the lost that the broker had acknowledged: the worst a broker can do.", ""),
    "unresolved": ("Messages that were neither acknowledged nor delivered when the drain ended.", ""),
    "ack": ("From when a message was due to its acknowledgement; a broker that freezes shows it here.", "done − due"),
    "service": ("From the hand-off to the kernel to the acknowledgement.", "done − sent"),
    "lag": ("From when a message was due to its hand-off to the kernel, whoever caused the wait.", "sent − due"),
    "own_lag": (
        "The part of the lag that is this generator's. Over its bound the run is INVALID.",
        "sent − due, or taken up − due for a message that had to wait for the broker",
    ),
    "end_to_end": ("From when a message was due to its arrival at the subscriber.", "arrival − due"),
    "connect": ("From the start of TCP to CONNACK.", "CONNACK − TCP start"),
    "tcp": ("From the start of TCP until it was connected.", "connected − TCP start"),
    "tls": (
        "The TLS handshake. Its part that is ours is kept apart: over half of it is remarked, and is INVALID "
        "where the broker would be blamed.",
        "done − TCP",
    ),
    "upgrade": ("The WebSocket upgrade.", "accepted − TLS or TCP"),
    "connack": (
        "From CONNECT to CONNACK. With TLS 1.3 it holds the broker's end of the handshake: ours is over first.",
        "CONNACK − CONNECT",
    ),
    "suback": ("From SUBSCRIBE to SUBACK.", "SUBACK − SUBSCRIBE"),
    "percentiles": (
        "From merged histograms with three significant digits. A percentile that a message without an acknowledgement "
        "could move is not stated.",
        "",
    ),
    "rates": ("Happenings in the measured window over its length.", "count / seconds"),
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
        "Memory of the broker's host at the end of the measured window: what a new program could not get, of all.",
        "total − available",
    ),
    "broker_memory": (
        "Resident memory of the broker's process and its children at the end of the measured window.",
        "",
    ),
    "on_target": ("Messages done within 2 % of those due.", "|done − due| ≤ 0.02 × due"),
    "sys": (
        "The topics below $SYS at the end of the measured window. Averages over a minute need minutes to settle; "
        "rates are differences of the broker's own counters, without what it sent to the observer.",
        "",
    ),
}

LABELS: Final[dict[str, str]] = {
    "tcp": "connect: TCP",
    "tls": "connect: TLS",
    "upgrade": "connect: upgrade",
    "connack": "connect: CONNACK",
    "suback": "SUBACK",
    "acked_lost": "acked but lost",
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
"""What people read, where it is not the name itself."""

COUNTERS: Final[dict[str, str]] = {
    "retained": "messages that the broker had kept (RETAIN): no part of the deliveries",
    "foreign": "messages that carried no header of this run: somebody else's",
    "unexpected": "messages of a publisher that no filter of that client should match",
    "negative_latency": "latencies under zero: clocks that disagree",
    "clamped_low": "values under 1 µs, counted as 1 µs",
    "clamped_high": "values over 1 hour, counted as 1 hour",
    "refused": "attempts to connect that failed: TCP, TLS or CONNACK",
    "dropped": "connections that ended without our asking",
    "reconnects": "times that a client came back after its connection had ended",
    "redelivered": "packets sent again with DUP after a reconnect",
    "stray_ack": "acknowledgements of a packet id that was not in flight",
    "held_window": "messages that had to wait because the in-flight window was full",
    "held_backlog": "messages that had to wait because the kernel took no more bytes: the broker did not read",
    "resumed": "TLS handshakes that an earlier session made shorter",
    "negotiation_cpu_ns": "our processor time in TLS handshakes and WebSocket upgrades",
    "held_offline": "messages that had to wait because their client was not connected",
    "answered": "requests that a client of this load answered",
    "publishes_refused": "messages that the broker refused with a reason: not acked, and among the unresolved",
    "too_large": "messages that were due and never sent: larger than the broker's maximum packet size",
    "forgotten": "messages in flight when a clean-start client lost its connection, or left with its surge",
    "cut": "connections that were broken on purpose",
    "abandoned": "messages that were due and not sent when their client left with its surge",
    "connect_timeouts": "connects that got no answer in time",
    "ping_timeouts": "connections given up because the broker did not answer a PINGREQ",
    "malformed": "connections closed because the broker's bytes were no MQTT",
    "subscriptions_refused": "subscriptions that the broker refused",
    "late_samples": "seconds whose record came late: the loop did not come round to it",
}
