"""Say the figures and differences of a comparison as people read them."""

from __future__ import annotations

import math
from typing import Final

from malaria.analysis.compare.compared_figures import COMPARED, COUNTED, CPU_PER_MESSAGE
from malaria.analysis.compare.side_by_side import ComparedLevel, FigureRow
from malaria.model.threshold import FIGURES, FigureUnit
from malaria.report.definitions import LABELS
from malaria.report.figure_text import STATISTIC_LABELS, UNKNOWN
from malaria.units import format_bytes, format_count, format_duration_ns, format_ms, format_rate

FEW_PERCENT: Final = 10
MOST_PERCENT: Final = 300
"""From here on a difference is stated as a factor."""
NAMES: Final = {
    CPU_PER_MESSAGE: "broker CPU / message",
    "broker.rss_bytes": "broker memory",
    "broker.cpu_percent": "broker CPU",
    "broker.host_cpu_percent": "host CPU",
    "broker.dropped": "dropped by the broker",
    "broker.queue_growth_per_s": "queue growth",
    "generator.cpu_percent": "generator CPU",
    "generator.rss_bytes": "generator memory",
    "duration_s": "measured time",
    "capacity.lower": "carries",
    "capacity.upper": "does not carry",
    "recovery.slowest": "slowest recovery",
    "recovery.not_held": "surges not held",
    "messages.duplicated_qos_2": "duplicated at QoS 2",
    "messages.acked_lost": "acked but lost",
    "messages.unacked": "never acked",
    "clients.dropped": "connections dropped",
    "clients.refused": "connects refused",
}
"""The labels of figures whose name in `summary.json` does not say it."""
SMALLEST_US: Final = 10


def figure_label(name: str) -> str:
    """Return `ack p99` for `ack.p99`, `acked per second` for `rates.acked_per_s`."""
    if name in NAMES:
        return NAMES[name]
    table, _, key = name.partition(".")
    if table == "rates":
        return f"{key.removesuffix('_per_s')} per second"
    if table in ("messages", "clients"):
        return f"{table} {key.replace('_', ' ')}"
    return f"{LABELS.get(table, table)} {STATISTIC_LABELS.get(key, key)}"


def figure_text(name: str, value: float | None) -> str:
    """Return a figure with its unit; a dash for one that is unknown."""
    if value is None:
        return UNKNOWN
    if name == CPU_PER_MESSAGE:
        return f"{value:,.{1 if value < SMALLEST_US else 0}f} µs"
    if name == "duration_s":
        return format_duration_ns(round(value * 10**9))
    if name.endswith("_bytes"):
        return format_bytes(value)
    if name.endswith("_percent"):
        return f"{value:.3g} %"
    unit = FIGURES[name].unit if name in FIGURES else FigureUnit.COUNT
    if unit is FigureUnit.MS:
        return format_ms(value)
    return format_rate(value) if unit is FigureUnit.PER_S else format_count(value)


def change_text(ratio: float | None) -> str:
    """Return a ratio as a difference: `+12 %`, `−0.4 %`, `×7.3`; a dash for none."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    percent = 100 * (ratio - 1)
    if percent >= MOST_PERCENT:
        return f"×{ratio:.{1 if ratio < FEW_PERCENT else 0}f}"
    digits = 1 if abs(round(percent, 1)) < FEW_PERCENT else 0
    size = f"{abs(percent):.{digits}f}"
    if not float(size):
        return "0 %"
    return f"{'−' if percent < 0 else '+'}{size} %"


def bounds_text(low: float | None, high: float | None) -> str:
    """Return the bounds of a ratio: `+9.2 % to +14 %`; empty without bounds."""
    if low is None or high is None or not math.isfinite(high) or low <= 0:
        return ""
    return f"{change_text(low)} to {change_text(high)}"


def verdict_change(level: ComparedLevel) -> str:
    """Return `the verdict changed: PASS in A, FAIL in B: the broker fell behind`."""
    reason = level.reason_b or level.reason_a
    return f"the verdict changed: {level.verdict_a} in A, {level.verdict_b} in B{f': {reason}' if reason else ''}"


def main_rows(level: ComparedLevel) -> list[FigureRow]:
    """Return the figures that matter most, and the counts that are not 0 on both sides."""
    known = {row.name: row for row in level.figures}
    rows = [known[figure.name] for figure in COMPARED if figure.name in known]
    return rows + [known[name] for name in COUNTED if name in known and (known[name].a or known[name].b)]
