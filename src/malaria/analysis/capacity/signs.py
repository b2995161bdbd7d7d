"""Say what broke first: the signs of trouble in a staircase, in the order in which they were first seen.

Each sign has a rule over what the clients and the observers saw, second by second. What was so in health already is no
sign. `where_bytes_wait` tells from sampled connections who did not read: the broker, we, or the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from malaria.analysis.dropped import drop_counter, rises
from malaria.analysis.observer_series import seen_columns
from malaria.analysis.seconds import LoadSecond, due_per_s, own_lag_limit_ns
from malaria.analysis.summary_figures import SignFigures
from malaria.analysis.thresholds import stated_thresholds
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, Gauge, Metric
from malaria.records.run import Run
from malaria.records.sample_histograms import second_of
from malaria.units import format_bytes, format_count, format_ms, format_things

FULL_PERCENT: Final = 90
"""Of a core, a limit or a machine: from here on there is no room."""
MANY_TIMES: Final = 3
"""A latency that is so many times what it was in health, and more than LEAST_MS, is a sign."""
LEAST_MS: Final = 50.0
SLACK_S: Final = 0.25
"""So much of a second's messages may be owed at any time."""
LEAST_OWED: Final = 10
WAITING_BYTES: Final = 4096
"""A queue of the kernel that holds so much per connection is long."""

LEAST_SHUT: Final = 0.1
"""Of the sampled connections: so many whose window is shut say that the broker does not read."""

US: Final = "this machine"
BROKER_CPU: Final = "broker CPU"
HOST_CPU: Final = "host CPU"
QUEUE: Final = "its queue"
STORED: Final = "stored messages"
DROPS: Final = "dropped messages"
REFUSED: Final = "refused connects"
CONNECTIONS: Final = "broken connections"
LATENCY: Final = "latency"
MEMORY: Final = "memory"
DESCRIPTORS: Final = "descriptors"
NETWORK: Final = "network"

BROKER_DOES_NOT_READ: Final = "the broker does not read"
WE_DO_NOT_READ: Final = "this machine does not read"
THE_NETWORK: Final = "the network loses segments"
IN_THE_BROKER: Final = "inside the broker"


@dataclass(frozen=True)
class _Course:
    """The seconds from the tipping load on, and what was usual before it."""

    run: Run
    health: Sequence[LoadSecond]
    trouble: Sequence[LoadSecond]

    @cached_property
    def columns(self) -> Mapping[str, Sequence[float | None]]:
        return seen_columns(self.run, [float(second.end_s) for second in self.trouble])

    @cached_property
    def before(self) -> Mapping[str, Sequence[float | None]]:
        return seen_columns(self.run, [float(second.end_s) for second in self.health])

    def first(self, name: str, reached: Callable[[float], bool]) -> tuple[int, float] | None:
        """Return the second in which a figure of an observer first reached a limit that it had not reached before."""
        if any(value is not None and reached(value) for value in self.before.get(name, ())[:-1]):
            return None
        values = zip(self.trouble, self.columns.get(name, ()), strict=False)
        return next(((s.end_s, value) for s, value in values if value is not None and reached(value)), None)


type _Sign = Callable[[_Course], tuple[int, str] | None]


def signs_of(run: Run, health: Sequence[LoadSecond], trouble: Sequence[LoadSecond]) -> tuple[SignFigures, ...]:
    """Return the signs in the order of time; of the same second, causes before effects. Raises RunError for damage."""
    if not trouble:
        return ()
    course = _Course(run, health, trouble)
    found = [(what, seen) for what, sign in SIGNS.items() if (seen := sign(course)) is not None]
    found.sort(key=lambda pair: pair[1][0])
    return tuple(SignFigures(what, float(at_s), text) for what, (at_s, text) in found)


