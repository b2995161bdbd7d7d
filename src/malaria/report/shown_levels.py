"""The parts of a campaign that are shown: each level and its variants, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from malaria.analysis.campaign_headline import part_name
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.run import Run

type RunAndSummary = tuple[Run, Summary]


@dataclass(frozen=True, slots=True)
class ShownLevel:
    """A part of a campaign with its run. `anchor` is the id of its section in the page."""

    part: CampaignPart
    run: Run
    summary: Summary
    anchor: str

    @property
    def name(self) -> str:
        return part_name(self.part)

    @property
    def load(self) -> int:
        """Return by what the levels are set side by side: clients, or messages per second in a search for a rate."""
        return self.part.trial.load if self.part.trial is not None else self.part.clients

    @property
    def named_load(self) -> tuple[str, int]:
        """Return what runs of the same load have in common: its name and the load."""
        return self.name, self.load

    @property
    def suffix(self) -> str:
        """Return what makes ids and file names of this part unique: `-2-1`."""
        return self.anchor.removeprefix("level")

    @property
    def outcome(self) -> str:
        return str(self.summary.verdict.outcome)

    @property
    def climbs(self) -> bool:
        """Return if its load climbed until the target broke: its figures are those of many loads."""
        return self.run.meta.staircase is not None

    @property
    def is_plain(self) -> bool:
        """Return if this is a level itself under a constant load, which can be compared with the other levels."""
        return not self.part.variant and not self.run.meta.surges and not self.climbs


def shown_parts(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> list[ShownLevel]:
    """Return the parts that have a run, in order."""
    found: list[ShownLevel] = []
    variants: dict[int, int] = {}  # the number of parts of each level so far, less one
    for part in campaign.parts:
        number = variants[part.level] = variants.get(part.level, -1) + 1
        anchor = f"level-{part.level}{f'-{number}' if number else ''}"
        # counted before it is looked for: an anchor stays the same when a part before it cannot be read
        if run := runs.get(part.directory or ""):
            found.append(ShownLevel(part, *run, anchor))
    return found


def names_apart(shown: Sequence[ShownLevel]) -> dict[str, str]:
    """Return the name of each level by its anchor; those that share one are numbered: `2,754 msg/s, hold 1 of 3`."""
    totals = Counter(one.named_load for one in shown)
    so_far: Counter[tuple[str, int]] = Counter()
    names: dict[str, str] = {}
    for one in shown:
        so_far[one.named_load] += 1
        word = "run" if one.part.trial is None else "hold"
        number = f", {word} {so_far[one.named_load]} of {totals[one.named_load]}" if totals[one.named_load] > 1 else ""
        names[one.anchor] = f"{one.name}{number}"
    return names


def common_load(shown: Sequence[ShownLevel]) -> str:
    """Return what the loads of all levels have in common, as an attack says it: `100 B · QoS 1 · every 500 ms`."""
    loads = [(one.run.meta.load or "").split(" · ") for one in shown if one.is_plain]
    return " · ".join(part for part in loads[0] if all(part in load for load in loads)) if loads else ""


def by_level(shown: Sequence[ShownLevel]) -> list[list[ShownLevel]]:
    """Group the parts: each level with its variants."""
    levels: dict[int, list[ShownLevel]] = {}
    for one in shown:
        levels.setdefault(one.part.level, []).append(one)
    return list(levels.values())


def not_shown(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> list[tuple[str, str]]:
    """Return name and reason of the parts without a run; those left out by the command have no name."""
    missing = [part for part in campaign.parts if part.directory not in runs]
    named = [(part_name(part), _why(part, campaign)) for part in missing]
    return named + [("", sentence) for sentence in campaign.left_out]


def missing_lines(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> list[str]:
    """Return a line for each part that was not run, and for each that was cut short."""
    cut = [part for part in campaign.parts if part.directory in runs and part.state is not PartState.DONE]
    reasons = not_shown(campaign, runs) + [(part_name(part), _why(part, campaign)) for part in cut]
    return [f"{name}: {why}" if name else why for name, why in reasons]


def _why(part: CampaignPart, campaign: CampaignRecords) -> str:
    if part.state is PartState.RUNNING:
        return "still running, or cut off"
    # a part that was never reached has no reason but the campaign's
    why = part.why or (campaign.ended if part.state is PartState.NOT_RUN else "")
    return f"{part.state}{f': {why}' if why else ''}"


def clean_start(part: CampaignPart) -> str:
    """Return if the broker started without anything from before; empty if the campaign does not say."""
    if not part.clean_reason and part.clean is None:
        return ""
    sentence = {True: "A clean start", False: "Not a clean start", None: "It is not known if this was a clean start"}
    return f"{sentence[part.clean]}{f': {part.clean_reason}' if part.clean_reason else ''}."
