"""Row types of a run: the part that makes load writes them, the part that reads results reads them.

Promises: plain frozen values, times in nanoseconds since the run's epoch (the instant `malaria attack`
began, on the monotonic clock of the conductor's host), counts as integers, no numpy in the public shape.
A counter that is absent is zero; a gauge that is absent is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from malaria.records.stored_values import LARGEST, StoredCount

FORMER_PHASES: Final[Mapping[str, str]] = {"settle": "warmup", "collect": "finish"}
"""Names of phases in runs of version 0.1, and what they are called now."""


class RunPhase(StrEnum):
    """The phases of an attack, in order."""

    PREPARE = "prepare"
    CONNECT = "connect"
    WARMUP = "warmup"
    MEASURE = "measure"
    DRAIN = "drain"
    VERIFY = "verify"
    FINISH = "finish"

    @classmethod
    def _missing_(cls, value: object) -> RunPhase | None:
        """Read the names that runs of version 0.1 hold."""
        return cls(FORMER_PHASES[str(value)]) if value in FORMER_PHASES else None


class Metric(StrEnum):
    """The metrics that are kept as histograms of nanoseconds; README says what each number means."""

    CONNECT = "connect"  # TCP start to CONNACK
    TCP = "tcp"  # ... of it: TCP start until connected
    TLS = "tls"  # ... the TLS handshake
    UPGRADE = "upgrade"  # ... the WebSocket upgrade
    CONNACK = "connack"  # ... CONNECT sent to CONNACK
    OWN_NEGOTIATION = (
        "own_negotiation"  # the part of TLS and UPGRADE that is ours: our steps, and the wait for our turn
    )
    SUBACK = "suback"  # SUBSCRIBE sent to SUBACK
    ACK = "ack"  # due to PUBACK/PUBCOMP
    SERVICE = "service"  # sent to PUBACK/PUBCOMP
    LAG = "lag"  # due to sent
    OWN_LAG = "own_lag"  # the part of lag that is ours: due to the turn of the loop that took the message up
    END_TO_END = "end_to_end"  # due to delivery at the subscriber
    UNFINISHED = "unfinished"  # lower bounds of `ack` for messages that had no acknowledgement when the drain ended


class Counter(StrEnum):
    """The counters, per period and summed over workers. Each is a total of single events, never a rate."""

    DUE = "due"
    SENT = "sent"
    ACKED = "acked"
    DELIVERED = "delivered"  # first arrivals
    DUPLICATED = "duplicated"
    DUPLICATED_QOS_2 = "duplicated_qos_2"  # ... of it in packets of QoS 2, which promises exactly one delivery
    OVERLAPPING = "overlapping"  # repeats that the specification allows: a copy for each filter of the client
    REORDERED = "reordered"
    ARRIVED = "arrived"  # every PUBLISH that came in, tracked or not
    RETAINED = "retained"  # arrivals with RETAIN set: kept messages, no part of `delivered`
    FOREIGN = "foreign"  # arrivals whose payload carries no header of this run
    UNEXPECTED = "unexpected"  # arrivals of a publisher that no filter of this client should match
    NEGATIVE_LATENCY = "negative_latency"
    CLAMPED_LOW = "clamped_low"
    CLAMPED_HIGH = "clamped_high"
    REDELIVERED = "redelivered"  # our own PUBLISH/PUBREL sent again with DUP after a reconnect
    STRAY_ACK = "stray_ack"  # answers to nothing: a packet id that was not in flight, a PINGRESP without a PINGREQ
    BYTES_SENT = "bytes_sent"
    BYTES_RECEIVED = "bytes_received"
    SENDS = "sends"  # calls of send() that carried messages
    HELD_WINDOW = "held_window"  # messages that had to wait because the in-flight window was full
    HELD_BACKLOG = "held_backlog"  # ... because the kernel took no more bytes (the broker does not read)
    HELD_OFFLINE = "held_offline"  # ... because the client was not connected
    ANSWERED = "answered"  # requests that a client of this load answered (MQTT 5)
    PUBLISHES_REFUSED = "publishes_refused"  # messages that the broker answered with a reason of failure (MQTT 5)
    TOO_LARGE = "too_large"  # messages due and never sent: larger than the broker takes (MQTT 5)
    FORGOTTEN = "forgotten"  # in flight when a clean-start client lost its connection, or left with its surge
    ABANDONED = "abandoned"  # due, and not sent when their client left with its surge
    CONNECTED = "connected"  # CONNACK accepted
    REFUSED = "refused"  # connect attempts that failed: TCP, TLS or CONNACK
    DROPPED = "dropped"  # established connections that ended without our asking
    CUT = "cut"  # established connections that we broke on purpose
    RECONNECTS = "reconnects"  # CONNACK accepted by a client that had been connected before
    CONNECT_TIMEOUTS = "connect_timeouts"
    PING_TIMEOUTS = "ping_timeouts"
    PINGS = "pings"
    MALFORMED = "malformed"  # connections closed because the broker's bytes were no MQTT
    SUBSCRIPTIONS = "subscriptions"
    SUBSCRIPTIONS_REFUSED = "subscriptions_refused"
    SUBSCRIPTIONS_LOWERED = "subscriptions_lowered"  # granted with a lower QoS than was asked for
    UNMATCHED = "unmatched"  # acknowledged with the reason that no client subscribes to the topic (MQTT 5)
    TAKEN_OVER = "taken_over"  # connections that the broker ended because the client id connected again (MQTT 5)
    NEGOTIATION_CPU_NS = "negotiation_cpu_ns"  # our processor time in TLS handshakes and WebSocket upgrades
    RESUMED = "resumed"  # TLS handshakes that an earlier session made shorter
    TURNS = "turns"  # turns of the loop
    LATE_SAMPLES = "late_samples"  # periods longer than 1.5 s: the loop did not come round to its record


class Gauge(StrEnum):
    """A value at the end of a period. Gauges are summed over workers; of those with `_max_` the largest counts."""

    CLIENTS_CONNECTED = "clients_connected"
    CLIENTS_READY = "clients_ready"
    INFLIGHT = "inflight"
    HELD = "held"  # messages due and not yet sent
    BACKLOG_BYTES = "backlog_bytes"
    CPU_NS = "cpu_ns"  # CPU time of the process since it started
    RSS_BYTES = "rss_bytes"
    TURN_MAX_NS = "turn_max_ns"  # longest turn in the period
    LAG_MAX_NS = "lag_max_ns"
    SOCKETS_SAMPLED = "sockets_sampled"  # a few connections are looked at once a second; the others below are of these
    SOCKET_UNSENT_BYTES = "socket_unsent_bytes"  # in the kernel's send queue: not acknowledged by the peer's kernel
    SOCKET_UNREAD_BYTES = "socket_unread_bytes"  # in the kernel's receive queue: not read by us
    SOCKETS_SHUT = "sockets_shut"  # the peer's receive window held our bytes back
    SOCKET_RETRANSMITS = "socket_retransmits"  # TCP segments sent again in the period
    SILENT_MAX_NS = "silent_max_ns"  # longest time without any acknowledgement or arrival; 0: none of half a second
    SILENT_MAX_AGO_NS = "silent_max_ago_ns"  # how long before the end of the period it ended; absent: it lasted
    WAITED_MAX_NS = "waited_max_ns"  # how long of it, up to its end, a message waited for the broker; absent: none did


@dataclass(frozen=True, slots=True)
class Sample:
    """The report of one worker on one period (about a second), or the sum of several workers over it.

    `counters` are the events in the period, `gauges` the values at its end, `histograms` sparse packed
    histograms (`Histogram.to_bytes`) of the values that ended in the period. The histograms hold only messages that
    were due in the measured time; those of the warm-up are left out here and are in `counters` only.
    """

    worker: str
    start_ns: int
    end_ns: int
    phase: RunPhase
    counters: Mapping[str, int] = field(default_factory=dict)
    gauges: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, bytes] = field(default_factory=dict)


LOST_HISTOGRAMS: Final = "lost"
"""The only histogram of a stored sample of which one cannot be read: its latencies are unknown."""

CONNECTION_LOST: Final = "connection lost: "
"""Begins the text of an event that says why connections of READY clients ended; the reason follows."""


class EventKind(StrEnum):
    """The kind of a mark on the time axis."""

    PHASE = "phase"
    SURGE = "surge"
    ACT = "act"
    TROUBLE = "trouble"  # the broker's behaviour: refusals, drops, garbage
    LOST = "lost"  # a worker or a bee
    OPERATOR = "operator"  # Ctrl-C, and what is waited for
    OBSERVER = "observer"  # an observer lost what it watches, or found it again; what was noted before the load
    BROKER = "broker"  # a broker that we had started ended


@dataclass(frozen=True, slots=True)
class Event:
    """One mark on the time axis. Similar troubles are gathered: `count` says how many in the period."""

    at_ns: int
    kind: EventKind
    text: str
    worker: str = ""
    count: int = 1


type Reading = float | int | str | None
"""What an observer reads: a number, a text, or None where it cannot be known."""


def storable(reading: Reading) -> Reading:
    """Return a reading as a run stores it: NaN, and a number beyond 64 bits, become unknown.

    Nothing that is observed is that large. Such a number is a fault of its source, and sums of it would be infinite.
    """
    return None if isinstance(reading, int | float) and not -LARGEST <= reading <= LARGEST else reading


GAP: Final = "gap"
"""The only key of an observation that says why there is none."""


EXIT_CODE: Final = "exit_code"
"""The only key of an observation that says that the observed process ended, and how: -9 is signal 9, None unknown."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One row of an observer of the target side. Names end in their unit; a name that is absent has not changed.

    A row whose only name is `gap` says why nothing can be read from then on, until the next row of another kind.
    """

    observer: str
    at_ns: int
    values: Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class GroupLosses:
    """The deliveries that one group of subscribers lost. `losers` of its `subscribers` lost any."""

    group: str
    subscribers: StoredCount
    losers: StoredCount
    expected: StoredCount
    lost: StoredCount
    acked_lost: StoredCount


UNCOUNTED: Final = "Deliveries cannot be counted"
"""Begins the note of a ledger that says why nothing is known of deliveries."""


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """The account of every message of a run. None: unknown (no header in the payload, a worker was lost).

    `expected = delivered + lost + unresolved`, always, when they are known.
    """

    due: StoredCount | None
    sent: StoredCount | None
    acked: StoredCount | None
    expected: StoredCount | None
    delivered: StoredCount | None
    duplicated: StoredCount | None
    reordered: StoredCount | None
    lost: StoredCount | None
    acked_lost: StoredCount | None
    unresolved: StoredCount | None
    notes: tuple[str, ...] = ()  # a sentence for each figure that is None, and for what else needs one
    duplicated_qos_2: StoredCount | None = None
    overlapping: StoredCount | None = None
    unheard_publishers: StoredCount | None = None
    unheard_lost: StoredCount | None = None
    unacked: StoredCount | None = None  # not answered by the broker, delivered or not; not in runs of version 0.1.0
    losses: tuple[GroupLosses, ...] = ()  # of each group that lost any, the largest first


@dataclass(frozen=True, slots=True)
class BeeStanding:
    """One bee in the live view: its clients, its last second, and how late its latest message left in it."""

    bee: str
    clients_ready: int
    sent_per_s: float | None
    acked_per_s: float | None
    lag_max_ns: StoredCount | None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class LastSecond:
    """The last second that all workers of a running attack have reported. Their seconds begin and end a little apart.

    `per_s` are the rates of the counters, each worker's over its own time: a count over the time from the first begin
    to the last end would be too low. A rate that is absent is zero.
    """

    start_ns: int
    end_ns: int
    phase: RunPhase
    per_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a running attack, as the live view shows it a few times a second.

    `totals` are the counters since the start. `latency_ms` and `second_latency_ms` map a metric to
    {"p50", "p99", "max"} since the start and in `second`; a p99 of too few values is left out.
    `phase_done` of `phase_total` is the bar: clients in the connect phase, nanoseconds in the others.
    `load_start_ns` is the zero of the clock that people read; None before it is known. `target_percent` is the latest
    CPU of the `broker` (of a core) and of its `host`, as far as observers see them. `paused` are the groups of which
    nothing is due until they resume; `intervals` has the seconds between two messages of a client of those groups whose
    rate was changed. `acknowledged`: the broker answers every message, as none publishes at QoS 0.
    """

    at_ns: int
    phase: RunPhase
    phase_done: int
    phase_total: int
    clients_planned: int
    due_per_s: float | None
    totals: Mapping[str, int] = field(default_factory=dict)
    gauges: Mapping[str, int] = field(default_factory=dict)
    second: LastSecond | None = None
    latency_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    second_latency_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    bees: tuple[BeeStanding, ...] = ()
    load_start_ns: int | None = None
    target_percent: Mapping[str, float] = field(default_factory=dict)
    paused: tuple[str, ...] = ()
    intervals: Mapping[str, Fraction] = field(default_factory=dict)
    acknowledged: bool = True

    @property
    def loaded(self) -> bool:
        """Tell whether the load, or its warm-up, has begun and not ended."""
        is_before = self.load_start_ns is not None and self.at_ns < self.load_start_ns
        return self.phase is RunPhase.WARMUP or (self.phase is RunPhase.MEASURE and not is_before)

    @property
    def due_now_per_s(self) -> float | None:
        """The rate that is due at this moment: none before the load begins and after its end."""
        return self.due_per_s if self.loaded or self.due_per_s is None else 0.0
