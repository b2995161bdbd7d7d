"""Read the trials of a stored search: what each attack says about its load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from malaria.analysis.capacity.evidence import Trial
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.search_goal import SearchGoal
from malaria.records.staircase import Staircase

UP: Final = "up"
RUNG_OUTCOMES: Final = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.INVALID}


def trials_of_part(part: CampaignPart, summary: Summary | None, goal: SearchGoal) -> list[Trial]:
    """Return the trials of a part: one, or those of a staircase. Without a summary it is UNKNOWN."""
    # a surge on a part of the proven load says nothing about any load
    if part.trial is None or part.trial.trigger is not None:
        return []
    load, hold_s, rung = part.trial.load, part.trial.hold_s, part.trial.staircase is not None
    if summary is None:
        # a staircase that is too high for this machine says nothing about its lowest load
        outcome = Outcome.INVALID if part.own_limit and not rung else Outcome.UNKNOWN
        return [Trial(load, outcome, hold_s, rung=rung, took_s=part.took_s)]
    if part.trial.staircase is not None:
        return _rungs(part, part.trial.staircase, summary)
    outcome = summary.verdict.outcome
    broken = summary.messages.acked_lost or summary.messages.duplicated_qos_2 or summary.broker.ended_s is not None
    decisive = outcome is Outcome.FAIL and broken
    return [
        Trial(
            load,
            outcome,
            hold_s,
            decisive=bool(decisive),
            unsteady=hold_s >= goal.hold_s and _may_grow(summary, goal.width),
            took_s=part.took_s,
        )
    ]


def _rungs(part: CampaignPart, stairs: Staircase, summary: Summary) -> list[Trial]:
    """Return a short trial for each rung on the way up. What came down may still have been sick of what was above."""
    rungs = [rung for rung in summary.loop.rungs if rung.way == UP] if summary.loop is not None else []
    # an attack that was cut short, or could not be judged, proves nothing
    if not rungs or summary.verdict.outcome is Outcome.UNKNOWN:
        return [Trial(stairs.loads[0], Outcome.UNKNOWN, stairs.rung_s, rung=True, took_s=part.took_s)]
    # the attack as a whole took its time once
    shares_s = [None if part.took_s is None else part.took_s / len(rungs)] * len(rungs)
    return [
        Trial(rung.load, RUNG_OUTCOMES[rung.well], stairs.rung_s, rung=True, took_s=share_s)
        for rung, share_s in zip(rungs, shares_s, strict=True)
    ]


def trials_of(campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> list[Trial]:
    """Return the trials that were made to their end, in order; [] for a campaign that is no search."""
    goal = campaign.search
    if goal is None:
        return []
    decided = (part for part in campaign.parts if part.state is PartState.DONE or (part.why and part.took_s))
    return [trial for part in decided for trial in trials_of_part(part, summaries.get(part.directory or ""), goal)]


def _may_grow(summary: Summary, width: float) -> bool:
    """Tell whether a queue may grow by more than a step of the search without being seen to."""
    due_per_s = summary.rates.due_per_s
    return due_per_s is not None and any(
        not queue.grows and queue.low_per_s <= 0 and queue.high_per_s > width * due_per_s
        for queue in summary.broker.queues.values()
    )
