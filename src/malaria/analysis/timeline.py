"""The one clock that people read: run time counted from the start of the load."""

from __future__ import annotations

from malaria.clock import NS_PER_S
from malaria.records.run_meta import RunMeta
from malaria.units import format_clock


def load_start_ns(meta: RunMeta) -> int:
    """Return the zero of the one clock that people read: the run time at which the measured load starts.

    What was before it (connecting, warm-up) has negative times, and surges have the times that their file states. A
    run whose load never started counts from its own start.
    """
    return meta.measure_start_ns or 0


def load_time_s(meta: RunMeta, at_ns: int) -> float:
    """Return a moment of run time in seconds since the start of the load; negative before it."""
    return (at_ns - load_start_ns(meta)) / NS_PER_S


def load_clock(meta: RunMeta, at_ns: int) -> str:
    """Return a moment of run time as people read it: 0:14 of the load; −0:03 before it."""
    return format_clock(load_time_s(meta, at_ns))
