"""The sections of one attack in Markdown, the same as on the page; a table replaces each chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.figure_names import LATENCY_LABELS, STATISTIC_LABELS
from malaria.analysis.observer_series import DROPPED_SO_FAR
from malaria.analysis.series import columns
from malaria.analysis.summary_figures import Summary
from malaria.analysis.timeline import load_clock
from malaria.analysis.windows import known_total
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter
from malaria.records.run import Run
from malaria.report import perf_text, target_text
from malaria.report.bees_text import BEES_HEAD, bee_remarks, bee_rows
from malaria.report.charts.event_marks import MARKS_SHOWN, marks
from malaria.report.definitions import DEFINITIONS
from malaria.report.figure_text import NO_LATENCY, STEERED, UNKNOWN, count, latencies, ms, things
from malaria.report.headings import Heading
from malaria.report.ledger_text import AccountLine, apart_from_sums, counted, deliveries, ledger_notes, published
from malaria.report.markdown.markdown_text import code, plain, table
from malaria.report.surge_text import SURGE_HEAD, surge_row
from malaria.units import format_bytes

STEPS: Final = 12
"""Rows of the table that replaces the charts over time."""
PERF_ROWS: Final = 20


type MarkdownSections = Mapping[str, Sequence[str]]
type SeriesValue = float | str | None


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A column of the table over time: the column of the series that it shows, and its unit."""

    head: str
    source: str
    unit: str = ""  # ms, bytes, %


OVER_TIME: Final = (
    TimeColumn("clients", "clients"),
    TimeColumn("due/s", "due_per_s"),
    TimeColumn("sent/s", "sent_per_s"),
    TimeColumn("acked/s", "acked_per_s"),
    TimeColumn("delivered/s", "delivered_per_s"),
    TimeColumn("ack p50", "ack_p50_ms", "ms"),
    TimeColumn("ack p99", "ack_p99_ms", "ms"),
    TimeColumn("ack max", "ack_max_ms", "ms"),
    TimeColumn("broker CPU", "process_cpu_percent", "%"),
    TimeColumn("broker memory", "process_rss_bytes", "bytes"),
    TimeColumn("container CPU", "docker_cpu_percent", "%"),
    TimeColumn("host CPU", "host_cpu_percent", "%"),
    TimeColumn("stored", "sys_messages_stored"),
    TimeColumn("dropped", DROPPED_SO_FAR),
)


def sections(run: Run, summary: Summary) -> dict[str, Sequence[str]]:
    """Return the lines of each section in the order of the page; an empty section is to be left out."""
    return {
        Heading.TARGET: _target(run, summary),
        Heading.SURGES: _surges(run, summary),
        Heading.OVER_TIME: _over_time(run),
        Heading.CLIENTS: _clients(summary),
        Heading.BEES: _bees(run, summary),
        Heading.LATENCY: _latencies(run, summary),
        Heading.LEDGER: _ledger(run, summary),
        Heading.SYS: _sys(run, summary),
        Heading.PERF: _perf(run),
    }


def titled(sections: MarkdownSections, level: str) -> list[str]:
    """Return the sections that have lines, each under its heading."""
    return [line for title, content in sections.items() if content for line in (f"{level} {title}", "", *content, "")]


def _target(run: Run, summary: Summary) -> list[str]:
    facts = target_text.target_figures(run, summary)
    head = ["verdict", *(fact.label for fact in facts)]
    row = [summary.verdict.outcome, *(plain(fact.value) for fact in facts)]
    remarks = (*target_text.remarks(run, summary), *target_text.blind_spots(run))
    lines = [f"- {plain(line)}" for line in remarks]
    return [*table(head, [row]), *([""] if lines else []), *lines]


def _surges(run: Run, summary: Summary) -> list[str]:
    rows = [[plain(cell) for cell in surge_row(run, surge)] for surge in summary.surges]
    return table(SURGE_HEAD, rows, words=6) if rows else []


def _over_time(run: Run) -> list[str]:
    """Return a row for each of STEPS steps, and the events."""
    end_s = max((sample.end_ns for sample in run.samples), default=0) / NS_PER_S
    # whole seconds: a row ends where samples end
    series = columns(run, max(1, math.ceil(end_s / STEPS)))
    known = [column for column in OVER_TIME if any(value for value in series.get(column.source, ()))]
    if not known:
        return []
    rows = [
        [
            load_clock(run.meta, int(end or 0) * NS_PER_S),
            *(_written(series[column.source][number], column.unit) for column in known),
        ]
        for number, end in enumerate(series["t_s"])
    ]
    events = [f"- {load_clock(run.meta, mark.at_ns)} {plain(mark.text)}" for mark in marks(run)[:MARKS_SHOWN]]
    return [*table(["until", *(column.head for column in known)], rows), *([""] if events else []), *events]


