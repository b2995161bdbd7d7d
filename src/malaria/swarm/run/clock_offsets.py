"""Estimate how far a bee's clock is from the conductor's, with an error bound. Pure: times come in as numbers.

One exchange asks a bee for its time. The bee answered between the question and the arrival of the answer, so the offset
(bee minus conductor) lies between `answered - heard` and `answered - asked`: an interval as wide as the round trip,
however the two ways share it. The intervals of many exchanges are intersected, each widened by what two clocks can
drift apart in the meantime; the rest holds the true offset. Narrow intervals, from quick exchanges, decide.

Promises: the true offset is never further from the estimate than the error, as long as the two clocks drift apart by no
more than `DRIFT_PPM`. Intervals that do not overlap show that they did (a clock was set, a machine slept): that is
counted, and the estimate begins anew.

Source: F. Cristian, Probabilistic clock synchronization (1989); K. Marzullo's intersection of intervals (RFC 5905).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

DRIFT_PPM: Final = 100
"""Two crystals of 50 parts in a million each; an NTP daemon that corrects a monotonic clock stays well below."""
MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question: `asked_ns` and `heard_ns` on the conductor's clock, `answered_ns` on the bee's."""

    asked_ns: int
    answered_ns: int
    heard_ns: int

    @property
    def rtt_ns(self) -> int:
        return self.heard_ns - self.asked_ns


@dataclass(frozen=True, slots=True)
class Offset:
    """The bee's clock minus the conductor's at `at_ns` (conductor's clock); the truth is at most `error_ns` away."""

    at_ns: int
    offset_ns: int
    error_ns: int

    def distance_ns(self, used_ns: int) -> int:
        """Return how far the truth may be from an offset that was used."""
        return abs(used_ns - self.offset_ns) + self.error_ns

    def allows(self, used_ns: int) -> bool:
        """Return whether that offset may be the truth."""
        return abs(used_ns - self.offset_ns) <= self.error_ns


class ClockTrack:
    """The exchanges with one bee, condensed. One owner."""

    def __init__(self, drift_ppm: int = DRIFT_PPM) -> None:
        self.exchanges = 0
        self.steps = 0  # how often intervals did not overlap
        self.best_rtt_ns: int | None = None
        self._drift_ppm = drift_ppm
        self._low_ns = self._high_ns = self._at_ns = 0

    def take(self, exchange: Exchange) -> None:
        """Enter an exchange; in the order of `heard_ns`."""
        low = exchange.answered_ns - exchange.heard_ns
        high = exchange.answered_ns - exchange.asked_ns
        slack = self._drift(exchange.rtt_ns)  # the interval holds for an unknown instant of the exchange
        low, high = low - slack, high + slack
        if self.exchanges:
            since = self._drift(max(0, exchange.heard_ns - self._at_ns))
            kept_low, kept_high = max(low, self._low_ns - since), min(high, self._high_ns + since)
            if kept_low <= kept_high:
                low, high = kept_low, kept_high
            else:
                # a clock was set, or its machine slept: what was known of it is void
                self.steps += 1
        self.exchanges += 1
        best = exchange.rtt_ns if self.best_rtt_ns is None else min(self.best_rtt_ns, exchange.rtt_ns)
        self.best_rtt_ns = best
        self._low_ns, self._high_ns, self._at_ns = low, high, exchange.heard_ns

    def estimate(self, at_ns: int) -> Offset | None:
        """Return the offset at an instant of the conductor's clock, after the last exchange; None before the first."""
        if not self.exchanges:
            return None
        middle = (self._low_ns + self._high_ns) // 2
        half = self._high_ns - middle + self._drift(max(0, at_ns - self._at_ns))
        return Offset(at_ns, middle, half)

    def _drift(self, elapsed_ns: int) -> int:
        return -(-elapsed_ns * self._drift_ppm // MILLION)


def worst_pair_ns(errors_ns: Iterable[int]) -> int:
    """Return the largest error of a difference of times of two hosts: the sum of the two largest. One host has none."""
    worst = sorted(errors_ns)[-2:]
    return sum(worst) if len(worst) == 2 else 0


def spread_ns(starts_ns: Iterable[int]) -> int:
    """Return the time from the first to the last."""
    known = list(starts_ns)
    return max(known) - min(known) if known else 0
