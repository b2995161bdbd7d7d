"""Read the trials of a stored search: what each attack says about its load."""

from __future__ import annotations

from collections.abc import Mapping

from malaria.analysis.capacity.evidence import Trial
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.search_goal import SearchGoal


def trial_of(part: CampaignPart, summary: Summary | None, goal: SearchGoal) -> Trial | None:
    """Return the trial of a part; None if the part is not one that was made. Without a summary it is UNKNOWN."""
    if part.trial is None:
        return None
    load, hold_s = part.trial.load, part.trial.hold_s
    if summary is None:
        return Trial(load, Outcome.UNKNOWN, hold_s, took_s=part.took_s)
    return Trial(
        load,
        summary.verdict.outcome,
        hold_s,
        decisive=summary.verdict.outcome is Outcome.FAIL and bool(summary.messages.acked_lost),
        unsteady=hold_s >= goal.hold_s and _may_grow(summary, goal.width),
        took_s=part.took_s,
    )


def trials_of(campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> list[Trial]:
    """Return the trials that were made to their end, in order; [] for a campaign that is no search."""
    goal = campaign.search
    if goal is None:
        return []
    decided = (part for part in campaign.parts if part.state is PartState.DONE or (part.why and part.took_s))
    found = (trial_of(part, summaries.get(part.directory or ""), goal) for part in decided)
    return [trial for trial in found if trial is not None]


def _may_grow(summary: Summary, width: float) -> bool:
    """Tell whether a queue may grow by more than a step of the search without being seen to."""
    due_per_s = summary.rates.due_per_s
    return due_per_s is not None and any(
        not queue.grows and queue.low_per_s <= 0 and queue.high_per_s > width * due_per_s
        for queue in summary.broker.queues.values()
    )