def _written(value: SeriesValue, unit: str) -> str:
    # None, or a text of an observer
    if not isinstance(value, int | float):
        return UNKNOWN
    if unit == "bytes":
        return format_bytes(round(value))
    if unit == "ms":
        return ms(value)
    if unit == "%":
        return target_text.percent(value)
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _clients(summary: Summary) -> list[str]:
    clients, generator = summary.clients, summary.generator
    names = ("planned", "connected", "connected_peak", "refused", "dropped", "reconnects")
    cpu = "unknown" if generator.cpu_percent is None else f"{generator.cpu_percent:.0f} % of a core"
    counts = table([name.replace("_", " ") for name in names], [[count(clients[name]) for name in names]], words=0)
    return [*counts, "", f"Generator: {things(generator.workers, 'worker')}, CPU {cpu}."]


def _bees(run: Run, summary: Summary) -> list[str]:
    rows = [[plain(cell) for cell in row] for row in bee_rows(run, summary)]
    return [*table(BEES_HEAD, rows, words=2), "", *(f"- {plain(line)}" for line in bee_remarks(run))] if rows else []


def _latencies(run: Run, summary: Summary) -> list[str]:
    found = latencies(run, summary)
    if not found:
        return [NO_LATENCY]
    rows = [
        [
            LATENCY_LABELS[metric],
            count(summary.latency_ms[metric]["count"]),
            *(str(values[name]) for name in STATISTIC_LABELS),
        ]
        for metric, values in found.items()
    ]
    meanings = [f"{LATENCY_LABELS[metric]} = {DEFINITIONS[metric][1]}" for metric in found]
    return [*table(["", "count", *STATISTIC_LABELS.values()], rows), "", f"{'; '.join(meanings)}."]


def _ledger(run: Run, summary: Summary) -> list[str]:
    messages = summary.messages
    lines: list[str] = []
    for title, entries in (("messages", published(messages)), ("deliveries", deliveries(messages))):
        if entries:
            lines += [*table([title, ""], [_account_row(entry) for entry in entries]), ""]
    if messages.due is None and run.meta.subscribing:
        lines += [f"{count(known_total(run, Counter.ARRIVED))} messages arrived.", ""]
    apart = [f"{line.label} {count(line.number)}" for line in apart_from_sums(messages)]
    lines += [f"{', '.join(apart)}.", ""] if apart else []
    lines += [f"{plain(note)}\n" for note in ledger_notes(run)]
    return lines + [f"- {number}: {plain(sentence)}" for _, number, sentence in counted(run)]


def _account_row(entry: AccountLine) -> list[str]:
    """Return name and number; both are bold in the line of the total."""
    bold = "**" if entry.sign == "=" else ""
    sign = f"{entry.sign} " if entry.sign else ""
    return [f"{bold}{plain(sign)}{entry.label}{bold}", f"{bold}{count(entry.number)}{bold}"]


def _sys(run: Run, summary: Summary) -> list[str]:
    first, rest = target_text.sys_lines(summary)
    if not first and not rest:
        return []
    own_count = target_text.own_count(run, summary)
    return [code("\n".join(first or rest)), *(["", own_count] if own_count else [])]


def _perf(run: Run) -> list[str]:
    profile = run.profile
    if profile is None:
        sentence = perf_text.no_recording(run)
        return [plain(sentence)] if sentence else []
    rows = [[plain(cell) for cell in line] for line in perf_text.perf_rows(profile, PERF_ROWS)]
    # the names first: a table of Markdown aligns its first columns to the left
    ordered = [[command, shared, symbol, overhead, samples] for overhead, samples, command, shared, symbol in rows]
    head = [*perf_text.PERF_HEAD[2:], *perf_text.PERF_HEAD[:2]]
    return [f"{perf_text.caption(profile)}.", "", *table(head, ordered, words=3)]


def steered_lines(run: Run) -> list[str]:
    """Return how to make the load again as hands changed it; nothing for one that none changed."""
    return [STEERED, "", code(run.meta.steered, "sh"), ""] if run.meta.steered else []
