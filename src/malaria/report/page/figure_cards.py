"""The cards of a page's first screen: the figures that matter most, of an attack or of a level of a campaign."""

from __future__ import annotations

from malaria.analysis.headroom import broker_limit
from malaria.analysis.summary_figures import Summary
from malaria.analysis.windows import known_total
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run
from malaria.report.figure_text import connect_time_text, connected, count, latencies, lost_figure, things
from malaria.report.page.page_elements import FigureCard, defined
from malaria.units import format_rate


def figure_cards(run: Run, summary: Summary) -> tuple[FigureCard, ...]:
    """Return the cards of an attack. Figures that are not known are left out."""
    cards = [
        _clients(run, summary),
        _rate(run, summary),
        _latency(run, summary, Metric.ACK, "ack p99"),
        _latency(run, summary, Metric.END_TO_END, "end to end p99"),
        _lost(summary),
        _broker_cpu(summary),
        _generator_cpu(summary),
        _arrived(run, summary),
    ]
    return tuple(card for card in cards if card is not None)


def _clients(run: Run, summary: Summary) -> FigureCard:
    # a card has no room to say that the time is that of the start alone
    took = "" if run.meta.crowd_changes else connect_time_text(run)
    return FigureCard(defined("clients"), connected(run, summary), f"of {count(summary.clients.planned)}{took}")


def _rate(run: Run, summary: Summary) -> FigureCard | None:
    rates = summary.rates
    # what the broker confirmed says most; QoS 0 and subscribers have less
    name = next((name for name in ("acked", "sent", "delivered") if rates[f"{name}_per_s"] is not None), None)
    if name is None:
        return None
    due = rates.due_per_s
    note = "closed loop" if run.meta.closed_loop else "" if due is None else f"of {format_rate(due)} due"
    return FigureCard(defined("rates", name), format_rate(rates[f"{name}_per_s"]), note)


def _latency(run: Run, summary: Summary, metric: Metric, label: str) -> FigureCard | None:
    found = latencies(run, summary).get(metric)
    if found is None:
        return None
    p99 = str(found["p99"]).replace(" ", "\N{NO-BREAK SPACE}")
    return FigureCard(defined(metric, label), p99, f"p50 {found['p50']}")


def _lost(summary: Summary) -> FigureCard | None:
    messages = summary.messages
    if messages.lost is None:
        return None
    note = f"of {count(messages.expected)} deliveries"
    return FigureCard(defined("lost"), lost_figure(messages), note, is_bad=bool(messages.lost or messages.never_sent))


def _broker_cpu(summary: Summary) -> FigureCard | None:
    percent, limit = summary.broker.cpu_percent, broker_limit(summary.broker)
    if percent is None:
        return None
    return FigureCard(defined("broker_cpu"), f"{percent:.0f} %", f"at {limit}" if limit else "of one core")


def _generator_cpu(summary: Summary) -> FigureCard | None:
    generator = summary.generator
    if generator.cpu_percent is None:
        return None
    note = f"of a core, {things(generator.workers, 'worker')}"
    return FigureCard(defined("generator_cpu"), f"{generator.cpu_percent:.0f} %", note)


def _arrived(run: Run, summary: Summary) -> FigureCard | None:
    """Return the card of an attack that only subscribes: it has no messages due."""
    if summary.messages.due is not None or not run.meta.subscribing:
        return None
    return FigureCard(defined("arrived"), count(known_total(run, Counter.ARRIVED)), "messages")
