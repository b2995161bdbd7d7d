"""The upper sections of a page: the verdict, the figures that matter, latencies, events."""

from __future__ import annotations

from collections.abc import Sequence

from malaria.analysis.headline import headline
from malaria.analysis.windows import total
from malaria.clock import NS_PER_S
from malaria.records import Counter, EventKind, Metric, RunRecords
from malaria.report.definitions import LABELS
from malaria.report.figures import (
    LATENCIES,
    STATISTICS,
    UNKNOWN,
    Summary,
    connect_time_ns,
    connected,
    count,
    latencies,
)
from malaria.report.markup import card, command, folded, table, text
from malaria.units import format_duration_ns, format_rate


def defined(name: str, label: str = "") -> str:
    """A word that links to its definition at the end of the page."""
    return f'<a href="#def-{text(name)}">{text(label or LABELS.get(name, name))}</a>'


def verdict(records: RunRecords, summary: Summary) -> str:
    """What it came to, large; what to do; the further reasons."""
    said = headline(records, summary)
    lines = [sentence(said.outcome, said.what)]
    if said.remedy:
        lines.append(f"<p>{text(said.remedy)}</p>")
    if said.further:
        lines.append(f'<ul class="reasons">{"".join(f"<li>{text(line)}</li>" for line in said.further)}</ul>')
    return "\n".join(lines)


def sentence(outcome: str, what: str) -> str:
    """The large line, without a break between a number and its percent sign."""
    words = text(what).replace(" %", "&nbsp;%")
    return f'<p class="verdict"><span class="{text(outcome)}">{text(outcome)}</span> {words}</p>'


def cards(records: RunRecords, summary: Summary) -> str:
    """The three to six figures that matter."""
    made = [_clients(records, summary), _rate(records, summary), _ack(records, summary), *_cpu(summary)]
    if summary["messages"]["due"] is None and records.meta.get("subscribing"):
        made.append(card(defined("arrived"), count(total(records.samples, Counter.ARRIVED)), "messages"))
    lost, expected = summary["messages"]["lost"], summary["messages"]["expected"]
    if lost is not None:
        made.insert(3, card(defined("lost"), count(lost), f"of {count(expected)} deliveries"))
    return f'<div class="cards">{"".join(made)}</div>'


def _clients(records: RunRecords, summary: Summary) -> str:
    clients, took_ns = summary["clients"], connect_time_ns(records)
    within = f" in {format_duration_ns(took_ns)}" if took_ns else ""
    return card(defined("clients"), connected(records, summary), f"of {count(clients['planned'])}{within}")


def _rate(records: RunRecords, summary: Summary) -> str:
    rates = summary["rates"]
    name = next((name for name in ("acked", "sent", "delivered") if rates[f"{name}_per_s"] is not None), None)
    if name is None:
        return ""
    due = rates["due_per_s"]
    note = "closed loop" if records.meta.get("closed_loop") else "" if due is None else f"of {format_rate(due)} due"
    return card(defined("rates", name), format_rate(rates[f"{name}_per_s"]), note)


def _ack(records: RunRecords, summary: Summary) -> str:
    found = latencies(records, summary).get(Metric.ACK)
    return "" if found is None else card(defined("ack", "ack p99"), str(found["p99"]), f"p50 {found['p50']}")


def _cpu(summary: Summary) -> list[str]:
    broker, ours = summary["broker"]["cpu_percent"], summary["generator"]
    made = [card(defined("broker_cpu"), f"{broker:.0f} %", "of one core")] if broker is not None else []
    if ours["cpu_percent"] is not None:
        by = f"of a core, {count(ours['workers'])} worker{'' if ours['workers'] == 1 else 's'}"
        made.append(card(defined("generator_cpu"), f"{ours['cpu_percent']:.0f} %", by))
    return made


def latency_table(records: RunRecords, summary: Summary) -> str:
    """One row for each latency; a percentile that is only known to be at least so much says so."""
    found = latencies(records, summary)
    rows = [
        [defined(metric, LATENCIES[metric]), count(summary["latency_ms"][metric]["count"])]
        + [str(statistics[name]) for name in STATISTICS]
        for metric, statistics in found.items()
    ]
    if not rows:
        return "<p>No latency was measured.</p>"
    bounded = any(value.at_least for statistics in found.values() for value in statistics.values())
    note = "≥: messages that never finished could only make it larger." if bounded else ""
    return table(["", "count", *STATISTICS.values()], rows) + (f'<p class="soft small">{note}</p>' if note else "")


def events(records: RunRecords) -> str:
    rows = [
        [f"{event.at_ns / NS_PER_S:,.1f} s", text(event.kind), text(event.text), count(event.count), text(event.worker)]
        for event in records.events
    ]
    marks = sum(event.kind is not EventKind.PHASE for event in records.events)
    label = f"{count(len(rows))} events, {count(marks)} of them marks in the charts" if marks else "the phases"
    return folded(label, table(["at", "kind", "what", "times", "worker"], rows, words=(1, 2)))


def repeat(records: RunRecords, identity: str) -> str:
    return command(identity, str(records.meta.get("command", "unknown")))


def levels(named: Sequence[tuple[str, RunRecords, Summary]]) -> str:
    """A row for each level; its name, which is text, links to its section."""
    rows = []
    for number, (name, records, summary) in enumerate(named, 1):
        outcome, rates = text(summary["verdict"]["outcome"]), summary["rates"]
        ack = latencies(records, summary).get(Metric.ACK, {})
        rows.append(
            [
                f'<a href="#level-{number}">{text(name)}</a>',
                f'<b class="{outcome}">{outcome}</b>',
                connected(records, summary),
                *(rate(rates[f"{which}_per_s"]) for which in ("due", "acked")),
                *(str(ack.get(which, UNKNOWN)) for which in ("p50", "p99")),
                count(summary["messages"]["lost"]),
            ]
        )
    return table(["level", "verdict", "clients", "due", "acked", "ack p50", "ack p99", "lost"], rows, kind="levels")


def rate(per_s: float | None) -> str:
    return UNKNOWN if per_s is None else format_rate(per_s)
