"""The sections of a page, each a function from a run and its figures to markup."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final

from malaria.analysis.headline import headline
from malaria.analysis.series import columns
from malaria.analysis.windows import total
from malaria.clock import NS_PER_S
from malaria.records import RunRecords
from malaria.report.definitions import COUNTERS, DEFINITIONS
from malaria.report.markup import card, command, download, table, text
from malaria.units import format_bytes, format_count, format_duration_ns, format_ms, format_rate

type Summary = Mapping[str, Any]

UNKNOWN: Final = "–"
LATENCIES: Final = {"ack": "ack", "service": "service", "end_to_end": "end to end", "connect": "connect", "lag": "lag"}
STATISTICS: Final = ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max")


def count(value: float | None) -> str:
    return UNKNOWN if value is None else format_count(value)


def ms(value: float | None) -> str:
    return UNKNOWN if value is None else format_ms(value)


def defined(name: str, label: str = "") -> str:
    """A word that links to its definition at the end of the page."""
    return f'<a href="#def-{text(name)}">{text(label or name)}</a>'


def verdict(records: RunRecords, summary: Summary) -> str:
    said = headline(records, summary)
    lines = [f'<p class="verdict"><span class="{said.outcome}">{said.outcome}</span> {text(said.what)}</p>']
    lines += [f"<p>{text(line)}</p>" for line in (said.remedy, *said.further) if line]
    return "\n".join(lines)


def cards(records: RunRecords, summary: Summary) -> str:
    """The three to six figures that matter."""
    clients, rates, messages = summary["clients"], summary["rates"], summary["messages"]
    ack, ours = summary["latency_ms"]["ack"], summary["generator"]
    made = [card("clients", f"{count(clients['connected'])}", f"of {count(clients['planned'])}")]
    done = next(
        (rates[f"{name}_per_s"] for name in ("acked", "sent", "delivered") if rates[f"{name}_per_s"] is not None), None
    )
    if done is not None:
        due = rates["due_per_s"]
        target = "" if records.meta.get("closed_loop") or due is None else f"of {format_rate(due, 'msg')} due"
        made.append(card("rate", format_rate(done, "msg"), target))
    if ack["count"]:
        made.append(card("ack p99", ms(ack["p99"]), f"p50 {ms(ack['p50'])}"))
    if messages["lost"] is not None:
        made.append(card("lost", count(messages["lost"]), f"of {count(messages['expected'])} deliveries"))
    cpu = summary["broker"]["cpu_percent"]
    if cpu is not None:
        made.append(card("broker CPU", f"{cpu:.0f} %", "of one core"))
    if ours["cpu_percent"] is not None:
        made.append(card("generator CPU", f"{ours['cpu_percent']:.0f} %", f"of one core, {ours['workers']} workers"))
    return f'<div class="cards">{"".join(made)}</div>'


def latencies(summary: Summary) -> str:
    head = ["", "count", *("p99.9" if name == "p99_9" else name for name in STATISTICS)]
    rows = [
        [defined(key, label), count(figures["count"]), *(ms(figures[name]) for name in STATISTICS)]
        for key, label in LATENCIES.items()
        if (figures := summary["latency_ms"][key])["count"]
    ]
    return table(head, rows) if rows else "<p>No latency was measured.</p>"


def ledger(records: RunRecords, summary: Summary) -> str:
    """The account as a sum that adds up, then every counter that is not zero in a sentence."""
    messages = summary["messages"]
    parts = [table(["messages", ""], [[defined(name), count(messages[name])] for name in ("due", "sent", "acked")])]
    if messages["expected"] is not None:
        total_row = f"{count(messages['delivered'])} + {count(messages['lost'])} + {count(messages['unresolved'])}"
        parts.append(
            f"<p>{defined('expected')} {count(messages['expected'])} = {total_row} "
            f"({defined('delivered')} + {defined('lost')} + {defined('unresolved')}); "
            f"{defined('acked_lost', 'acked but lost')} {count(messages['acked_lost'])}, "
            f"{defined('duplicated')} {count(messages['duplicated'])}, "
            f"{defined('reordered')} {count(messages['reordered'])}.</p>"
        )
    elif messages["unresolved"] is not None:
        parts.append(f"<p>{defined('unresolved')}: {count(messages['unresolved'])}.</p>")
    notes = records.ledger.notes if records.ledger else ("The run has no ledger: it did not come to its end.",)
    parts += [f"<p>{text(note)}</p>" for note in notes]
    return "\n".join(parts) + counters(records)


def counters(records: RunRecords) -> str:
    rows = [
        [count(number), text(sentence)]
        for name, sentence in COUNTERS.items()
        if (number := total(records.samples, name))
    ]
    failures = records.meta.get("connect_failures")
    if isinstance(failures, dict):
        rows += [[count(number), f"connects that failed: {text(reason)}"] for reason, number in failures.items()]
    return table(["", "what else was counted"], rows, "words") if rows else ""


def events(records: RunRecords) -> str:
    rows = [
        [f"{event.at_ns / NS_PER_S:.1f} s", text(event.kind), text(event.text), count(event.count), text(event.worker)]
        for event in records.events
    ]
    told = table(["at", "kind", "what", "times", "worker"], rows, "words")
    return f"<details><summary>{len(rows)} events</summary>{told}</details>"


def repeat(records: RunRecords, identity: str) -> str:
    return command(identity, str(records.meta.get("command", "unknown")))


def environment(records: RunRecords, summary: Summary) -> str:
    """Who made the load, against what."""
    facts = records.meta.get("environment")
    version = summary["broker"]["version"] or "version unknown"
    rows = [[name, text(fact or UNKNOWN)] for name, fact in
            (("target", summary["target"]), ("broker", version), ("started", summary["started"]))]  # fmt: skip
    for name, fact in facts.items() if isinstance(facts, dict) else ():
        said = ", ".join(f"{key} {value}" for key, value in fact.items()) if isinstance(fact, dict) else fact
        shown = format_bytes(fact) if name.endswith("_bytes") and isinstance(fact, int) else said
        rows.append([text(name.removesuffix("_bytes").replace("_", " ")), text(shown)])
    ours = summary["generator"]
    if ours["rss_bytes"]:
        rows.append(["generator memory", format_bytes(ours["rss_bytes"])])
    return table(["", ""], rows, "words")


def warhead(records: RunRecords) -> str:
    return f"<pre><code>{text(records.meta.get('warhead_toml', 'unknown'))}</code></pre>"


def definitions() -> str:
    rows = [
        [
            f'<span id="def-{text(name)}">{text(name)}</span>',
            text(sentence),
            f"<code>{text(formula)}</code>" if formula else "",
        ]
        for name, (sentence, formula) in DEFINITIONS.items()
    ]
    return table(["figure", "what it means", "formula"], rows, "words")


def raw_data(records: RunRecords, summary: Summary) -> str:
    series = columns(records)
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(series)
    writer.writerows(zip(*series.values(), strict=True))
    links = [
        download("summary.json", "application/json", json.dumps(summary, indent=2), "summary.json"),
        download("series.csv", "text/csv", rows.getvalue(), "series.csv (one row per second)"),
    ]
    return f"<p>{' · '.join(links)}. Histograms and everything else are in run.db, beside this page.</p>"


def length(summary: Summary) -> str:
    seconds = summary["duration_s"]
    return UNKNOWN if seconds is None else format_duration_ns(round(seconds * NS_PER_S))
