"""The summary of an attack in the terminal: one block that fits 80 x 24.

Colour shows the outcome alone: good, doubtful, bad.
"""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.analysis.clocks import ACROSS_HOSTS, clock_words
from malaria.analysis.distribution import bar
from malaria.analysis.figure_names import LATENCY_LABELS, STATISTIC_LABELS
from malaria.analysis.headline import headline
from malaria.analysis.headroom import broker_limit
from malaria.analysis.summary_figures import Summary
from malaria.analysis.surge_words import surge_line
from malaria.analysis.windows import known_total
from malaria.records.rows import UNCOUNTED, Counter, Metric
from malaria.records.run import Run
from malaria.report.figure_text import (
    StatedLatency,
    broker_name,
    connect_time_text,
    connected,
    count,
    kept_up,
    latencies,
    things,
    title_line,
)
from malaria.report.ledger_text import warmup_messages
from malaria.report.terminal.rules_block import rules_block
from malaria.report.terminal.terminal_lines import COLOURS, INDENT, LABEL_WIDTH, print_lines, row, wrapped
from malaria.units import format_bytes, format_things

SHOWN: Final = ("p50", "p90", "p99", "p99_9", "max")
"""The statistics of a latency that have room."""
SETTLED: Final = ("lost", "duplicated", "reordered", "unresolved")
FIGURE_WIDTH: Final = 11
PARTS: Final = {
    Metric.TCP: "TCP",
    Metric.TLS: "TLS",
    Metric.UPGRADE: "upgrade",
    Metric.CONNACK: "CONNACK",
    Metric.SUBACK: "SUBACK",
}
"""The parts of a connect. With TLS or WebSocket their medians are in a line below `connect`."""
SCREEN_LINES: Final = 24
LINES_AFTER: Final = 2
"""Lines below the block: where the page is, and the prompt."""
LEAST_RULES: Final = 3
"""Lines for the rules, the empty one below included, that a full screen has."""
UNBOUNDED_LINES: Final = 1000
"""A pipe or a file has room for all rules and reasons."""
SURGES_SHOWN: Final = 3
ADDRESSES_SHOWN: Final = 3


def print_summary(run: Run, summary: Summary, console: Console) -> None:
    """Print the summary of one attack."""
    height = console.height if console.is_terminal else UNBOUNDED_LINES
    print_lines(_attack(run, summary, console.width, height), console)


def _attack(run: Run, summary: Summary, width: int, height: int) -> list[Text]:
    body = [Text(), *_clients(run, summary, width), *_messages(run, summary, width), Text()]
    body += [*_latency_lines(run, summary, width)]
    body += _surges(run, summary, width)
    body += row("broker", _broker(run, summary), width)
    body += [*row("generator", _generator(summary), width), Text()]
    head = [*wrapped(title_line(run), "", width), Text()]
    # the rules decide the verdict, so their shortest form comes before further reasons
    few = rules_block(run, summary, width, LEAST_RULES)
    room = max(height, SCREEN_LINES) - LINES_AFTER - len(head) - len(body) - len(few)
    verdict = _verdict(run, summary, width, room)
    return head + verdict + body + rules_block(run, summary, width, room + len(few) - len(verdict))


def _verdict(run: Run, summary: Summary, width: int, room: int) -> list[Text]:
    """Return the answer, the remedy, and as many further reasons as fit the screen; the page has all."""
    answer = headline(summary)
    margin = f"{INDENT}{answer.outcome}   "
    lines = wrapped(answer.what, margin, width)
    lines[0].stylize(COLOURS[answer.outcome], len(INDENT), len(margin))
    blank = " " * len(margin)
    if answer.remedy:
        lines += wrapped(answer.remedy, blank, width)
    for number, reason in enumerate(answer.further):
        sentence = wrapped(reason, blank, width)
        left = len(answer.further) - number
        # if this one is not the last, the line that counts the rest needs room too
        if len(lines) + len(sentence) + (left > 1) > room:
            return [*lines, Text(f"{blank}({format_things(left, 'more reason')} on the page)")]
        lines += sentence
    return lines


def _clients(run: Run, summary: Summary, width: int) -> list[Text]:
    clients = summary.clients
    parts = [f"{connected(run, summary)} of {count(clients.planned)} connected{connect_time_text(run)}"]
    # the count before it is then the most at once
    if run.meta.surges:
        parts.append(f"{count(clients.connected)} at the end")
    parts += [f"{count(clients[name])} {name}" for name in ("refused", "dropped", "reconnects")]
    lines = row("clients", parts, width)
    if len(summary.addresses) > 1:
        lines += row("", [f"spread over {', '.join(summary.addresses[:ADDRESSES_SHOWN])}{_more(summary)}"], width)
    failures = run.meta.connect_failures
    if isinstance(failures, dict) and failures:
        # the commonest reason: the page has all of them
        cause, hit = max(failures.items(), key=lambda item: int(item[1]))
        lines += row("", [f"{format_things(int(hit), 'client')}: {cause}"], width)
    return lines


def _more(summary: Summary) -> str:
    more = len(summary.addresses) - ADDRESSES_SHOWN
    return f" and {more} more addresses" if more > 0 else ""


