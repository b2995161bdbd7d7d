"""The page of an attack, and of several levels: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from malaria.records import RunRecords
from malaria.report import blocks, charts
from malaria.report.markup import chart, document, table, text

type Summary = Mapping[str, Any]
type Level = tuple[RunRecords, Summary]


def write_page(records: RunRecords, summary: Summary, path: Path) -> None:
    """The page of one attack."""
    title = str(records.meta.get("title") or "attack")
    body = f"{_top(records, summary)}\n{_body(records, summary, '')}\n{_end(records, summary)}"
    figures = {"overview": charts.overview(records)} | _figures(records, "")
    path.write_text(document(f"{title} · malaria", body, figures), encoding="utf-8")


def write_campaign_page(title: str, levels: Sequence[Level], path: Path) -> None:
    """The page of several levels: all of them at a glance, then each as on a page of its own."""
    parts = [
        f"<h1>{text(title)}</h1>",
        _levels_verdict(levels),
        chart("levels", 480),
        _levels_table(levels),
        _contents(levels),
    ]
    figures: dict[str, object] = {"levels": charts.levels_chart(levels)}
    for number, (records, summary) in enumerate(levels, 1):
        parts.append(f'<h2 id="level-{number}">{text(_name(records, number))}</h2>')
        parts.append(f'<p class="soft">{text(records.meta.get("load", ""))}</p>')
        parts.append(blocks.verdict(records, summary) + blocks.cards(records, summary))
        parts.append(_body(records, summary, f"-{number}", heading="h3"))
        figures |= _figures(records, f"-{number}")
    parts += [_end(*levels[-1])]
    path.write_text(document(f"{title} · malaria", "\n".join(parts), figures), encoding="utf-8")


def _top(records: RunRecords, summary: Summary) -> str:
    """What one sees without scrolling: title, verdict, the figures that matter, one chart."""
    meta = records.meta
    line = f"{meta.get('target', '')} · {meta.get('load', '')}"
    return "\n".join(
        [
            f'<h1>{text(meta.get("title", "attack"))} <span class="soft">{text(line)}</span></h1>',
            blocks.verdict(records, summary),
            blocks.cards(records, summary),
            chart("overview", charts.OVERVIEW_HEIGHT_PX),
        ]
    )


def _body(records: RunRecords, summary: Summary, suffix: str, heading: str = "h2") -> str:
    def head(words: str) -> str:
        return f"<{heading}>{words}</{heading}>"

    return "\n".join(
        [
            head("The command to repeat it"),
            blocks.repeat(records, f"command{suffix}"),
            head("Latency"),
            blocks.latencies(summary),
            chart(f"percentiles{suffix}", 360),
            head("Over time"),
            chart(f"stack{suffix}", charts.STACK_HEIGHT_PX),
            blocks.events(records),
            head("The ledger"),
            blocks.ledger(records, summary),
            blocks.raw_data(records, summary),
            f"<details><summary>the warhead as it was</summary>{blocks.warhead(records)}</details>",
        ]
    )


def _end(records: RunRecords, summary: Summary) -> str:
    return "\n".join(
        [
            "<h2>Environment</h2>",
            blocks.environment(records, summary),
            '<h2 id="definitions">How each figure is defined</h2>',
            blocks.definitions(),
        ]
    )


def _figures(records: RunRecords, suffix: str) -> dict[str, object]:
    return {f"percentiles{suffix}": charts.percentiles(records), f"stack{suffix}": charts.stack(records)}


def _name(records: RunRecords, number: int) -> str:
    return str(records.meta.get("title") or f"level {number}")


def _levels_verdict(levels: Sequence[Level]) -> str:
    """How far it held."""
    passed = [
        name
        for n, (records, s) in enumerate(levels, 1)
        if s["verdict"]["outcome"] == "PASS" and (name := _name(records, n))
    ]
    if len(passed) == len(levels):
        return f'<p class="verdict"><span class="PASS">PASS</span> the broker carried all {len(levels)} levels</p>'
    first = next((n, r, s) for n, (r, s) in enumerate(levels, 1) if s["verdict"]["outcome"] != "PASS")
    outcome = first[2]["verdict"]["outcome"]
    reasons = "; ".join(first[2]["verdict"]["reasons"][:2])
    what = f"{_name(first[1], first[0])}: {reasons}"
    return f'<p class="verdict"><span class="{text(outcome)}">{text(outcome)}</span> {text(what)}</p>'


def _levels_table(levels: Sequence[Level]) -> str:
    rows = [
        [
            f'<a href="#level-{number}">{text(_name(records, number))}</a>',
            f'<span class="{text(s["verdict"]["outcome"])}">{text(s["verdict"]["outcome"])}</span>',
            blocks.count(s["clients"]["connected"]),
            blocks.count(s["rates"]["due_per_s"]),
            blocks.count(s["rates"]["acked_per_s"]),
            blocks.ms(s["latency_ms"]["ack"]["p50"]),
            blocks.ms(s["latency_ms"]["ack"]["p99"]),
            blocks.count(s["messages"]["lost"]),
        ]
        for number, (records, s) in enumerate(levels, 1)
    ]
    return table(["level", "verdict", "clients", "due/s", "acked/s", "ack p50", "ack p99", "lost"], rows)


def _contents(levels: Sequence[Level]) -> str:
    items = "".join(f'<li><a href="#level-{n}">{text(_name(r, n))}</a></li>' for n, (r, _) in enumerate(levels, 1))
    return f'<nav><ul>{items}<li><a href="#definitions">how each figure is defined</a></li></ul></nav>'
