"""The upper sections of a page: the verdict, the figures that matter, latencies, events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.headline import headline
from malaria.analysis.windows import total
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, EventKind, Metric
from malaria.records.run import Run
from malaria.report.charts.event_marks import restarts
from malaria.report.definitions import LABELS
from malaria.report.figure_text import (
    LATENCIES,
    STATISTICS,
    UNKNOWN,
    Summary,
    connect_time_ns,
    connected,
    count,
    latencies,
    ms,
)
from malaria.report.page.markup import card, command, folded, table, text
from malaria.report.shown_levels import ShownLevel
from malaria.report.target_text import in_bytes, messages_per_s, percent
from malaria.units import format_duration_ns, format_rate

CONNECT_PARTS: Final = {
    Metric.TCP: "TCP", Metric.TLS: "TLS", Metric.UPGRADE: "WebSocket upgrade", Metric.CONNACK: "CONNECT to CONNACK",
}  # fmt: skip


COLUMNS: Final = {
    "broker_cpu": "broker CPU", "host_cpu": "host CPU", "broker_memory": "memory", "rates": "messages per second",
    "ack": "ack p50", "percentiles": "ack p99", "lost": "lost",
}  # fmt: skip
"""Of the tables that set levels side by side: the name of a definition, and what stands over the column."""


def defined(name: str, label: str = "") -> str:
    """A word that links to its definition at the end of the page."""
    return f'<a href="#def-{text(name)}">{text(label or LABELS.get(name, name))}</a>'


def verdict(records: Run, summary: Summary) -> str:
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


def cards(records: Run, summary: Summary) -> str:
    """The three to six figures that matter."""
    made = [_clients(records, summary), _rate(records, summary), _ack(records, summary), *_cpu(summary)]
    if summary["messages"]["due"] is None and records.meta.subscribing:
        made.append(card(defined("arrived"), count(total(records.samples, Counter.ARRIVED)), "messages"))
    lost, expected = summary["messages"]["lost"], summary["messages"]["expected"]
    if lost is not None:
        made.insert(3, card(defined("lost"), count(lost), f"of {count(expected)} deliveries"))
    return f'<div class="cards">{"".join(made)}</div>'


def _clients(records: Run, summary: Summary) -> str:
    clients, took_ns = summary["clients"], connect_time_ns(records)
    within = f" in {format_duration_ns(took_ns)}" if took_ns else ""
    return card(defined("clients"), connected(records, summary), f"of {count(clients['planned'])}{within}")


def _rate(records: Run, summary: Summary) -> str:
    rates = summary["rates"]
    name = next((name for name in ("acked", "sent", "delivered") if rates[f"{name}_per_s"] is not None), None)
    if name is None:
        return ""
    due = rates["due_per_s"]
    note = "closed loop" if records.meta.closed_loop else "" if due is None else f"of {format_rate(due)} due"
    return card(defined("rates", name), format_rate(rates[f"{name}_per_s"]), note)


def _ack(records: Run, summary: Summary) -> str:
    found = latencies(records, summary).get(Metric.ACK)
    return "" if found is None else card(defined("ack", "ack p99"), str(found["p99"]), f"p50 {found['p50']}")


def _cpu(summary: Summary) -> list[str]:
    broker, ours = summary["broker"]["cpu_percent"], summary["generator"]
    made = [card(defined("broker_cpu"), f"{broker:.0f} %", "of one core")] if broker is not None else []
    if ours["cpu_percent"] is not None:
        by = f"of a core, {count(ours['workers'])} worker{'' if ours['workers'] == 1 else 's'}"
        made.append(card(defined("generator_cpu"), f"{ours['cpu_percent']:.0f} %", by))
    return made


def latency_table(records: Run, summary: Summary) -> str:
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


def connect_split(summary: Summary) -> str:
    """Where the time of a connect goes, on average: as a bar and in words. Empty when there is but one part."""
    means = {metric: summary["latency_ms"][metric]["mean"] for metric in CONNECT_PARTS}
    known = {metric: mean for metric, mean in means.items() if mean}
    whole = sum(known.values())
    if len(known) < 2:
        return ""
    bars = "".join(f'<span class="{metric}" style="width:{100 * mean / whole:.2f}%"></span>' for metric, mean in
                   known.items())  # fmt: skip
    words = " + ".join(
        f'<span class="key {metric}"></span> {defined(metric, CONNECT_PARTS[metric])} {text(ms(mean))}'
        for metric, mean in known.items()
    )
    return f'<div class="split" aria-hidden="true">{bars}</div><p class="small">A connect on average: {words}</p>'


def events(records: Run) -> str:
    told = sorted([*records.events, *restarts(records)], key=lambda event: event.at_ns)
    rows = [
        [f"{event.at_ns / NS_PER_S:,.1f} s", text(event.kind), text(event.text), count(event.count), text(event.worker)]
        for event in told
    ]
    marks = sum(event.kind is not EventKind.PHASE for event in told)
    label = f"{count(len(rows))} events, {count(marks)} of them marks in the charts" if marks else "the phases"
    return folded(label, table(["at", "kind", "what", "times", "worker"], rows, words=(1, 2)))


def repeat(line: str, suffix: str) -> str:
    """The command to repeat it; one in each line, where there is more than one way."""
    lines = line.splitlines() or [line]
    return "".join(command(f"command{suffix}{f'-or-{n}' if n else ''}", one) for n, one in enumerate(lines))


def note(words: str) -> str:
    """What the author of a campaign wrote, a paragraph for each of his."""
    paragraphs = [" ".join(part.split()) for part in words.split("\n\n")]
    return "".join(f"<p>{text(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def levels(shown: Sequence[ShownLevel]) -> str:
    """A row for each level, and for its variants below it; each name links to its section."""
    head = ["level", "verdict", "clients", *(defined(name, label) for name, label in COLUMNS.items())]
    rows = [[_level_name(one), _outcome(one), connected(one.records, one.summary), *row_of(one)] for one in shown]
    return table(head, rows, kind="levels")


def compared(level: Sequence[ShownLevel]) -> str:
    """A level and its variants side by side."""
    head = ["", "verdict", *(defined(name, label) for name, label in COLUMNS.items())]
    rows = [[f'<a href="#{one.anchor}">{text(one.part.variant or one.part.title)}</a>', _outcome(one), *row_of(one)]
            for one in level]  # fmt: skip
    return table(head, rows, kind="levels")


def row_of(one: ShownLevel) -> list[str]:
    """As COLUMNS; plain texts that need no care."""
    ack, broker = latencies(one.records, one.summary).get(Metric.ACK, {}), one.summary["broker"]
    return [
        percent(broker["cpu_percent"]),
        percent(broker["host_cpu_percent"]),
        in_bytes(broker["rss_bytes"]),
        messages_per_s(one.records, one.summary),
        *(str(ack.get(which, UNKNOWN)) for which in ("p50", "p99")),
        count(one.summary["messages"]["lost"]),
    ]


def _level_name(one: ShownLevel) -> str:
    link = f'<a href="#{one.anchor}">{text(one.part.variant or one.part.title)}</a>'
    return f'<span class="variant">{link}</span>' if one.part.variant else link


def _outcome(one: ShownLevel) -> str:
    return f'<b class="{text(one.outcome)}">{text(one.outcome)}</b>'
