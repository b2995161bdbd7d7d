"""The answer of a campaign: how far the broker held, and what broke."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.headline import headline
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import INTERRUPTED, CampaignPart, PartState
from synthetic import judged, make_campaign, make_run, with_figures, with_meta

RECORDS = with_meta(make_run(seconds=3, workers=1, clients=600), title=None)
SHAPE = summarize(RECORDS)
HOLDS = "holds 600 clients (100 msg/s, ack p99 3.8 ms)"


def whole(*outcomes: str, clients: tuple[int, ...] = ()) -> Summary:
    campaign = make_campaign([RECORDS] * len(outcomes))
    loads = clients or tuple(600 * number for number in range(1, len(outcomes) + 1))
    parts = [replace(part, clients=load) for part, load in zip(campaign.parts, loads, strict=True)]
    summaries = {
        f"level-{number}": SHAPE if outcome == "PASS" else replace(SHAPE, verdict=judged(outcome, f"why {number}"))
        for number, outcome in enumerate(outcomes, 1)
    }
    return summarize_campaign(replace(campaign, parts=tuple(parts)), summaries)


def test_when_all_pass_the_greatest_level_answers() -> None:
    assert whole("PASS", "PASS").headline == SHAPE.headline
    assert SHAPE.headline.endswith("; the limit was not reached")


def test_a_limit_that_smaller_levels_met_is_said_with_the_first_of_them() -> None:
    campaign = make_campaign([RECORDS] * 3)
    parts = [replace(part, clients=600 * part.level) for part in campaign.parts]
    full = with_figures(SHAPE, broker={"cpu_percent": 5.0, "cpu_limit_percent": 5.0}, headline="at its limit")
    summaries = {"level-1": SHAPE, "level-2": full, "level-3": full}
    whole_summary = summarize_campaign(replace(campaign, parts=tuple(parts)), summaries)
    assert whole_summary.headline == "at its limit from 1,200 clients on"


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        (("PASS", "FAIL"), f"at level 2: why 2; {HOLDS}"),
        (("PASS", "FAIL", "FAIL"), f"at level 2: why 2; {HOLDS}"),
        (("PASS", "INVALID"), f"at level 2: why 2; {HOLDS}"),
        (("FAIL", "PASS"), "at level 1: why 1"),
        (("INVALID", "FAIL"), "at level 2: why 2"),
    ],
)
def test_a_failure_says_its_cause_and_then_how_far_it_held(outcomes: tuple[str, ...], sentence: str) -> None:
    assert whole(*outcomes).headline == sentence


def test_the_decisive_level_is_the_one_with_the_fewest_clients_that_failed() -> None:
    summary = whole("FAIL", "FAIL", "PASS", clients=(3000, 1200, 600))
    assert summary.headline == f"at level 2: why 2; {HOLDS}"
    assert [reason.text for reason in summary.verdict.reasons] == ["level 2: why 2", "level 1: why 1"]
    assert headline(summary).further == ("level 1: why 1",)


def test_one_that_was_interrupted_has_no_verdict_over_the_whole() -> None:
    campaign = make_campaign([RECORDS])
    rest = CampaignPart(2, "3,000 clients", "", 3000, why=INTERRUPTED)
    first = replace(campaign.parts[0], clients=600)
    cut = replace(campaign, parts=(first, rest))
    summary = summarize_campaign(cut, {"level-1": SHAPE})
    assert summary.headline == f"interrupted by the operator: 1 of 2 parts were run; {HOLDS}"


def test_a_level_that_could_not_be_run_is_unknown() -> None:
    part = CampaignPart(2, "3,000 clients", "", 3000, state=PartState.NOT_RUN, why="mosquitto ended at once")
    summary = summarize_campaign(replace(make_campaign([RECORDS]), parts=(part,)), {})
    assert summary.headline == "at 3,000 clients: not run: mosquitto ended at once"
    assert summary.levels[0].headline == "not run: mosquitto ended at once"
