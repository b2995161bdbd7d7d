"""The end of a page: who made the load and how, what each figure means, and the raw data."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Final

from malaria.analysis.clocks import clock_words
from malaria.analysis.windows import bees_of
from malaria.clock import NS_PER_MS
from malaria.records.run import Run
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.definitions import DEFINITIONS, LABELS
from malaria.report.figure_text import UNKNOWN, Summary, broker_name
from malaria.report.page.markup import download, table, text
from malaria.units import format_bytes, format_count, format_ms

LARGE_BYTES: Final = 100_000
BEES_NAMED: Final = 20


def facts(records: Run, summary: Summary) -> list[tuple[str, str]]:
    """The environment as names and plain texts, not yet markup."""
    ours = summary["generator"]
    named = [
        ("target", str(summary["target"] or UNKNOWN)),
        ("broker", broker_name(records, summary)),
        ("started", str(summary["started"] or UNKNOWN)),
        ("malaria", str(summary["version"] or UNKNOWN)),
        ("generator", f"{ours['workers']} workers"),
    ]
    named += _swarm(records)
    if ours["rss_bytes"]:
        named.append(("generator memory", format_bytes(ours["rss_bytes"])))
    known = records.meta.environment
    stored = known.as_json() if known else {}
    named += [_fact(name, value) for name, value in stored.items() if name != "malaria"]
    return named + [("note", note) for note in records.meta.notes]


def _swarm(records: Run) -> list[tuple[str, str]]:
    """The bees, how together they began, and what their clocks leave open; nothing for a load of one host."""
    bees = bees_of(records)
    if not bees:
        return []
    named = [("bees", f"{format_count(len(bees))}: {', '.join(bees[:BEES_NAMED])}{' …' * (len(bees) > BEES_NAMED)}")]
    start = records.meta.start
    if start and start.spread_ns is not None:
        named.append(("start spread", format_ms(start.spread_ns / NS_PER_MS)))
    if words := clock_words(records):
        named.append(("between bees", words))
    return named


def _fact(name: str, value: object) -> tuple[str, str]:
    if name.endswith("_bytes") and isinstance(value, int):
        return name.removesuffix("_bytes").replace("_", " "), format_bytes(value)
    if isinstance(value, dict):
        return name.replace("_", " "), ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    return name.replace("_", " "), _plain(value)


def _plain(value: object) -> str:
    return format_count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def environment(records: Run, summary: Summary) -> str:
    rows = [[text(name), text(value)] for name, value in facts(records, summary)]
    return table(["", ""], rows, words=(1,), kind="facts")


def observers(records: Run) -> str:
    """Who watched the target, and how that went; empty when nobody did."""
    names = ("observer", "about", "samples", "late_samples", "dropped_rows", "gaps", "reason")
    told = [one.as_json() for one in records.meta.observers]
    rows = [[text(_plain(one.get(name, UNKNOWN))) for name in names] for one in told]
    head = ["observer", "of", "samples", "left out", "dropped", "gaps", "last word"]
    return f"<h3>Who watched</h3>{table(head, rows, words=(1, 6))}" if rows else ""


def end(records: Run, summary: Summary) -> str:
    """The last sections of a page."""
    return "\n".join(
        [
            '<h2 id="environment">Environment</h2>',
            environment(records, summary),
            observers(records),
            '<h2 id="definitions">How each figure is defined</h2>',
            definitions(),
        ]
    )


def warhead(records: Run) -> str:
    return f"<pre><code>{text(records.meta.warhead_toml or 'unknown')}</code></pre>"


def definitions() -> str:
    items = [
        f'<div><dt id="def-{text(name)}">{text(LABELS.get(name, name))}</dt>'
        f"<dd>{text(sentence)}{f' <code>{text(formula)}</code>' if formula else ''}</dd></div>"
        for name, (sentence, formula) in DEFINITIONS.items()
    ]
    return f"<dl>{''.join(items)}</dl>"


def series_csv(series: SeriesColumns) -> str:
    """One row for each second; an empty field is unknown."""
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(series)
    writer.writerows(zip(*series.values(), strict=True))
    return rows.getvalue()


def raw_data(series: SeriesColumns, summary: Summary, prefix: str = "") -> str:
    """The files that the page carries inside; a long series is packed."""
    rows = series_csv(series).encode()
    what = "series.csv, a row for each second"
    packed = len(rows) > LARGE_BYTES
    links = [
        download(f"{prefix}summary.json", "application/json", json.dumps(summary, indent=2).encode(), "summary.json"),
        download(f"{prefix}series.csv.gz", "application/gzip", gzip.compress(rows, mtime=0), f"{what} (gzip)")
        if packed
        else download(f"{prefix}series.csv", "text/csv", rows, what),
    ]
    return f"<p>Download {' and '.join(links)}. The histograms are in run.db, in the directory of the run.</p>"
