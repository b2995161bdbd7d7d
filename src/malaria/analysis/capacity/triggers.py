"""Find the smallest surge from which a target does not recover, at parts of the load that it carries for ever.

A target with a loop is stable at a load, vulnerable at it, or metastable (Huang et al., "Metastable Failures in the
Wild", OSDI 2022): at a vulnerable load it goes on until a trigger comes. Surges are doubled until one does not heal in
time; then the step between the greatest that healed and the smallest that did not is halved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.capacity.load_grid import LoadGrid
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary, TriggerFigures
from malaria.records.campaign_records import CampaignRecords
from malaria.records.search_goal import SearchGoal
from malaria.records.trigger_load import TriggerLoad

FIRST_PART: Final = 0.5
"""Of the proven load: the first surge."""
MOST_TIMES: Final = 4
"""The proven load so many times is the greatest surge."""
GROWTH: Final = 2
CLOSE: Final = 1.25
"""The smallest surge that does not heal and the greatest that does are at most this factor apart."""
SURGE_S: Final = 5.0
VAIN_TRIALS: Final = 2
"""Trials without evidence at one load end its triggers."""


@dataclass(frozen=True, slots=True)
class TriggerTrial:
    """One surge that was tried. `healed` is None where nothing can be said."""

    trigger: TriggerLoad
    load: int
    healed: bool | None


def next_trigger(goal: SearchGoal, lower: int, trials: Sequence[TriggerTrial]) -> tuple[int, TriggerLoad] | None:
    """Return the base load and the surge to try next; None when every part of the proven load is decided."""
    for share in goal.triggers:
        of_share = [trial for trial in trials if trial.trigger.share == share]
        surge = _next_surge(lower, of_share)
        if surge is not None:
            return base_load(goal, lower, share), TriggerLoad(share, surge, SURGE_S, goal.heal_s)
    return None


def base_load(goal: SearchGoal, lower: int, share: float) -> int:
    """Return the greatest load of the grid that is at most this part of the proven one."""
    return LoadGrid(goal.width, goal.smallest, goal.start, goal.greatest).at_most(share * lower)


def trigger_figures(
    goal: SearchGoal, lower: int | None, campaign: CampaignRecords, summaries: Mapping[str, Summary]
) -> tuple[TriggerFigures, ...]:
    """Return the answer at each part of the proven load; nothing where none was asked for, or no load is proven."""
    if lower is None:
        return ()
    trials = trigger_trials(campaign, summaries)
    return tuple(
        _figures(goal, lower, share, [t for t in trials if t.trigger.share == share]) for share in goal.triggers
    )


def trigger_trials(campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> list[TriggerTrial]:
    """Return the surges that were tried, in order."""
    return [
        trigger_trial(part.trial.load, part.trial.trigger, summaries.get(part.directory or ""))
        for part in campaign.parts
        if part.trial is not None and part.trial.trigger is not None and (part.directory or (part.why and part.took_s))
    ]


def trigger_trial(load: int, trigger: TriggerLoad, summary: Summary | None) -> TriggerTrial:
    """Return what a trial says. One that this machine spoiled, or that was cut short, says nothing."""
    spoiled = summary is None or summary.verdict.outcome is Outcome.INVALID or not summary.surges
    healed = None if spoiled or summary is None else summary.surges[0].recovered
    return TriggerTrial(trigger, load, healed)


def _next_surge(lower: int, trials: Sequence[TriggerTrial]) -> int | None:
    if sum(trial.healed is None for trial in trials) >= VAIN_TRIALS:
        return None
    sick = min((trial.trigger.surge for trial in trials if trial.healed is False), default=None)
    well = max((t.trigger.surge for t in trials if t.healed and (sick is None or t.trigger.surge < sick)), default=None)
    first = max(1, round(FIRST_PART * lower))
    if sick is None:
        return first if well is None else GROWTH * well if GROWTH * well <= MOST_TIMES * lower else None
    if well is None:
        return None if sick == 1 else max(1, sick // GROWTH)
    if sick <= max(CLOSE * well, well + 1):
        return None
    return max(well + 1, round(math.sqrt(well * sick)))


def _figures(goal: SearchGoal, lower: int, share: float, trials: Sequence[TriggerTrial]) -> TriggerFigures:
    sick = min((trial.trigger.surge for trial in trials if trial.healed is False), default=None)
    well = max((t.trigger.surge for t in trials if t.healed and (sick is None or t.trigger.surge < sick)), default=None)
    return TriggerFigures(
        share=share,
        load=base_load(goal, lower, share),
        surge=sick,
        healed=well,
        surge_s=SURGE_S,
        heal_s=goal.heal_s,
        decided=_next_surge(lower, trials) is None and (sick is not None or well is not None),
        trials=len(trials),
    )
