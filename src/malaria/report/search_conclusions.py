"""Say what a capacity search has shown: rows of facts for the terminal, sentences for the page and for Markdown."""

from __future__ import annotations

from typing import Final

from malaria.analysis.capacity.loop_words import broke_first_sentence, loop_lines, offered, trigger_sentence
from malaria.analysis.capacity.search import Ending
from malaria.analysis.summary_figures import CapacityFigures, LoopFigures, Summary
from malaria.clock import NS_PER_S
from malaria.records.rows import Metric
from malaria.report.figure_text import count, ms
from malaria.report.target_text import percent
from malaria.units import format_duration_ns, format_rate, format_things

NOT_CLEANED: Final = (
    "The target was not started anew for each trial: between trials it only had time to drain, so a trial may have met "
    "what the one before left behind."
)

LOOP_HOW: Final = (
    "One attack climbed step by step until the target broke, and came down the same steps until it was well. A way "
    "back below the way up is a loop."
)

EDGES: Final = {
    "cliff": "One step above it the target collapses: a cliff.",
    "smooth": "One step above it the target bends: the edge is smooth.",
}

type LabelledTexts = list[tuple[str, list[str]]]
"""(label, its parts): a row in the terminal."""


def search_facts(summary: Summary) -> LabelledTexts:
    """Return the figures at the answer, what broke first, and the loop; nothing for another campaign."""
    capacity = summary.capacity
    if capacity is None:
        return []
    rows = [
        (f"at {count(capacity.lower)}", _figures_at_lower(capacity, summary)),
        ("broke first", _broke_first(capacity)),
        ("the loop", _loop(capacity)),
        ("triggers", [trigger_sentence(one, by_rate=_by_rate(capacity)) for one in capacity.triggers]),
    ]
    return [(label, parts) for label, parts in rows if parts]


def search_conclusions(summary: Summary) -> list[str]:
    """Return the sentences for the summary of a search; nothing for that of another campaign."""
    capacity = summary.capacity
    if capacity is None:
        return []
    figures = _figures_at_lower(capacity, summary)
    unit = "" if capacity.lower is None else offered(capacity.lower, by_rate=_by_rate(capacity))
    broke = _broke_first(capacity)
    return [
        *([f"At {unit}: {', '.join(figures)}."] if figures else []),
        *([f"What broke first: {broke[0]}."] if broke else _nothing_broke(capacity)),
        *([EDGES[capacity.edge]] if capacity.edge in EDGES else []),
        *(f"The loop: {line}." if not place else f"{_capital(line)}." for place, line in enumerate(_loop(capacity))),
        *(f"Trigger {trigger_sentence(one, by_rate=_by_rate(capacity))}." for one in capacity.triggers),
        *search_doubts(summary),
        *_cost(capacity),
    ]


def loop_words(summary: Summary) -> list[str]:
    """Return the sentences above the chart of the way up and the way back; nothing without a staircase."""
    capacity = summary.capacity
    if capacity is None or capacity.loop is None:
        return []
    if capacity.loop.tipping is None:
        return ["One attack climbed step by step, and the target did not tip: there was no way back to be seen."]
    lines = [f"{_capital(line)}." for line in _loop(capacity)]
    broke = _broke_first(capacity)
    return [LOOP_HOW, *lines, *([f"What broke first: {broke[0]}."] if broke else [])]


def search_doubts(summary: Summary) -> list[str]:
    """Return the sentences on what makes the answer of a search less than it seems."""
    capacity, sentences = summary.capacity, []
    if capacity is None:
        return []
    if not capacity.monotonic:
        sentences.append("A greater load passed where a smaller one failed: the target is not steady.")
    if capacity.ending not in (Ending.PROVEN, Ending.GREATEST, Ending.NOT_EVEN):
        sentences.append("The search has not come to its end: the answer is only what was proven so far.")
    if capacity.cleaned is False and len(capacity.trials) > 1:
        sentences.append(NOT_CLEANED)
    return sentences


def _figures_at_lower(capacity: CapacityFigures, summary: Summary) -> list[str]:
    # no load was proven: there are no figures to show
    if capacity.lower is None:
        return []
    figures = [
        f"{name} p99 {ms(latency.p99)}"
        for name, metric in (("ack", Metric.ACK), ("end to end", Metric.END_TO_END))
        if (latency := summary.latency_ms.get(metric)) is not None and latency.p99 is not None
    ]
    rate, cpu, lost = summary.rates.acked_per_s, summary.broker.cpu_percent, summary.messages.lost
    if rate is not None and not _by_rate(capacity):  # there the load itself is the rate
        figures = [format_rate(rate, "msg"), *figures]
    figures += [f"broker {percent(cpu)} of a core"] if cpu is not None else []
    return figures + ([f"lost {count(lost)}"] if lost is not None else [])


def _broke_first(capacity: CapacityFigures) -> list[str]:
    """Return what broke first, seen on the staircase; without one, what failed at the upper bound."""
    loop = capacity.loop
    signs = broke_first_sentence(loop.broke_first, loop.bytes_wait) if loop is not None else ""
    if loop is not None and loop.tipping is not None and signs:
        return [f"at {offered(loop.tipping, by_rate=_by_rate(capacity))}, {signs}"]
    if capacity.upper is None or not capacity.binding:
        return []
    return [f"at {offered(capacity.upper, by_rate=_by_rate(capacity))}: {capacity.binding}"]


def search_cost(capacity: CapacityFigures) -> str:
    """Return `24 min, 14 trials`; empty before the first trial."""
    if capacity.cost_s is None:
        return ""
    return f"{format_duration_ns(round(capacity.cost_s) * NS_PER_S)}, {format_things(len(capacity.trials), 'trial')}"


def _cost(capacity: CapacityFigures) -> list[str]:
    cost = search_cost(capacity)
    return [f"The search took {cost}."] if cost else []


def _nothing_broke(capacity: CapacityFigures) -> list[str]:
    # without a load that failed the search found only a lower bound
    is_open = capacity.upper is None and capacity.lower is not None
    return ["Nothing broke: the limit is above what was tried."] if is_open else []


def _loop(capacity: CapacityFigures) -> list[str]:
    loop: LoopFigures | None = capacity.loop
    return [] if loop is None else loop_lines(loop, by_rate=_by_rate(capacity))


def _by_rate(capacity: CapacityFigures) -> bool:
    return capacity.search == "rate"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