def where_bytes_wait(seconds: Sequence[LoadSecond]) -> str | None:
    """Return who did not read, from sampled connections; None where none was sampled or nothing waited."""
    gauges = [second.reported.gauges() for second in seconds]
    sampled = sum(one.get(Gauge.SOCKETS_SAMPLED, 0) for one in gauges)
    if not sampled:
        return None
    unsent, unread, shut, again = (
        sum(one.get(name, 0) for one in gauges)
        for name in (
            Gauge.SOCKET_UNSENT_BYTES,
            Gauge.SOCKET_UNREAD_BYTES,
            Gauge.SOCKETS_SHUT,
            Gauge.SOCKET_RETRANSMITS,
        )
    )
    if again >= sampled and shut / sampled < LEAST_SHUT:  # one segment per connection and second
        return THE_NETWORK
    if unread / sampled >= WAITING_BYTES and unread >= unsent:
        return WE_DO_NOT_READ
    if shut / sampled >= LEAST_SHUT or unsent / sampled >= WAITING_BYTES:
        return BROKER_DOES_NOT_READ
    return IN_THE_BROKER if seconds[-1].owed > LEAST_OWED else None


# --- the signs -----------------------------------------------------------------------------------------------------


def _broker_cpu(course: _Course) -> tuple[int, str] | None:
    limits = [value for value in course.columns.get("process_cpu_limit_percent", ()) if value]
    full = min(limits) if limits else 100.0
    # a broker of many threads is full when one of them is, or when its limit is reached
    seen = course.first("process_busiest_thread_percent", lambda value: value >= FULL_PERCENT) or course.first(
        "process_cpu_percent", lambda value: value >= FULL_PERCENT / 100 * full
    )
    return None if seen is None else (seen[0], f"the broker used {seen[1]:.0f} % of a core")


def _host_cpu(course: _Course) -> tuple[int, str] | None:
    seen = course.first("host_cpu_percent", lambda value: value >= FULL_PERCENT)
    return None if seen is None else (seen[0], f"its host used {seen[1]:.0f} % of its CPU")


def _memory(course: _Course) -> tuple[int, str] | None:
    """Look at the limit of the broker's own control group, then at the memory of its host."""
    for used, whole, who in (
        ("process_rss_bytes", "process_memory_limit_bytes", "the broker"),
        ("host_memory_used_bytes", "host_memory_bytes", "its host"),
    ):
        limits = [value for value in course.columns.get(whole, ()) if value]
        if not limits:
            continue
        full = FULL_PERCENT / 100 * limits[-1]
        seen = course.first(used, lambda value, full=full: value >= full)  # type: ignore[misc]
        if seen is not None:
            return seen[0], f"{who} used {format_bytes(round(seen[1]))} of {format_bytes(round(limits[-1]))} of memory"
    return None


def _descriptors(course: _Course) -> tuple[int, str] | None:
    limits = [value for value in course.columns.get("process_descriptors_limit", ()) if value]
    if not limits:
        return None
    full = FULL_PERCENT / 100 * limits[-1]
    seen = course.first("process_descriptors", lambda value: value >= full)
    if seen is None:
        return None
    return seen[0], f"the broker had {format_count(seen[1])} of {format_count(limits[-1])} descriptors"


def _queue(course: _Course) -> tuple[int, str] | None:
    """Find the second from which more was owed than usual until the trouble was over or the load went down."""
    for place, second in enumerate(course.trouble):
        following = course.trouble[place : place + 3]
        if all(one.owed > max(LEAST_OWED, SLACK_S * due_per_s([one])) for one in following):
            grown = max(one.owed for one in course.trouble) - second.owed
            most = max(course.trouble, key=lambda one: one.owed)
            seconds = max(1, most.end_s - second.end_s)
            return second.end_s, f"its queue grew by {format_count(grown / seconds)} messages/s"
    return None


