"""Say what one step above the answer looks like: a cliff, or a smooth slope; and what the search cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignPart, CampaignRecords
from malaria.records.rows import Metric

CLIFF: Final = "cliff"
SMOOTH: Final = "smooth"
COLLAPSED: Final = 0.9
"""A target that acknowledges less than this share of what is due has collapsed."""
MANY_TIMES: Final = 10
"""A latency that is so many times that of the step below has jumped."""


def edge(
    campaign: CampaignRecords, summaries: Mapping[str, Summary], lower: int | None, upper: int | None
) -> str | None:
    """Return `cliff` if one step above the answer the target collapses, else `smooth`; None without both bounds."""
    below = _last(campaign, summaries, lower, Outcome.PASS)
    above = _last(campaign, summaries, upper, Outcome.FAIL)
    if below is None or above is None:
        return None
    return CLIFF if _collapsed(above) or _jumped(below, above) else SMOOTH


def cost_s(campaign: CampaignRecords) -> float | None:
    """Return the seconds that all attacks of a search took; None before the first."""
    took_s = [part.took_s for part in campaign.parts if part.took_s is not None]
    return round(sum(took_s), 1) if took_s else None


def _last(
    campaign: CampaignRecords, summaries: Mapping[str, Summary], load: int | None, outcome: Outcome
) -> Summary | None:
    found = (summaries.get(part.directory or "") for part in _single_trials(campaign.parts) if _load(part) == load)
    known = [summary for summary in found if summary is not None and summary.verdict.outcome is outcome]
    return known[-1] if known and load is not None else None


def _single_trials(parts: Iterable[CampaignPart]) -> Iterable[CampaignPart]:
    return (part for part in parts if part.trial and part.trial.staircase is None and part.trial.trigger is None)


def _load(part: CampaignPart) -> int | None:
    return None if part.trial is None else part.trial.load


def _collapsed(above: Summary) -> bool:
    due, acked = above.rates.due_per_s, above.rates.acked_per_s
    behind = bool(due) and acked is not None and due is not None and acked < COLLAPSED * due
    return behind or bool(above.clients.dropped) or bool(above.messages.acked_lost)


def _jumped(below: Summary, above: Summary) -> bool:
    return any(
        (low := below.latency_ms[metric].p99) is not None
        and (high := above.latency_ms[metric].p99) is not None
        and high > MANY_TIMES * low
        for metric in (Metric.ACK, Metric.END_TO_END)
        if metric in below.latency_ms and metric in above.latency_ms
    )
