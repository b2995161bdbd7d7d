"""The verdict over a campaign is that of its worst part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import INTERRUPTED, CampaignPart, CampaignRecords, PartState
from synthetic import by_directory, judged, make_campaign, make_run, with_meta

RECORDS = with_meta(make_run(seconds=3, workers=1, clients=60), title=None)
SHAPE = summarize(RECORDS)


def whole(*outcomes: str) -> Summary:
    campaign = make_campaign([RECORDS] * len(outcomes))
    summaries = {
        f"level-{number}": replace(SHAPE, verdict=judged(outcome, f"why {number}", "and so on"))
        for number, outcome in enumerate(outcomes, 1)
    }
    return summarize_campaign(campaign, summaries)


@pytest.mark.parametrize(
    ("outcomes", "worst", "reasons"),
    [
        (("PASS", "PASS"), "PASS", []),
        (("PASS", "UNKNOWN"), "UNKNOWN", ["level 2: why 2"]),
        (("INVALID", "UNKNOWN", "INVALID"), "INVALID", ["level 1: why 1", "level 3: why 3"]),
        (("INVALID", "PASS", "FAIL"), "FAIL", ["level 3: why 3"]),
    ],
)
def test_the_worst_part_decides(outcomes: tuple[str, ...], worst: str, reasons: list[str]) -> None:
    summary = whole(*outcomes)
    assert summary["verdict"] == {"outcome": worst, "reasons": reasons}
    assert [level["verdict"]["outcome"] for level in summary["levels"]] == list(outcomes)


def test_it_has_the_shape_of_an_attack() -> None:
    summary = whole("PASS", "PASS")
    assert list(summary) == list(SHAPE)
    assert summary["started"] == "2026-11-27T10:00:00+00:00"
    first = summary["levels"][0]
    assert set(first) == {*SHAPE, "title", "variant", "level", "run"}
    assert (first["title"], first["variant"], first["level"], first["run"]) == ("level 1", "", 1, "level-1")


def partly(why: str, state: PartState = PartState.NOT_RUN) -> CampaignRecords:
    campaign = make_campaign([RECORDS])
    missing = CampaignPart(2, "4,000 clients", "QoS 0", 4000, state=state, why=why)
    return replace(campaign, parts=(*campaign.parts, missing))


def test_what_was_not_run_is_unknown_and_says_why() -> None:
    runs = by_directory([RECORDS])
    summary = summarize_campaign(partly("mosquitto ended at once"), {"level-1": runs["level-1"][1]})
    missing = summary["levels"][1]
    assert missing["clients"]["planned"] == 4000
    assert missing["rates"]["acked_per_s"] is None
    assert missing["run"] is None
    assert summary["verdict"] == {
        "outcome": "UNKNOWN", "reasons": ["4,000 clients · QoS 0: not run: mosquitto ended at once"],
    }  # fmt: skip


@pytest.mark.parametrize("outcome", ["PASS", "FAIL"])
def test_one_that_was_interrupted_has_no_verdict_over_the_whole(outcome: str) -> None:
    summary = replace(SHAPE, verdict=judged(outcome, "too slow"))
    verdict = summarize_campaign(partly(INTERRUPTED), {"level-1": summary})["verdict"]
    failed = ["level 1: too slow"] if outcome == "FAIL" else []
    assert verdict == {"outcome": "UNKNOWN", "reasons": ["interrupted by the operator: 1 of 2 parts were run", *failed]}


def test_nothing_was_run_at_all() -> None:
    campaign = replace(partly("no disk"), parts=partly("no disk").parts[1:])
    assert list(summarize_campaign(campaign, {})) == list(SHAPE)
