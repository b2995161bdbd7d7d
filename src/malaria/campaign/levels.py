"""The program of a campaign file: its levels and their variants, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from malaria.analysis.outcome import Outcome
from malaria.campaign.definition import Campaign, Level
from malaria.campaign.file_tables import OnFail
from malaria.campaign.program import Step, StepKey, StepResult


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
    return [
        Step(
            level=level.number,
            title=level.title,
            variant=attack.name,
            clients=level.clients,
            note=attack.note if position else level.note,
            directory=f"{level.name}-variant-{position}" if position else level.name,
            warhead=attack.warhead,
            listener=attack.listener,
            observe=level.observe,
            broker=level.broker,
        )
        for position, attack in enumerate(level.attacks)
    ]
