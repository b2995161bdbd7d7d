"""Recognises delays by their length: they come from TCP or from a poll interval, not from the work of the broker.

A delay is recognised where many values lie in its narrow band and few in the bands of the same width beside it: a tail
that merely passes through the band has more values below it. A way to the broker that takes as long is no such delay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.quantiles import latency_of
from malaria.analysis.summary_figures import Summary
from malaria.clock import NS_PER_MS
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric
from malaria.records.run import Run

LEAST_VALUES: Final = 10
LEAST_SHARE: Final = 0.02
"""Of all values, in the band: with fewer the delay is rare."""
BESIDE: Final = 0.25
"""Of the values in the band: with more beside it, it is no peak."""
NAGLE: Final = "the broker's Nagle algorithm waits for delayed ACKs (mosquitto: set_tcp_nodelay true)"
NAGLE_BAND_MS: Final = (15.0, 50.0)
"""Where the p99 of deliveries lies when messages wait for up to 40 ms."""
POLLS_MS: Final = (1000, 500, 250, 200, 100, 50)
MULTIPLES: Final = 3
POLL_WIDTH: Final = 0.06

_ANSWERS: Final = (Metric.CONNACK, Metric.END_TO_END, Metric.ACK)


@dataclass(frozen=True, slots=True)
class KnownDelay:
    """A delay of a known length in some latencies. `way_ms` and longer, the way to the broker may be the cause."""

    low_ms: float
    high_ms: float
    metrics: tuple[Metric, ...]
    way_ms: float
    cause: str


KNOWN: Final = (
    KnownDelay(38, 50, _ANSWERS, 5, NAGLE),
    KnownDelay(200, 240, _ANSWERS, 50, "TCP sends a lost packet again after 200 ms (see tcp_retransmits of the host)"),
    KnownDelay(
        1000, 1100, (Metric.TCP, Metric.CONNECT), 500,
        "a SYN without an answer is sent again after one second (a larger accept backlog of the broker, or a lower "
        "-R/--connect-rate)",
    ),
)  # fmt: skip
NAMES: Final = {
    Metric.CONNACK: "CONNACK", Metric.END_TO_END: "end to end", Metric.ACK: "ack", Metric.TCP: "connect: TCP",
    Metric.CONNECT: "connect",
}  # fmt: skip


def known_delays(run: Run, _: Summary) -> list[Reason]:
    """Report delays of a known length, each with its cause and its remedy, as remarks."""
    if run.damage.hits("sample", "histogram"):
        return []
    way_ns = latency_of(run, Metric.TCP).finished.min_ns or 0
    found = [
        text
        for delay in KNOWN
        if way_ns < delay.way_ms * NS_PER_MS
        for text in [next(_recognised(run, delay), "")]
        if text
    ]
    return [Reason(Outcome.PASS, text) for text in found or _polls(run)]


def _recognised(run: Run, delay: KnownDelay) -> Iterator[str]:
    for metric in delay.metrics:
        share = peak_share(latency_of(run, metric).finished, delay.low_ms, delay.high_ms)
        if share:
            where = f"{delay.low_ms:g} and {delay.high_ms:g} ms"
            yield f"{share:.0%} of the values of {NAMES[metric]} lie between {where}: {delay.cause}"


def peak_share(histogram: Histogram, low_ms: float, high_ms: float) -> float:
    """Return the share of the values in a band that is a peak; 0 if it is none, or too few values are in it."""
    ratio = high_ms / low_ms
    inside = _count(histogram, low_ms, high_ms)
    if inside < max(LEAST_VALUES, LEAST_SHARE * histogram.count):
        return 0.0
    beside = max(_count(histogram, low_ms / ratio, low_ms), _count(histogram, high_ms, high_ms * ratio))
    return 0.0 if beside > BESIDE * inside else inside / histogram.count


def _polls(run: Run) -> list[str]:
    """Return a remark on deliveries that come at multiples of an interval; at most one."""
    histogram = latency_of(run, Metric.END_TO_END).finished
    for poll_ms in POLLS_MS:
        peaks = [
            peak_share(histogram, poll_ms * times, poll_ms * times * (1 + POLL_WIDTH))
            for times in range(1, MULTIPLES + 1)
        ]
        if all(peaks):
            return [
                f"{sum(peaks):.0%} of the deliveries come at multiples of {poll_ms} ms: a poll interval is the cause"
            ]
    return []


def _count(histogram: Histogram, low_ms: float, high_ms: float) -> int:
    if histogram.is_empty:
        return 0
    edges, counts = histogram.buckets()
    within = (edges >= low_ms * NS_PER_MS) & (edges < high_ms * NS_PER_MS)
    return int(np.sum(counts[within]))
