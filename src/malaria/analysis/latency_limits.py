"""The limits on latency that a run is judged by: that of a default rule, the tightest one, and the bound on own lag.

A default limit is there so that no run passes with a latency of seconds that nobody asked for. The generator's own lag
is part of the latencies from the due time on, so it may be a tenth of what they may be.
"""

from __future__ import annotations

from typing import Final

from malaria.analysis.thresholds import stated_thresholds
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.model.threshold import FigureUnit
from malaria.records.rows import Metric
from malaria.records.run import Run

LEAST_LIMIT_MS: Final = 1000.0
"""The default limit of ack p99, unless messages come less often than that."""
OWN_SHARE: Final = 0.1
LEAST_OWN_LAG_NS: Final = 5 * NS_PER_MS
FROM_DUE: Final = (Metric.ACK, Metric.END_TO_END, Metric.LAG)
"""Latencies that own lag is part of."""
AT_MOST: Final = ("<", "<=")


def default_limit_ms(run: Run) -> float | None:
    """Return the default limit of ack p99: a second, or the interval of the messages, or the stall that is allowed.

    None in a closed loop, where latency grows with the window, and for a run that does not know its interval.
    """
    interval_s = run.meta.interval_s
    if not run.meta.acknowledged or run.meta.closed_loop or interval_s is None:
        return None
    allowed = [threshold.value for threshold in stated_thresholds(run) if threshold.key == "stalls.longest"]
    return max(LEAST_LIMIT_MS, interval_s * 1000, *allowed)


def own_lag_bound_ns(run: Run) -> int:
    """Return the own lag (p99) over which a run is INVALID: as stated, or a tenth of the tightest limit on latency."""
    stated = run.meta.own_lag_limit_ns
    if stated is not None:
        return stated
    limits_ms = [
        threshold.value
        for threshold in stated_thresholds(run)
        if threshold.key.split(".")[0] in FROM_DUE
        and threshold.figure.unit is FigureUnit.MS
        and threshold.operator in AT_MOST
    ]
    if not any(threshold.key == "ack.p99" for threshold in stated_thresholds(run)):
        limits_ms.append(default_limit_ms(run) or LEAST_LIMIT_MS)
    return max(LEAST_OWN_LAG_NS, round(OWN_SHARE * min(limits_ms, default=LEAST_LIMIT_MS) * NS_PER_S / 1000))
