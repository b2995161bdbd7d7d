"""The outcome of a campaign in a sentence, and the facts about it, as plain texts: for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.headline import headline
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignRecords, PartState
from malaria.report.campaign_conclusions import PASS, UNKNOWN, conclusions, highest_passed, knee
from malaria.report.figure_text import broker_name, name_and_version, things
from malaria.report.search_conclusions import search_conclusions
from malaria.report.shown_levels import ShownLevel

NO_SETTINGS: Final = "Its settings are not known: malaria did not start it."
NOTHING_RUN: Final = "nothing was run"

type NamedTexts = list[tuple[str, str]]


def campaign_answer(campaign: CampaignRecords, summary: Summary, shown: Sequence[ShownLevel]) -> tuple[str, str]:
    """Return the outcome of the campaign as its summary has it, and a sentence that says how far the broker held."""
    if not campaign.parts:
        return UNKNOWN, campaign.ended or NOTHING_RUN
    verdict = summary.verdict
    outcome = str(verdict.outcome)
    if campaign.search is not None:
        return outcome, verdict.reasons[0].text
    # a campaign of one level has no "all levels"
    if outcome == PASS:
        return PASS, f"the broker carried all {len(shown)} levels" if len(shown) > 1 else "the broker carried it"
    best = highest_passed(shown)
    held = f"held up to {best.name}; " if best else ""
    decisive = _decisive(shown, outcome)
    if decisive is None:  # parts that were not run decide the outcome
        return outcome, f"{held}{verdict.reasons[0].text if verdict.reasons else NOTHING_RUN}"
    at = "at " if best else ""
    return outcome, f"{held}{at}{decisive.name}: {headline(decisive.run, decisive.summary).what}"


def campaign_sentences(summary: Summary, shown: Sequence[ShownLevel]) -> list[str]:
    """Return what the levels or the trials of the campaign show, in the order in which a reader asks."""
    return conclusions(shown) if summary.capacity is None else search_conclusions(summary)


def _decisive(shown: Sequence[ShownLevel], outcome: str) -> ShownLevel | None:
    """Return the part that decides the outcome: the level where the broker broke, or the first with that outcome."""
    broken = knee(shown)
    # the knee may be INVALID in a campaign that is FAIL for another level
    if broken is not None and broken.outcome == outcome:
        return broken
    return next((one for one in shown if one.outcome == outcome), None)


def not_to_the_end(campaign: CampaignRecords) -> str:
    """Return how many parts were not run to their end; empty if all were."""
    # parts that were cut short count as well
    left = sum(part.state is not PartState.DONE for part in campaign.parts)
    return f"not finished: {left} of {len(campaign.parts)} parts; see what is missing" if left else ""


def made_facts(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> NamedTexts:
    """Return the options of the campaign, when it ran, and what made the load."""
    facts = [("campaign", campaign.file), ("started", campaign.started), ("ended", campaign.ended)]
    facts += [(name, "yes" if value is None else value) for name, value in campaign.options.items()]
    facts += [("made by", _made_by(shown[0]))] if shown else []
    return [(name, value) for name, value in facts if value]


def _made_by(one: ShownLevel) -> str:
    """Return `1 host, 2 workers, malaria 0.1.0`."""
    generator = one.summary.generator
    # one bee may be this host, which is no bee of a swarm
    hosts = "1 host" if generator.bees == 1 else things(generator.bees, "bee")
    return f"{hosts}, {things(generator.workers, 'worker')}, malaria {one.summary.version or 'of an unknown version'}"


def broker_facts(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> NamedTexts:
    """Return the name and version of the broker, and how it was started."""
    broker = campaign.broker
    started = name_and_version(broker.get("name") or "", broker.get("version") or "")
    seen = broker_name(shown[0].run, shown[0].summary) if shown else ""
    # the broker's own $SYS and the command that started it may each know only a part: the longer text has more
    facts = {"broker": seen if len(seen) > len(started) else started, "started as": broker.get("kind") or ""}
    return [(label, value) for label, value in facts.items() if value]


def broker_settings(campaign: CampaignRecords) -> str:
    """Return the configuration with which the broker was started; empty if it is not known (NO_SETTINGS)."""
    return (campaign.broker.get("settings") or "").rstrip()
