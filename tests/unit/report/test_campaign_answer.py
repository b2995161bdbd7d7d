"""What a campaign comes to, in a sentence; and the facts around it."""

from __future__ import annotations

from dataclasses import replace

from malaria.records.campaign_records import INTERRUPTED, CampaignPart
from malaria.report.campaign_answer import broker_facts, made_facts, not_to_the_end
from malaria.report.shown_levels import shown_parts
from synthetic import by_directory, make_campaign, make_run

RUN = make_run(seconds=4, workers=1, clients=600)
CAMPAIGN = make_campaign([RUN])
LEVELS = by_directory([RUN])
SHOWN = shown_parts(CAMPAIGN, LEVELS)
NEXT = CampaignPart(2, "3,000 clients", "", 3000, why=INTERRUPTED)


def test_how_much_was_not_run() -> None:
    assert not_to_the_end(CAMPAIGN) == ""
    cut = replace(CAMPAIGN, parts=(*CAMPAIGN.parts, NEXT))
    assert not_to_the_end(cut) == "not finished: 1 of 2 parts; see what is missing"


def test_who_made_the_load() -> None:
    facts = dict(made_facts(replace(CAMPAIGN, options={"hold": "20s", "insecure": None}), SHOWN))
    assert facts["made by"] == "1 host, 1 worker, malaria 0.1.0"
    assert facts["hold"] == "20s"
    assert facts["insecure"] == "yes"  # a switch


def test_a_broker_is_named_once() -> None:
    broker = {"kind": "mosquitto", "name": "mosquitto", "version": "mosquitto version 2.0.21"}
    assert broker_facts(replace(CAMPAIGN, broker=broker), [])[0] == ("broker", "mosquitto version 2.0.21")
    assert broker_facts(replace(CAMPAIGN, broker={}), []) == []
