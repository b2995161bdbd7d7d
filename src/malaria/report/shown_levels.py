"""The parts of a campaign as they are shown: each level, and beside it its variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from malaria.analysis.summary_figures import Summary
from malaria.analysis.whole import part_name
from malaria.records.rows import CampaignPart, CampaignRecords, PartState
from malaria.records.run import Run

type RunAndSummary = tuple[Run, Summary]


@dataclass(frozen=True, slots=True)
class ShownLevel:
    """A part of which there are records. `anchor` names its place in the page."""

    part: CampaignPart
    records: Run
    summary: Summary
    anchor: str

    @property
    def name(self) -> str:
        return part_name(self.part)

    @property
    def suffix(self) -> str:
        """What is added to names that have to be its own."""
        return self.anchor.removeprefix("level")

    @property
    def outcome(self) -> str:
        return str(self.summary.verdict.outcome)

    @property
    def is_plain(self) -> bool:
        """A level itself, under a load that stays as it is: what a row of levels is made of."""
        return not self.part.variant and not self.records.meta.surges


def shown_parts(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> list[ShownLevel]:
    """In order; those without a run are left out."""
    found: list[ShownLevel] = []
    variants: dict[int, int] = {}
    for part in campaign.parts:
        number = variants[part.level] = variants.get(part.level, -1) + 1
        anchor = f"level-{part.level}{f'-{number}' if number else ''}"
        if run := runs.get(part.directory or ""):
            found.append(ShownLevel(part, *run, anchor))
    return found


def by_level(shown: Sequence[ShownLevel]) -> list[list[ShownLevel]]:
    """Each level with its variants."""
    levels: dict[int, list[ShownLevel]] = {}
    for one in shown:
        levels.setdefault(one.part.level, []).append(one)
    return list(levels.values())


def not_shown(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> list[tuple[str, str]]:
    """The parts of which there is nothing to see, and those that were left out from the start: name, and why."""
    missing = [part for part in campaign.parts if part.directory not in runs]
    named = [(part_name(part), _why(part, campaign)) for part in missing]
    return named + [("", sentence) for sentence in campaign.left_out]


def missing_lines(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> list[str]:
    """A line for each part that was not run, and for each that was cut short."""
    cut = [part for part in campaign.parts if part.directory in runs and part.state is not PartState.DONE]
    told = not_shown(campaign, runs) + [(part_name(part), _why(part, campaign)) for part in cut]
    return [f"{name}: {why}" if name else why for name, why in told]


def _why(part: CampaignPart, campaign: CampaignRecords) -> str:
    if part.state is PartState.RUNNING:
        return "it goes on, or was cut off"
    why = part.why or (campaign.ended if part.state is PartState.NOT_RUN else "")
    return f"{part.state}{f': {why}' if why else ''}"


def clean_start(part: CampaignPart) -> str:
    """Whether the broker remembered something when it began; empty where nobody said."""
    if not part.clean_reason and part.clean is None:
        return ""
    words = {True: "A clean start", False: "Not a clean start", None: "Whether it was a clean start is not known"}
    return f"{words[part.clean]}{f': {part.clean_reason}' if part.clean_reason else ''}."
