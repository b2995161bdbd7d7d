"""What a campaign comes to in a sentence, and the facts around it, as plain texts: for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.headline import headline
from malaria.analysis.whole import summarize_campaign
from malaria.records.rows import CampaignRecords, PartState
from malaria.report.campaign_conclusions import PASS, UNKNOWN, highest_passed, knee
from malaria.report.figure_text import broker_name, name_and_version
from malaria.report.shown_levels import ShownLevel

NO_SETTINGS: Final = "Its settings are not known: malaria did not start it."

type NamedTexts = list[tuple[str, str]]


def campaign_answer(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> tuple[str, str]:
    """The outcome of the whole, as its summary has it, and how far it held, by name."""
    if not campaign.parts:
        return UNKNOWN, campaign.ended or "nothing was run"
    summaries = {one.part.directory: one.summary for one in shown if one.part.directory is not None}
    verdict = summarize_campaign(campaign, summaries).verdict
    outcome = str(verdict.outcome)
    if outcome == PASS:
        return PASS, f"the broker carried all {len(shown)} levels" if len(shown) > 1 else "the broker carried it"
    best = highest_passed(shown)
    held = f"held up to {best.name}; " if best else ""
    culprit = _culprit(shown, outcome)
    if culprit is None:
        return outcome, f"{held}{'; '.join(verdict['reasons'][:1]) or 'nothing was run'}"
    at = "at " if best else ""
    return outcome, f"{held}{at}{culprit.name}: {headline(culprit.records, culprit.summary).what}"


def _culprit(shown: Sequence[ShownLevel], outcome: str) -> ShownLevel | None:
    """The part that the verdict comes from: where it broke, or else the first that came out so."""
    broken = knee(shown)
    if broken is not None and broken.outcome == outcome:
        return broken
    return next((one for one in shown if one.outcome == outcome), None)


def not_to_the_end(campaign: CampaignRecords) -> str:
    """How many parts there are without a whole run; empty when all of them were run."""
    left = sum(part.state is not PartState.DONE for part in campaign.parts)
    return f"not run to the end: {left} of {len(campaign.parts)}; see what is missing" if left else ""


def made_facts(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> NamedTexts:
    """What was asked for, when, and what made the load."""
    facts = [("campaign", campaign.file), ("begun", campaign.started), ("ended", campaign.ended)]
    facts += [(name, "yes" if value is None else value) for name, value in campaign.options.items()]
    facts += [("made by", _made_by(shown[0]))] if shown else []
    return [(name, value) for name, value in facts if value]


def _made_by(one: ShownLevel) -> str:
    """`1 host, 2 workers, malaria 0.1.0`."""
    ours = one.summary.generator
    hosts = "1 host" if ours.bees == 1 else f"{ours.bees} bees"
    workers = f"{ours.workers} worker{'' if ours.workers == 1 else 's'}"
    return f"{hosts}, {workers}, malaria {one.summary.version or 'of an unknown version'}"


def broker_facts(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> NamedTexts:
    """What it was: by its own word, or as it was started."""
    broker = campaign.broker
    started = name_and_version(broker.get("name") or "", broker.get("version") or "")
    seen = broker_name(shown[0].records, shown[0].summary) if shown else ""
    facts = {"broker": seen if len(seen) > len(started) else started, "started as": broker.get("kind") or ""}
    return [(label, value) for label, value in facts.items() if value]


def broker_settings(campaign: CampaignRecords) -> str:
    """Return the configuration with which the broker was started; empty if it is not known (NO_SETTINGS)."""
    return (campaign.broker.get("settings") or "").rstrip()
