"""The conclusions of a campaign, and the facts about it, as plain texts: for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignRecords, PartState
from malaria.report.campaign_conclusions import conclusions
from malaria.report.figure_text import broker_name, name_and_version, things
from malaria.report.search_conclusions import search_conclusions
from malaria.report.shown_levels import ShownLevel

NO_SETTINGS: Final = "Its settings are not known: malaria did not start it."

type NamedTexts = list[tuple[str, str]]


def campaign_sentences(summary: Summary, shown: Sequence[ShownLevel]) -> list[str]:
    """Return what the levels or the trials of the campaign show, in the order in which a reader asks."""
    return conclusions(shown) if summary.capacity is None else search_conclusions(summary)


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
