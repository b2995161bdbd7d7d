"""Read stored attacks, campaigns or searches with all of their runs, and compare two of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.campaign_headline import part_name
from malaria.analysis.compare.side_by_side import SideBySide, StoredResult, compare_results
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.errors import RunError
from malaria.records.campaign_records import CampaignPart, CampaignRecords
from malaria.records.campaign_store import holds_campaign, open_campaign
from malaria.records.run import Run
from malaria.records.store import FILE, open_run

ATTACK: Final = "the attack"
PROVEN: Final = "the proven load"
CONDITIONS_SHOWN: Final = 6


def compare_stored(a: Path, b: Path, *, anyway: bool = False) -> SideBySide:
    """Return two stored results side by side.

    Raises RunError if one cannot be read, if they are of two kinds, and without `anyway` if they were not measured
    alike.
    """
    of_a, of_b = stored_result(a), stored_result(b)
    check_same_kind(of_a, of_b)
    compared = compare_results(of_a, of_b)
    if not anyway and (changed := compared.changed_conditions):
        lines = [f"  {line}" for line in changed[:CONDITIONS_SHOWN]]
        if len(changed) > CONDITIONS_SHOWN:
            lines.append(f"  and {len(changed) - CONDITIONS_SHOWN} more")
        text = "\n".join([f"{a} and {b} were not measured alike:", *lines])
        remedy = "measure both alike, or add --anyway (in Python anyway=True): it compares them, and says what differs"
        raise RunError(text, remedy)
    return compared


def stored_result(directory: Path) -> StoredResult:
    """Return what a directory holds. Raises RunError if it holds no run, or a damaged one."""
    if holds_campaign(directory) and not (directory / FILE).exists():
        return _campaign(open_campaign(directory), directory)
    run = open_run(directory)
    summary = summarize(run)
    return StoredResult(str(directory), summary, {ATTACK: (run, summary)})


def check_same_kind(a: StoredResult, b: StoredResult) -> None:
    """Raise RunError if one is an attack and the other a campaign or a search, or if they have no level in common."""
    kinds = [_kind(result) for result in (a, b)]
    if kinds[0] != kinds[1]:
        raise RunError(f"{a.directory} is {kinds[0]}, {b.directory} is {kinds[1]}", _remedy(a, b))
    if not set(a.runs) & set(b.runs):
        names = ("; ".join(result.runs) or "none" for result in (a, b))
        raise RunError("no level is in both", "A has: {}. B has: {}".format(*names))


def _kind(result: StoredResult) -> str:
    if result.search is not None:
        return "a search"
    return "an attack" if ATTACK in result.runs else "a campaign"


def _remedy(a: StoredResult, b: StoredResult) -> str:
    campaign = next((result for result in (a, b) if _kind(result) == "a campaign"), None)
    if campaign is None:
        return "compare two of one kind"
    return f"compare two of one kind; a level of a campaign is an attack: {campaign.directory}/level-1"


def _campaign(campaign: CampaignRecords, directory: Path) -> StoredResult:
    runs = {part.directory: _read(directory / part.directory) for part in campaign.parts if part.directory}
    summary = summarize_campaign(campaign, {name: figures for name, (_, figures) in runs.items()})
    if campaign.search is not None:
        return StoredResult(str(directory), summary, _proven(campaign, summary, runs), campaign.search)
    named = [(part, runs[part.directory]) for part in campaign.parts if part.directory]
    names = [part_name(part) for part, _ in named]
    return StoredResult(str(directory), summary, {_unique(part, names): run for part, run in named})


def _read(directory: Path) -> tuple[Run, Summary]:
    run = open_run(directory)
    return run, summarize(run)


def _unique(part: CampaignPart, names: list[str]) -> str:
    """Return the name of a part, with its number where several have that name."""
    name = part_name(part)
    return name if names.count(name) == 1 else f"{name} (level {part.level})"


def _proven(
    campaign: CampaignRecords, summary: Summary, runs: dict[str, tuple[Run, Summary]]
) -> dict[str, tuple[Run, Summary]]:
    """Return the last trial that passed at the lower bound; without one, the first trial of all."""
    lower = summary.capacity.lower if summary.capacity is not None else None
    made = [part for part in campaign.parts if part.directory and part.trial is not None]
    passed = [part for part in made if part.trial and part.trial.load == lower
              and runs[part.directory or ""][1].verdict.outcome is Outcome.PASS]  # fmt: skip
    shown = passed[-1:] or made[:1]
    return {PROVEN if passed else "the first trial": runs[part.directory or ""] for part in shown}