def _messages(run: Run, summary: Summary, width: int) -> list[Text]:
    messages = summary.messages
    # nothing was published here: all that is known is what arrived
    if messages.due is None:
        arrived = f"arrived {count(known_total(run, Counter.ARRIVED))}"
        return row("messages", [arrived], width) if run.meta.subscribing else []
    sums = [f"{name} {count(messages[name])}" for name in ("due", "sent", "acked") if messages[name] is not None]
    if warmup := warmup_messages(run):
        sums[0] += f" ({count(warmup)} in the warm-up)"
    if messages.expected is not None:
        sums.append(f"delivered {count(messages.delivered)} of {count(messages.expected)}")
    known = [f"{name} {count(messages[name])}" for name in SETTLED if messages[name] is not None]
    # without a loss none of them was acked
    if messages.lost and messages.acked_lost is not None:
        known.insert(1, f"acked but lost {count(messages.acked_lost)}")
    if messages.never_sent and not run.meta.closed_loop:
        known.insert(1, f"never sent {count(messages.never_sent)}")
    if messages.unacked:
        known.append(f"never acked {count(messages.unacked)}")
    if messages.overlapping:
        known.append(f"overlapping {count(messages.overlapping)}")
    lines = row("messages", sums, width) + (row("", known, width) if known else [])
    notes = run.ledger.notes if run.ledger is not None else ()
    uncounted = [note for note in notes if note.startswith(UNCOUNTED)]
    return lines + [line for note in uncounted for line in wrapped(note, " " * (len(INDENT) + LABEL_WIDTH), width)]


def _latency_lines(run: Run, summary: Summary, width: int) -> list[Text]:
    found = latencies(run, summary)
    if not found:
        lost = run.damage.hits("sample", "histogram")
        return row("latency", ["unknown: records of it are lost" if lost else "not measured"], width)
    heads = "".join(f"{STATISTIC_LABELS[name]:>{FIGURE_WIDTH}}" for name in SHOWN)
    lines = [Text(f"{INDENT}{'latency':<{LABEL_WIDTH}}{heads}")]
    for metric, statistics in found.items():
        # parts are in the line below `connect`; service is on the page
        if metric in PARTS or metric is Metric.SERVICE:
            continue
        values = "".join(_figure(statistics[name]) for name in SHOWN)
        line = Text(f"{INDENT}{LATENCY_LABELS[metric]:<{LABEL_WIDTH}}{values} ")
        lines.append(line.append_text(_after_figures(run, metric)))
        if metric is Metric.CONNECT and (Metric.TLS in found or Metric.UPGRADE in found):
            medians = [f"{word} {found[part]['p50']}" for part, word in PARTS.items() if part in found]
            lines += row(" parts p50", medians, width)
    return lines


def _after_figures(run: Run, metric: Metric) -> Text:
    """Return what follows the figures of a latency: a bar of its distribution, or a remark."""
    if metric is Metric.LAG:
        return _kept_up(run)
    if metric in ACROSS_HOSTS and (clocks := clock_words(run)):
        return Text(clocks)
    return Text(bar(run, metric))


def _figure(value: StatedLatency) -> str:
    return f"{value!s:>{FIGURE_WIDTH}}"


def _kept_up(run: Run) -> Text:
    """Return a remark on the generator's own part of the lag; empty if that is not known."""
    good = kept_up(run)
    return Text() if good is None else Text("kept up") if good else Text("ran late", COLOURS["INVALID"])


def _surges(run: Run, summary: Summary, width: int) -> list[Text]:
    """Return a line for each surge; the verdict has the reasons."""
    lines = [surge_line(run, surge) for surge in summary.surges]
    if len(lines) > SURGES_SHOWN:
        lines[SURGES_SHOWN - 1 :] = [f"({len(lines) - SURGES_SHOWN + 1} more surges on the page)"]
    return [line for number, text in enumerate(lines) for line in row("" if number else "surge", [text], width)]


def _broker(run: Run, summary: Summary) -> list[str]:
    broker, limit = summary.broker, broker_limit(summary.broker)
    used, memory = broker.host_memory_used_bytes, broker.host_memory_bytes
    parts = [
        broker_name(run, summary),
        _part("CPU {:.0f} % of a core", broker.cpu_percent),
        f"at {limit}" if limit else "",
        f"memory {format_bytes(broker.rss_bytes)}" if broker.rss_bytes is not None else "",
        _part("host CPU {:.0f} %", broker.host_cpu_percent),
        f"host memory {format_bytes(used)} / {format_bytes(memory)}" if used is not None and memory is not None else "",
    ]
    return [part for part in parts if part]


def _generator(summary: Summary) -> list[str]:
    generator = summary.generator
    parts = [
        things(generator.bees, "bee") if (generator.bees or 1) > 1 else "",
        things(generator.workers, "worker"),
        _part("CPU {:.0f} % of a core", generator.cpu_percent),
        f"memory {format_bytes(generator.rss_bytes)}" if generator.rss_bytes is not None else "",
    ]
    return [part for part in parts if part]


def _part(pattern: str, value: float | None) -> str:
    return "" if value is None else pattern.format(value)
