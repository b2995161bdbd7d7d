"""Says which limit of its surroundings the broker was at: CPU quota, a full thread, file descriptors, memory.

CPU counts as a share of what the process may use, for 5 % of a core is all there is in a cgroup with a quota of 5 %. A
quota throttles bursts long before the mean is at the limit, so the throttled time counts as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from malaria.analysis.summary_figures import BrokerFigures
from malaria.units import format_bytes, format_count

FULL: Final = 0.9
"""Of a limit: with more, there is no room for more load."""
THROTTLED_PERCENT: Final = 25
"""Of the time: with more, the quota is what the broker waits for."""


def broker_limit(broker: BrokerFigures) -> str:
    """Return the first limit that the broker was at: `its limit of 5 % of a core`; empty: at none, or unknown."""
    return next(_limits(broker), "")


def limit_remedy(broker: BrokerFigures) -> str:
    """Return what to do about an overloaded broker that was at a limit of its surroundings; empty if it was at none."""
    limit = broker_limit(broker)
    return f"the broker is at {limit}: raise that limit, or try fewer clients" if limit else ""


def _limits(broker: BrokerFigures) -> Iterator[str]:
    used, limit, throttled = broker.cpu_percent, broker.cpu_limit_percent, broker.throttled_percent
    waits = throttled is not None and throttled >= THROTTLED_PERCENT
    if limit and ((used is not None and used >= FULL * limit) or waits):
        told = f", throttled for {min(throttled, 100):.0f} % of the time" if throttled and waits else ""
        yield f"its limit of {_cores(limit)}{told}"
    thread = broker.busiest_thread_percent
    if thread is not None and thread >= 100 * FULL:
        yield f"the limit of its busiest thread, which used {thread:.0f} % of a core"
    if _full(broker.descriptors, broker.descriptors_limit):
        yield (
            f"its limit of file descriptors ({format_count(broker.descriptors or 0)} of "
            f"{format_count(broker.descriptors_limit or 0)})"
        )
    if _full(broker.rss_bytes, broker.memory_limit_bytes):
        yield (
            f"its memory limit ({format_bytes(broker.rss_bytes or 0)} of "
            f"{format_bytes(broker.memory_limit_bytes or 0)})"
        )


def _cores(percent: float) -> str:
    if percent < 100:
        return f"{percent:g} % of a core"
    return "one core" if percent == 100 else f"{percent / 100:g} cores"


def _full(used: float | None, limit: float | None) -> bool:
    return used is not None and bool(limit) and used >= FULL * (limit or 0)
