"""The answer in one line, and what to do in the next.

Promises: the terminal, the page, Markdown and `summary.json` show the same sentence. A PASS says what the broker held,
with which figures, and how much room is left; any other outcome says its cause first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.outcome import Outcome
from malaria.analysis.reserve import broker_use, reserve
from malaria.analysis.summary_figures import Summary
from malaria.analysis.surge_words import surge_name
from malaria.analysis.windows import total
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run
from malaria.units import format_count, format_ms, format_rate, format_things

ON_TARGET: Final = 0.02
"""Within two percent of what was due."""
P99: Final = ((Metric.ACK, "ack"), (Metric.END_TO_END, "end to end"))
"""The latencies of the answer."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The outcome in one word, `what` in one sentence, `remedy` (may be empty), and the further reasons or remarks."""

    outcome: Outcome
    what: str
    remedy: str
    further: tuple[str, ...]


def headline(summary: Summary) -> Headline:
    """Return the verdict of an attack or a campaign in words."""
    verdict = summary.verdict
    reasons = verdict.reasons
    if verdict.outcome is Outcome.PASS:
        remarks = () if summary.levels else tuple(f"remark: {reason.text}" for reason in reasons)
        return Headline(Outcome.PASS, summary.headline, "", remarks)
    further = tuple(reason.text for reason in reasons[1:] if reason.outcome is verdict.outcome)
    return Headline(verdict.outcome, summary.headline, reasons[0].remedy if reasons else "", further)


def run_sentence(run: Run, summary: Summary) -> str:
    """Return the answer of one attack in a sentence: the cause of its outcome, or for a PASS what the broker held."""
    verdict = summary.verdict
    return _held(run, summary) if verdict.outcome is Outcome.PASS else verdict.reasons[0].text


def held_briefly(clients: int, summary: Summary) -> str:
    """Return `3,000 clients (500 msg/s, ack p99 4.8 ms)`: what a level of a campaign held."""
    figures = [part for part in (_rate(summary), *_latencies(summary)[:1]) if part]
    return f"{format_things(clients, 'client')}{f' ({", ".join(figures)})' if figures else ''}"


def _held(run: Run, summary: Summary) -> str:
    """Say what was carried, never more than the figures show."""
    figures = [*_latencies(summary), *_losses(summary), *_connections(run, summary), *broker_use(run, summary)]
    figures += [f"held {surge_name(run, surge)}" for surge in summary.surges if surge.held]
    answer = _answer(run, summary)
    known = f"{answer}: {', '.join(figures)}" if figures else answer
    room = reserve(run, summary)
    return f"{known}; {room}" if room else known


def _answer(run: Run, summary: Summary) -> str:
    """Return `holds 3,000 clients (500 msg/s)`; for subscribers what arrived."""
    if not run.meta.publishing and run.meta.subscribing:
        return _arrived(run, summary)
    if run.meta.closed_loop and _done_per_s(summary) is not None:
        return _closed_loop(summary)
    rate, planned = _rate(summary), _planned(run)
    connected = summary.clients.connected_peak
    missing = connected is not None and connected < (run.meta.clients_planned or 0)
    if connected is None or planned is None:
        return f"holds {rate}" if rate else "every rule holds"
    held = f"{format_count(connected)} of " if missing else ""
    crowd = run.meta.clients_planned or 0 if missing else planned
    return f"holds {held}{format_things(crowd, 'client')}{f' ({rate})' if rate else ''}"


def _planned(run: Run) -> int | None:
    """Return the clients that make the load: the publishers, where there are any."""
    return run.meta.publishers_planned or run.meta.clients_planned


def _arrived(run: Run, summary: Summary) -> str:
    arrived = total(run.samples, Counter.ARRIVED)
    times = f" ({format_rate(arrived / summary.duration_s, 'msg')})" if summary.duration_s else ""
    subscribers = format_things(summary.clients.connected or 0, "subscriber")
    return f"{subscribers} got {format_things(arrived, 'message')}{times}"


def _closed_loop(summary: Summary) -> str:
    """Say what a closed loop measured. At QoS 0 nothing is answered, and only the subscribers know what got through."""
    rate = format_rate(_done_per_s(summary) or 0, "msg")
    if summary.rates.acked_per_s is not None:
        return f"carries {rate}, as fast as it answered (closed loop)"
    part = "partly QoS 0" if summary.messages.acked else "QoS 0"
    sent = f"the sockets of this machine took {rate} (closed loop, {part})"
    if summary.rates.delivered_per_s is None:
        return f"{sent}; what the broker took is not known"
    return f"{sent}, {format_count(summary.rates.delivered_per_s)} deliveries/s"


def _rate(summary: Summary) -> str:
    """Return `500 msg/s`, or `453.3 of 500 msg/s` where that is not what was due."""
    done, due = _done_per_s(summary), summary.rates.due_per_s
    if done is None:
        return ""
    if due is None or abs(done - due) <= ON_TARGET * due:
        return format_rate(done, "msg")
    return f"{format_rate(done).removesuffix('/s')} of {format_rate(due, 'msg')}"


def _done_per_s(summary: Summary) -> float | None:
    rates = summary.rates
    return rates.acked_per_s if rates.acked_per_s is not None else rates.sent_per_s


def _latencies(summary: Summary) -> list[str]:
    """Return `ack p99 4.8 ms` and `end to end p99 6.0 ms`, as far as they are known."""
    known = [(name, latency.p99) for metric, name in P99 if (latency := summary.latency_ms.get(metric)) is not None]
    return [f"{name} p99 {format_ms(p99)}" for name, p99 in known if p99 is not None]


def _losses(summary: Summary) -> list[str]:
    messages = summary.messages
    if not messages.due:
        return []
    if messages.lost is None:
        return ["every message acknowledged"] if messages.unresolved == 0 and messages.acked else []
    if messages.expected == 0:
        return ["no subscription matches what was published"]
    return ["nothing lost" if not messages.lost else f"{format_count(messages.lost)} lost"]


def _connections(run: Run, summary: Summary) -> list[str]:
    """Return the figures of a run that publishes nothing: its connections are all that it shows."""
    clients, connect = summary.clients, summary.latency_ms.get(Metric.CONNECT)
    if run.meta.publishing or clients.dropped is None:
        return []
    dropped = f"{format_count(clients.dropped)} dropped" if clients.dropped else "no connection lost"
    if run.meta.subscribing or connect is None or connect.p99 is None:
        return [dropped]
    return [f"connect p99 {format_ms(connect.p99)}", dropped]
