"""The page of one attack: one HTML file that works offline."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.summary_figures import Summary
from malaria.analysis.windows import known_total
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run
from malaria.report.charts.run_charts import overview
from malaria.report.figure_text import connect_time_ns, connected, count, latencies, lost_figure, moment, things
from malaria.report.page.environment_view import EnvironmentView, environment_view
from malaria.report.page.page_document import render_document
from malaria.report.page.page_elements import (
    ChartPlace,
    FigureCard,
    defined,
)
from malaria.report.page.run_sections import (
    RunSections,
    VerdictView,
    chart_place,
    run_material,
    run_sections,
    section_charts,
    verdict_view,
)
from malaria.units import format_duration_ns, format_rate


@dataclass(frozen=True, slots=True)
class RunPage:
    """The values of the template run_page.html."""

    title: str
    subtitle: str
    verdict: VerdictView
    cards: tuple[FigureCard, ...]
    overview: ChartPlace
    sections: RunSections
    environment: EnvironmentView


def render_run_page(run: Run, summary: Summary) -> str:
    """Return the page of one attack as text that UTF-8 can carry. Raises RunError for a damaged run."""
    material = run_material(run, summary)
    charts = {"overview": overview(run, material.series)} | section_charts(material)
    meta = run.meta
    subtitle = (meta.target, meta.load, moment(summary))
    page = RunPage(
        title=meta.title or "attack",
        subtitle=" · ".join(part for part in subtitle if part),
        verdict=verdict_view(run, summary),
        cards=figure_cards(run, summary),
        overview=chart_place("overview", charts),
        sections=run_sections(material, charts),
        environment=environment_view(run, summary),
    )
    return render_document("run_page.html", page, charts)


def figure_cards(run: Run, summary: Summary) -> tuple[FigureCard, ...]:
    """Return the three to six figures that matter most; those that are not known are left out."""
    cards = [
        _clients(run, summary),
        _rate(run, summary),
        _ack(run, summary),
        _lost(summary),
        _broker_cpu(summary),
        _generator_cpu(summary),
        _arrived(run, summary),
    ]
    return tuple(card for card in cards if card is not None)


def _clients(run: Run, summary: Summary) -> FigureCard:
    took_ns = connect_time_ns(run)
    within = f" in {format_duration_ns(took_ns)}" if took_ns else ""
    planned = count(summary.clients.planned)
    return FigureCard(defined("clients"), connected(run, summary), f"of {planned}{within}")


def _rate(run: Run, summary: Summary) -> FigureCard | None:
    rates = summary.rates
    # what the broker confirmed says most; QoS 0 and subscribers have less
    name = next((name for name in ("acked", "sent", "delivered") if rates[f"{name}_per_s"] is not None), None)
    if name is None:
        return None
    due = rates.due_per_s
    note = "closed loop" if run.meta.closed_loop else "" if due is None else f"of {format_rate(due)} due"
    return FigureCard(defined("rates", name), format_rate(rates[f"{name}_per_s"]), note)


def _ack(run: Run, summary: Summary) -> FigureCard | None:
    found = latencies(run, summary).get(Metric.ACK)
    return None if found is None else FigureCard(defined("ack", "ack p99"), str(found["p99"]), f"p50 {found['p50']}")


def _lost(summary: Summary) -> FigureCard | None:
    messages = summary.messages
    if messages.lost is None:
        return None
    return FigureCard(defined("lost"), lost_figure(messages), f"of {count(messages.expected)} deliveries")


def _broker_cpu(summary: Summary) -> FigureCard | None:
    percent = summary.broker.cpu_percent
    return None if percent is None else FigureCard(defined("broker_cpu"), f"{percent:.0f} %", "of one core")


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
