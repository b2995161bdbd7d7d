"""The program of a capacity search: each step is a trial at the load that tells most after the trials before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.capacity.capacity_words import load_name, standing
from malaria.analysis.capacity.evidence import Trial
from malaria.analysis.capacity.search import CapacityAnswer, Ending, TrialPlan, next_trial
from malaria.analysis.capacity.trials import trials_of_part
from malaria.analysis.capacity.triggers import next_trigger, trigger_trial
from malaria.campaigns.adjustments import held_table
from malaria.campaigns.definition import Campaign, places
from malaria.campaigns.file_tables import SearchBy
from malaria.campaigns.program import Step, StepResult
from malaria.campaigns.staircase_warhead import can_climb, staircase_warhead
from malaria.campaigns.time_left import FIRST_GUESS_S
from malaria.campaigns.trigger_warhead import trigger_warhead
from malaria.clock import NS_PER_S
from malaria.errors import CampaignError
from malaria.model.group import Group
from malaria.model.warhead import Warhead, validated
from malaria.records.search_goal import SearchGoal, TrialLoad
from malaria.records.staircase import Staircase
from malaria.units import format_count

GREATEST_CLIENTS: Final = 100_000
GREATEST_RATE: Final = 1_000_000
"""Messages per second."""
PROBE_PART: Final = 4
"""The first trials last so small a part of a hold."""
LEAST_PROBE_S: Final = 5.0
PATIENCE_HOLDS: Final = 4
"""Holds that a target that gets better has on each step down."""
LEAST_PATIENCE_S: Final = 10.0
MOST_PATIENCE_S: Final = 30.0


class CapacityProgram:
    """Trials until both neighbours of the answer are proven."""

    def __init__(self, campaign: Campaign) -> None:
        """Raises CampaignError for a load that cannot be searched."""
        goal = search_goal(campaign)
        assert goal is not None
        self._goal = goal
        self._level = campaign.levels[0]
        self._place = places(f"{campaign.name}: [search]")
        first = next_trial(goal, ())
        # the later trials depend on results: only the first one is certain
        self._first = [self._step(1, first)] if isinstance(first, TrialPlan) else []

    @property
    def planned(self) -> Sequence[Step]:
        return self._first

    @property
    def length(self) -> None:
        """Return None: the trials decide how many there are."""
        return None

    def standing(self, history: Sequence[StepResult]) -> str:
        return standing(self._goal, self._trials(history))

    def next(self, history: Sequence[StepResult]) -> Step | None:
        trials = self._trials(history)
        plan = next_trial(self._goal, trials)
        if isinstance(plan, TrialPlan):
            return self._step(len(history) + 1, plan)
        return self._trigger_step(history, plan)

    def _trigger_step(self, history: Sequence[StepResult], answer: CapacityAnswer) -> Step | None:
        """Return the next surge on a part of the proven load; None without a proof, without time, or at the end."""
        if answer.lower is None or answer.ending not in (Ending.PROVEN, Ending.GREATEST):
            return None
        tried = [
            trigger_trial(result.part.trial.load, result.part.trial.trigger, result.summary)
            for result in history
            if result.part.trial is not None and result.part.trial.trigger is not None
        ]
        wanted = next_trigger(self._goal, answer.lower, tried)
        if wanted is None:
            return None
        load, trigger = wanted
        warhead, hold_s = trigger_warhead(self._level.attacks[0].warhead, load, trigger, self._goal, self._place)
        took_s = sum(result.part.took_s or 0.0 for result in history)
        if self._goal.budget_s is not None and took_s + hold_s + self._goal.overhead_s > self._goal.budget_s:
            return None
        title = f"{load_name(load, self._goal)} +{format_count(trigger.surge)}"
        return self._made(len(history) + 1, title, warhead, TrialLoad(load, hold_s, trigger=trigger))

    def _trials(self, history: Sequence[StepResult]) -> list[Trial]:
        return [trial for result in history for trial in trials_of_part(result.part, result.summary, self._goal)]

    def _step(self, number: int, plan: TrialPlan) -> Step:
        attack = self._level.attacks[0]
        if plan.staircase:
            patience_s = min(MOST_PATIENCE_S, max(LEAST_PATIENCE_S, PATIENCE_HOLDS * self._goal.hold_s))
            stairs = Staircase(plan.staircase, plan.hold_s, patience_s, self._goal.by_rate)
            warhead, hold_s = staircase_warhead(attack.warhead, stairs, self._place)
            title = f"staircase, {format_count(stairs.loads[0])} to {load_name(stairs.loads[-1], self._goal)}"
        else:
            stairs, warhead, hold_s = None, self._warhead(attack.warhead, plan), plan.hold_s
            title = load_name(plan.load, self._goal)
        return self._made(number, title, warhead, TrialLoad(plan.load, hold_s, stairs))

    def _made(self, number: int, title: str, warhead: Warhead, trial: TrialLoad) -> Step:
        return Step(
            level=number,
            title=title,
            variant="",
            clients=sum(group.clients for group in warhead.publishing),
            note=self._level.note,
            directory=f"trial-{number}",
            warhead=warhead,
            listener=self._level.attacks[0].listener,
            observe=self._level.observe,
            broker=self._level.broker,
            trial=trial,
        )

    def _warhead(self, warhead: Warhead, plan: TrialPlan) -> Warhead:
        table = held_table(warhead, round(plan.hold_s * NS_PER_S))
        group = next(group for group in table["group"] if group["name"] == warhead.publishing[0].name)
        if self._goal.by_rate:
            # interval and rate say the same, and only one may be there
            group.pop("interval", None)
            group["rate"] = f"{plan.load}/{group['clients']}"
        else:
            group["clients"] = plan.load
        return validated(table, self._place)


def search_goal(campaign: Campaign) -> SearchGoal | None:
    """Return the goal of a campaign's search; None if it has levels. Raises CampaignError."""
    table = campaign.search
    if table is None:
        return None
    warhead = campaign.levels[0].warhead
    group = _varied_group(campaign, warhead)
    by_rate = table.by is SearchBy.RATE
    if by_rate and group.closed_loop:
        remedy = "give an interval or a rate, from which the search begins"
        raise CampaignError(f"{campaign.name}: a closed loop has no rate that a search could vary", remedy)
    load = round(group.clients / group.interval) if by_rate else group.clients
    greatest = table.greatest or (GREATEST_RATE if by_rate else GREATEST_CLIENTS)
    assert warhead.attack.duration_ns is not None
    hold_s = warhead.attack.duration_ns / NS_PER_S
    return SearchGoal(
        start=max(1, min(table.start or load, greatest)),
        smallest=1,
        greatest=greatest,
        width=table.width,
        hold_s=hold_s,
        # a probe must not be longer than the hold that it stands in for
        probe_s=min(hold_s, max(LEAST_PROBE_S, hold_s / PROBE_PART)),
        holds=table.holds,
        budget_s=table.budget_ns / NS_PER_S if table.budget_ns else None,
        overhead_s=FIRST_GUESS_S,
        by_rate=by_rate,
        staircase=table.staircase and can_climb(warhead, by_rate=by_rate),
        triggers=table.triggers,
        heal_s=table.heal_ns / NS_PER_S,
    )


def _varied_group(campaign: Campaign, warhead: Warhead) -> Group:
    if len(warhead.publishing) != 1:
        count = f"{len(warhead.publishing)} groups publish" if warhead.publishing else "no group publishes"
        message = f"{campaign.name}: {count}, so it is not clear which load the search varies"
        raise CampaignError(message, "write a warhead with one group that publishes")
    return warhead.publishing[0]
