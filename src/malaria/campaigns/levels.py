"""The program of a campaign file: its levels and their variants, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from malaria.analysis.compare.repeats import run_name
from malaria.analysis.outcome import Outcome
from malaria.campaigns.definition import Campaign, Level
from malaria.campaigns.file_tables import OnFail
from malaria.campaigns.program import Step, StepKey, StepResult


class Levels:
    """Every level and then its variants; with `on_fail = "stop"`, none after the level that failed."""

    def __init__(self, campaign: Campaign) -> None:
        self._steps = tuple(step for level in campaign.levels for step in _steps(level))
        self._stops = campaign.on_fail is OnFail.STOP

    @property
    def planned(self) -> Sequence[Step]:
        return self._steps

    @property
    def length(self) -> int:
        return len(self._steps)

    def standing(self, history: Sequence[StepResult]) -> str:
        """Return nothing: each level has shown its verdict."""
        return ""

    def next(self, history: Sequence[StepResult]) -> Step | None:
        results = {result.key: result for result in history}
        step = next((step for step in self._steps if step.key not in results), None)
        # a skipped step is still a part of the page, with its reason
        return step and replace(step, skip=self._failed_before(step, results) if self._stops else "")

    def _failed_before(self, step: Step, results: Mapping[StepKey, StepResult]) -> str:
        """Return why a step is skipped. A variant belongs to its level, so it is run whatever became of the level."""
        for earlier in self._steps[: self._steps.index(step)]:
            result = results.get(earlier.key)
            if earlier.level != step.level and result is not None and result.verdict == Outcome.FAIL:
                return f'{earlier.name} failed, and on_fail = "stop"'
        return ""


def _steps(level: Level) -> list[Step]:
    """Return the attacks of a level, all of them once and then again, so that a drift hits them alike."""
    return [
        _step(level, position, repeat)
        for repeat in range(1, level.repeat + 1)
        for position in range(len(level.attacks))
    ]


def _step(level: Level, position: int, repeat: int) -> Step:
    attack = level.attacks[position]
    directory = f"{level.name}-variant-{position}" if position else level.name
    return Step(
        level=level.number,
        title=level.title,
        variant=" · ".join(filter(None, (attack.name, run_name(repeat)))),
        clients=level.clients,
        note=attack.note if position else level.note,
        directory=f"{directory}-repeat-{repeat}" if repeat > 1 else directory,
        warhead=attack.warhead,
        listener=attack.listener,
        observe=level.observe,
        repeat=repeat if level.repeat > 1 else None,
        broker=level.broker,
    )
