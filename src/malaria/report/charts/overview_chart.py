"""The chart at the top of an attack's page: it answers at a glance if the load was carried, and where it was not.

A panel whose rule is broken says so beside its title, so that a FAIL is seen in the first chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from malaria.analysis.observer_series import DROPPED_SO_FAR
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.records.run import Run
from malaria.report.charts.chart_model import (
    BLUE,
    GREEN,
    RED,
    AxisScale,
    Chart,
    ChartLimit,
    ChartLine,
    ChartPanel,
    ChartValues,
)
from malaria.report.charts.run_charts import chart_columns, drawn_panel, numbers, over_time, step_s
from malaria.report.charts.time_panels import (
    ACKED,
    DELIVERED,
    DUE,
    SENT,
    PanelLine,
    SeriesColumns,
    TimePanel,
)
from malaria.report.threshold_text import ThresholdRow, threshold_rows

RATES_PX: Final = 132
LATENCY_PX: Final = 96
EXTRA_PX: Final = 64
LATENCIES: Final = ("ack", "end_to_end", "service")
LOSSES: Final = ("messages.lost", "messages.acked_lost", "broker.dropped")
MOST_FAULT: Final = 2
"""Broken rules that are named beside one title."""
_LATENCY: Final = TimePanel(
    "latency",
    (PanelLine("ack p99", "ack_p99_ms", BLUE), PanelLine("end to end p99", "end_to_end_p99_ms", GREEN, 1.5, "dash")),
    AxisScale.MS,
)
_CLIENTS: Final = TimePanel("clients", (PanelLine("ready", "clients", BLUE),), unit="clients")


def overview(run: Run, summary: Summary, series: SeriesColumns | None = None) -> Chart:
    """Return messages due and done over time, their latency, and what was lost or disconnected where anything was."""
    table = chart_columns(run, series)
    rules = threshold_rows(run, summary)
    panels = [_rates(run, table, rules), *_latency(table, rules), *_clients(table, rules), *_losses(run, table, rules)]
    return over_time(run, table, _with_reason(panels, summary), "Messages due and done over time")


def _with_reason(panels: list[ChartPanel], summary: Summary) -> list[ChartPanel]:
    """Return the panels; of a FAIL that no rule of theirs shows, the first says the reason."""
    verdict = summary.verdict
    if verdict.outcome is not Outcome.FAIL or any(panel.fault for panel in panels):
        return panels
    return [replace(panels[0], fault=f"✗ {verdict.reasons[0].text}"), *panels[1:]]


def _rates(run: Run, table: SeriesColumns, rules: Sequence[ThresholdRow]) -> ChartPanel:
    meta = run.meta
    done = ACKED if meta.acknowledged else SENT
    own = (DUE, done) if meta.publishing else ()
    lines = (*own, DELIVERED) if meta.subscribing or not own else own
    panel = drawn_panel(TimePanel("messages per second", lines), table, RATES_PX)
    elsewhere = ("clients", *LATENCIES)
    here = [rule for rule in rules if rule.key.partition(".")[0] not in elsewhere and rule.key not in LOSSES]
    return ChartPanel(panel.title, panel.lines, panel.scale, panel.height_px, fault=_fault(here))


def _latency(table: SeriesColumns, rules: Sequence[ThresholdRow]) -> list[ChartPanel]:
    panel = drawn_panel(_LATENCY, table, LATENCY_PX)
    lines = tuple(line for line in panel.lines if any(line.values))
    if not lines:
        return []
    here = [rule for rule in rules if rule.key.partition(".")[0] in LATENCIES]
    limits = tuple(ChartLimit(rule.limit_ms, f"{rule.name} {rule.limit}") for rule in here if rule.limit_ms)
    return [ChartPanel(panel.title, lines, panel.scale, panel.height_px, limits, _fault(here))]


def _clients(table: SeriesColumns, rules: Sequence[ThresholdRow]) -> list[ChartPanel]:
    fault = _fault([rule for rule in rules if rule.key.startswith("clients.")])
    if not fault:
        return []
    panel = drawn_panel(_CLIENTS, table, EXTRA_PX)
    return [ChartPanel(panel.title, panel.lines, panel.scale, panel.height_px, fault=fault)]


def _losses(run: Run, table: SeriesColumns, rules: Sequence[ThresholdRow]) -> list[ChartPanel]:
    """Return what the broker says it dropped and the deliveries that are missing, both so far; nothing without any."""
    lines: list[ChartLine] = []
    if missing := _missing_so_far(run, table):
        lines.append(ChartLine("deliveries missing", missing, RED, unit="deliveries"))
    dropped = numbers(table.get(DROPPED_SO_FAR, ()))
    if any(dropped):
        lines.append(ChartLine("dropped by the broker", dropped, BLUE, 1.5, "dash", "messages", DROPPED_SO_FAR))
    fault = _fault([rule for rule in rules if rule.key in LOSSES])
    return [ChartPanel("lost so far", tuple(lines), height_px=EXTRA_PX, fault=fault)] if lines else []


def _missing_so_far(run: Run, table: SeriesColumns) -> ChartValues:
    """Return the deliveries that are missing at the end of each second; empty if none was lost, or it is not known.

    Each message sent owes the deliveries that a message of this run has on average. At the end that is what the ledger
    has as lost and unresolved.
    """
    ledger = run.ledger
    if ledger is None or not ledger.lost or not ledger.expected or not ledger.sent:
        return ()
    sent, delivered = (numbers(table.get(f"{name}_per_s", ())) for name in ("sent", "delivered"))
    if None in sent or None in delivered:
        return ()
    each, step = ledger.expected / ledger.sent, step_s(run)
    owed = (each * (one or 0) - (other or 0) for one, other in zip(sent, delivered, strict=True))
    return [max(0, round(step * value)) for value in accumulate(owed)]


def _fault(rules: Sequence[ThresholdRow]) -> str:
    """Return the broken rules in words: `✗ ack p99 ≥5,836 ms, needs < 500 ms`; empty if none is broken."""
    broken = [f"✗ {rule.name} {rule.value}, needs {rule.limit}" for rule in rules if rule.ruling is Ruling.BROKEN]
    more = f" and {len(broken) - MOST_FAULT} more" if len(broken) > MOST_FAULT else ""
    return "; ".join(broken[:MOST_FAULT]) + more
