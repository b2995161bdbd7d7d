"""Judge a search from its trials: its figures for `summary.json`, and the verdict over the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from malaria.analysis.capacity.capacity_words import answer_sentence
from malaria.analysis.capacity.edge import cost_s, edge
from malaria.analysis.capacity.evidence import Trial
from malaria.analysis.capacity.search import CapacityAnswer, Ending, answer, next_trial
from malaria.analysis.capacity.trials import trials_of
from malaria.analysis.capacity.triggers import trigger_figures
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import CapacityFigures, LoopFigures, Summary, TrialFigures, Verdict
from malaria.records.campaign_records import CampaignRecords
from malaria.records.search_goal import SearchGoal

OUTCOMES: Final[Mapping[Ending, Outcome]] = {
    Ending.PROVEN: Outcome.PASS,
    Ending.GREATEST: Outcome.PASS,
    Ending.NOT_EVEN: Outcome.FAIL,
    Ending.GENERATOR: Outcome.INVALID,
    Ending.NO_EVIDENCE: Outcome.UNKNOWN,
    Ending.BUDGET: Outcome.UNKNOWN,
    Ending.INTERRUPTED: Outcome.UNKNOWN,
}
"""PASS says that the search has its answer, not that the target passed."""


def judge_search(
    goal: SearchGoal, campaign: CampaignRecords, summaries: Mapping[str, Summary]
) -> tuple[CapacityFigures, Verdict]:
    """Return the figures and the verdict of a search. `summaries` has that of each trial, by its directory."""
    trials = trials_of(campaign, summaries)
    found = _answer(goal, trials)
    binding = _binding(found, campaign, summaries)
    sentence = answer_sentence(found, goal, trials, binding)
    loop = _loop(campaign, summaries)
    outcome = OUTCOMES[found.ending]
    reasons = [Reason(outcome, sentence), *_hindrance(found, campaign)]
    figures = CapacityFigures(
        search="rate" if goal.by_rate else "clients",
        lower=found.lower,
        upper=found.upper,
        width=goal.width,
        ending=str(found.ending),
        binding=binding,
        monotonic=found.monotonic,
        trials=tuple(TrialFigures(trial.load, trial.hold_s, trial.outcome) for trial in trials),
        cleaned=_cleaned(campaign),
        edge=edge(campaign, summaries, found.lower, found.upper),
        cost_s=cost_s(campaign),
        triggers=trigger_figures(goal, found.lower, campaign, summaries),
        loop=loop,
    )
    return figures, Verdict(outcome, tuple(reasons))


def _answer(goal: SearchGoal, trials: Sequence[Trial]) -> CapacityAnswer:
    found = next_trial(goal, trials)
    return found if isinstance(found, CapacityAnswer) else answer(goal, trials, Ending.INTERRUPTED)


def _hindrance(found: CapacityAnswer, campaign: CampaignRecords) -> list[Reason]:
    """Return why a trial could not be made, the last one if there are several, where the search ended for that."""
    last = next((part for part in reversed(campaign.parts) if part.why and part.took_s is not None), None)
    if found.ending in (Ending.PROVEN, Ending.GREATEST, Ending.NOT_EVEN) or last is None:
        return []
    return [Reason(OUTCOMES[found.ending], f"{last.title}: {last.why}")]


def _cleaned(campaign: CampaignRecords) -> bool | None:
    """Return whether every trial met a clean target; None before the first."""
    made = [part for part in campaign.parts if part.clean_reason]
    return all(part.clean for part in made) if made else None


def _binding(found: CapacityAnswer, campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> str | None:
    """Return the first reason of the last trial that refuted the upper bound; a rung of a staircase if no other did."""
    rungs = []
    for part in reversed(campaign.parts):
        summary = summaries.get(part.directory or "")
        if summary is None or part.trial is None:
            continue
        if part.trial.staircase is not None and summary.loop is not None:
            rungs += [rung.reason for rung in summary.loop.rungs if rung.load == found.upper and rung.reason]
        elif part.trial.load == found.upper and summary.verdict.outcome is Outcome.FAIL and summary.verdict.reasons:
            return summary.verdict.reasons[0].text
    return rungs[0] if rungs else None


def _loop(campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> LoopFigures | None:
    """Return the loop of the staircase that tells most: the last one that tipped, or else the last."""
    found = [
        replace(summary.loop, run=part.directory)
        for part in campaign.parts
        if (summary := summaries.get(part.directory or "")) is not None and summary.loop is not None
    ]
    tipped = [loop for loop in found if loop.tipping is not None]
    return next(reversed(tipped or found), None)
