"""The end of a page: who made the load and how, what each figure means, and the raw data."""

from __future__ import annotations

import csv
import io
import json

from malaria.analysis.series import columns
from malaria.records import RunRecords
from malaria.report.definitions import DEFINITIONS, LABELS
from malaria.report.figures import UNKNOWN, Summary, broker_name
from malaria.report.markup import download, table, text
from malaria.units import format_bytes, format_count


def facts(records: RunRecords, summary: Summary) -> list[tuple[str, str]]:
    """The environment as names and plain texts, not yet markup."""
    ours = summary["generator"]
    named = [
        ("target", str(summary["target"] or UNKNOWN)),
        ("broker", broker_name(records, summary)),
        ("started", str(summary["started"] or UNKNOWN)),
        ("malaria", str(summary["version"] or UNKNOWN)),
        ("generator", f"{ours['workers']} workers"),
    ]
    if ours["rss_bytes"]:
        named.append(("generator memory", format_bytes(ours["rss_bytes"])))
    stored = records.meta.get("environment")
    named += [_fact(str(name), value) for name, value in (stored if isinstance(stored, dict) else {}).items()]
    notes = records.meta.get("notes")
    return named + [("note", str(note)) for note in (notes if isinstance(notes, list) else [])]


def _fact(name: str, value: object) -> tuple[str, str]:
    if name.endswith("_bytes") and isinstance(value, int):
        return name.removesuffix("_bytes").replace("_", " "), format_bytes(value)
    if isinstance(value, dict):
        return name.replace("_", " "), ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    return name.replace("_", " "), _plain(value)


def _plain(value: object) -> str:
    return format_count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def environment(records: RunRecords, summary: Summary) -> str:
    rows = [[text(name), text(value)] for name, value in facts(records, summary)]
    return table(["", ""], rows, words=(1,), kind="facts")


def warhead(records: RunRecords) -> str:
    return f"<pre><code>{text(records.meta.get('warhead_toml', 'unknown'))}</code></pre>"


def definitions() -> str:
    items = [
        f'<div><dt id="def-{text(name)}">{text(LABELS.get(name, name))}</dt>'
        f"<dd>{text(sentence)}{f' <code>{text(formula)}</code>' if formula else ''}</dd></div>"
        for name, (sentence, formula) in DEFINITIONS.items()
    ]
    return f"<dl>{''.join(items)}</dl>"


def series_csv(records: RunRecords) -> str:
    """One row for each second; an empty field is unknown."""
    series = columns(records)
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(series)
    writer.writerows(zip(*series.values(), strict=True))
    return rows.getvalue()


def raw_data(records: RunRecords, summary: Summary, prefix: str = "") -> str:
    """The files that the page carries inside."""
    links = [
        download(f"{prefix}summary.json", "application/json", json.dumps(summary, indent=2), "summary.json"),
        download(f"{prefix}series.csv", "text/csv", series_csv(records), "series.csv, a row for each second"),
    ]
    return f"<p>Download {' and '.join(links)}. The histograms are in run.db, in the directory of the run.</p>"
