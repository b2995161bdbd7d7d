"""The program of a comparison: two levels run alternately, A B B A A B, so that a drift of the host hits both alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from malaria.analysis.compare.paired_runs import paired_runs
from malaria.campaigns.definition import Campaign, Level
from malaria.campaigns.program import Step, StepResult
from malaria.records.comparison_goal import SIDES, ComparisonGoal
from malaria.units import format_things

LEAST_SPARE: Final = 2
"""So many pairs may be run again, or half of all, because this machine was the limit in them."""


class ComparisonProgram:
    """Pairs of A and B until enough of them are evidence."""

    def __init__(self, campaign: Campaign) -> None:
        goal = comparison_goal(campaign)
        assert goal is not None
        self._goal = goal
        self._levels = dict(zip(SIDES, campaign.levels, strict=True))
        self._planned = tuple(step for pair in range(1, goal.pairs + 1) for step in self._pair(pair))

    @property
    def planned(self) -> Sequence[Step]:
        return self._planned

    @property
    def length(self) -> int:
        return len(self._planned)

    def standing(self, history: Sequence[StepResult]) -> str:
        """Return how many pairs are done, after each pair."""
        if len(history) % len(SIDES):
            return ""
        runs = paired_runs([(result.part, result.summary) for result in history])
        return f"{len(runs.pairs)} of {format_things(self._goal.pairs, 'pair')}"

    def next(self, history: Sequence[StepResult]) -> Step | None:
        done = {result.key for result in history}
        step = next((step for step in self._planned if step.key not in done), None)
        return step if step is not None else self._spare(history)

    def _spare(self, history: Sequence[StepResult]) -> Step | None:
        """Return a step of a pair that stands in for one without evidence; None if there are enough or too many."""
        done = {result.key for result in history}
        pairs = max((result.part.level for result in history), default=0)
        open_steps = [step for step in self._pair(pairs) if step.key not in done] if pairs > self._goal.pairs else []
        if open_steps:
            return open_steps[0]
        runs = paired_runs([(result.part, result.summary) for result in history])
        spare = max(LEAST_SPARE, self._goal.pairs // 2)
        if len(runs.pairs) >= self._goal.pairs or pairs >= self._goal.pairs + spare:
            return None
        return next(self._pair(pairs + 1))

    def _pair(self, number: int) -> Iterator[Step]:
        """Yield the two steps of a pair in their order, which changes from pair to pair."""
        for side in SIDES if number % 2 else reversed(SIDES):
            yield _step(number, side, self._levels[side])


def _step(number: int, side: str, level: Level) -> Step:
    attack = level.attacks[0]
    return Step(
        level=number,
        title=f"pair {number}",
        variant=side,
        clients=level.clients,
        note=level.note,
        directory=f"pair-{number}-{side.lower()}",
        warhead=attack.warhead,
        listener=attack.listener,
        observe=level.observe,
        broker=level.broker,
    )


def comparison_goal(campaign: Campaign) -> ComparisonGoal | None:
    """Return the goal of a campaign's comparison; None if it is none."""
    table = campaign.comparison
    if table is None:
        return None
    a, b = (level.title for level in campaign.levels)
    return ComparisonGoal(a, b, table.pairs, table.band, table.fail_if_worse)