def _stored(course: _Course) -> tuple[int, str] | None:
    usual = [value for value in course.before.get("sys_messages_stored", ()) if value is not None]
    due = max((due_per_s([second]) for second in course.trouble), default=0.0)
    most = (float(np.median(usual)) if usual else 0.0) + max(LEAST_OWED, due)
    seen = course.first("sys_messages_stored", lambda value: value > most)
    return None if seen is None else (seen[0], f"it stored {format_things(round(seen[1]), 'message')}")


def _drops(course: _Course) -> tuple[int, str] | None:
    counter = [(at_ns, value) for at_ns, value in drop_counter(course.run) if value is not None]
    since_ns = (course.trouble[0].end_s - 1) * NS_PER_S
    for (at_ns, _), growth in zip(counter[1:], rises(value for _, value in counter), strict=True):
        if at_ns >= since_ns and growth:
            return second_of(at_ns), f"it dropped {format_things(round(growth), 'message')}"
    return None


def _refused(course: _Course) -> tuple[int, str] | None:
    return _counted(course, Counter.REFUSED, "connect failed", "connects failed")


def _connections(course: _Course) -> tuple[int, str] | None:
    return _counted(course, Counter.DROPPED, "connection broke", "connections broke")


def _counted(course: _Course, counter: Counter, one: str, many: str) -> tuple[int, str] | None:
    if any(second.reported.total(counter) for second in course.health):
        return None
    seen = [(second.end_s, second.reported.total(counter)) for second in course.trouble]
    first = next((end_s for end_s, count in seen if count), None)
    total = sum(count for _, count in seen)
    return None if first is None else (first, f"{format_count(total)} {one if total == 1 else many}")


def _latency(course: _Course) -> tuple[int, str] | None:
    """Find the first second in which a latency exceeded its stated limit or, without one, was many times the usual."""
    found = []
    for metric, name in ((Metric.ACK, "ack"), (Metric.END_TO_END, "end to end")):
        most_ms = _stated_ms(course.run, metric)
        usual = [value for second in course.health if (value := second.p99_ms(metric)) is not None]
        if most_ms is None and not usual:
            continue
        limit_ms = most_ms if most_ms is not None else max(LEAST_MS, MANY_TIMES * float(np.median(usual)))
        for second in course.trouble:
            value = second.p99_ms(metric)
            if value is not None and value > limit_ms:
                found.append((second.end_s, f"{name} p99 rose over {format_ms(limit_ms)}"))
                break
    return min(found, default=None)


def _stated_ms(run: Run, metric: Metric) -> float | None:
    stated = [
        threshold.value
        for threshold in stated_thresholds(run)
        if threshold.key == f"{metric}.p99" and threshold.operator in ("<", "<=")
    ]
    return min(stated, default=None)


def _network(course: _Course) -> tuple[int, str] | None:
    for second in course.trouble:
        gauges = second.reported.gauges()
        again, sampled = gauges.get(Gauge.SOCKET_RETRANSMITS, 0), gauges.get(Gauge.SOCKETS_SAMPLED, 0)
        # behind a window that is shut segments are sent again as well
        if sampled and again >= sampled and not gauges.get(Gauge.SOCKETS_SHUT, 0):
            return second.end_s, f"{format_count(again)} TCP segments of {sampled} connections were sent again"
    return None


def _us(course: _Course) -> tuple[int, str] | None:
    limit_ns = own_lag_limit_ns(course.run.meta)
    late = next((second for second in course.trouble if second.is_late(limit_ns)), None)
    return None if late is None else (late.end_s, "our own messages left late")


SIGNS: Final[Mapping[str, _Sign]] = {
    BROKER_CPU: _broker_cpu,
    HOST_CPU: _host_cpu,
    MEMORY: _memory,
    DESCRIPTORS: _descriptors,
    NETWORK: _network,
    US: _us,
    REFUSED: _refused,
    QUEUE: _queue,
    STORED: _stored,
    DROPS: _drops,
    LATENCY: _latency,
    CONNECTIONS: _connections,
}
"""Causes before effects: of what is seen in the same second, the earlier of this table is said first."""
