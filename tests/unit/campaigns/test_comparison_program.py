"""A comparison as a program: the order of its runs, spare pairs, going on, and its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from campaign_fakes import FakeBroker, Stage, names, request
from malaria.campaigns import CampaignRequest, conduct_campaign
from malaria.campaigns.comparison_program import ComparisonProgram, comparison_goal
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.resuming import resumed_request
from malaria.errors import CampaignError
from malaria.model.broker import BrokerTable
from malaria.records.campaign_store import open_campaign
from page_text import page_text

TEXT: Final = """
title = "Old against new"
[comparison]
pairs = 5
[defaults]
hold = "10s"
[[defaults.warhead.group]]
name = "meters"
clients = 60
[[level]]
title = "old"
broker = {kind = "mosquitto"}
[[level]]
title = "new"
broker = {kind = "embedded"}
"""
ORDER: Final = ["pair-1-a", "pair-1-b", "pair-2-b", "pair-2-a", "pair-3-a", "pair-3-b"]


def wanted(directory: Path, text: str = TEXT) -> CampaignRequest:
    campaign = campaign_from_toml(text, "meters.toml")
    return request(directory, text, ComparisonProgram(campaign))


def test_the_sides_alternate(tmp_path: Path) -> None:
    stage = Stage()
    outcome = conduct_campaign(wanted(tmp_path / "run"), stage, stage.interrupt, stage.tools)
    assert names(stage)[:6] == ORDER
    assert len(stage.requests) == 10
    assert all("comparison" in asked.unsteerable for asked in stage.requests)
    assert stage.lines[1::3][:2] == ["pair 1 · B: PASS", "pair 2 · A: PASS"]
    assert "2 of 5 pairs" in stage.lines
    found = outcome.summary.comparison
    assert found is not None
    assert (found.a, found.b, found.pairs, found.pairs_left_out) == ("old", "new", 5, 0)
    assert (found.verdicts_a, found.verdicts_b) == ({"PASS": 5}, {"PASS": 5})
    # every run of these fakes is the same, but five pairs cannot prove that of several figures at once
    assert {one.answer for one in found.figures if one.pairs} == {"undecided"}
    assert outcome.summary.verdict.outcome == "PASS"


def test_pairs_without_evidence_are_run_again(tmp_path: Path) -> None:
    stage = Stage(outcomes=["INVALID", "PASS", "PASS", "INVALID"])
    outcome = conduct_campaign(wanted(tmp_path / "run"), stage, stage.interrupt, stage.tools)
    assert names(stage)[10:] == ["pair-6-b", "pair-6-a", "pair-7-a", "pair-7-b"]
    found = outcome.summary.comparison
    assert found is not None
    assert (found.pairs, found.pairs_left_out) == (5, 2)
    assert "2 of 7 pairs are no evidence" in outcome.summary.verdict.reasons[1].text


def test_a_machine_that_is_the_limit_ends_it(tmp_path: Path) -> None:
    stage = Stage(outcomes=["INVALID"] * 40)
    outcome = conduct_campaign(wanted(tmp_path / "run"), stage, stage.interrupt, stage.tools)
    assert len(stage.requests) == 14  # two spare pairs
    assert outcome.summary.verdict.outcome == "INVALID"
    assert outcome.summary.comparison is not None
    assert outcome.summary.comparison.answer == "undecided"


def test_ctrl_c_leaves_what_is_proven_and_the_rest_can_be_run(tmp_path: Path) -> None:
    stage = Stage()
    stage.during = lambda asked: setattr(stage.interrupt, "count", int(asked.directory.name == "pair-3-b"))
    cut = conduct_campaign(wanted(tmp_path / "run"), stage, stage.interrupt, stage.tools)
    assert cut.summary.verdict.outcome == "UNKNOWN"
    assert "interrupted by the operator after 3 of 5 pairs" in cut.summary.headline
    again = Stage()
    rest = resumed_request(tmp_path / "run", {}, lambda clients: 1)
    whole = conduct_campaign(rest, again, again.interrupt, again.tools)
    assert names(again) == ["pair-4-b", "pair-4-a", "pair-5-a", "pair-5-b"]
    assert whole.summary.comparison is not None
    assert whole.summary.comparison.pairs == 5


def test_it_goes_on_with_more_pairs(tmp_path: Path) -> None:
    stage = Stage()
    conduct_campaign(wanted(tmp_path / "run"), stage, stage.interrupt, stage.tools)
    more = Stage()
    longer = resumed_request(tmp_path / "run", {}, lambda clients: 1, pairs=7)
    whole = conduct_campaign(longer, more, more.interrupt, more.tools)
    assert names(more) == ["pair-6-b", "pair-6-a", "pair-7-a", "pair-7-b"]
    assert whole.summary.comparison is not None
    assert (whole.summary.comparison.pairs, whole.summary.comparison.pairs_wanted) == (7, 7)
    stored = open_campaign(tmp_path / "run").comparison
    assert stored is not None
    assert stored.pairs == 7
    assert resumed_request(tmp_path / "run", {}, lambda clients: 1).program.next(()) is not None


def test_only_the_broker_of_the_side_runs(tmp_path: Path) -> None:
    brokers: dict[str, FakeBroker] = {}
    running: list[dict[str, bool]] = []

    def make(table: BrokerTable, _: object) -> FakeBroker:
        # [broker] itself starts none
        return brokers.setdefault(str(table.kind), FakeBroker())

    stage = Stage(during=lambda _: running.append({kind: bool(one.running) for kind, one in brokers.items()}))
    conduct_campaign(wanted(tmp_path / "run"), stage, stage.interrupt, replace(stage.tools, broker=make))
    of_a, of_b = ({"none": False, "mosquitto": a, "embedded": not a} for a in (True, False))
    assert running[:4] == [of_a, of_b, of_b, of_a]
    assert {kind: len(one.began) for kind, one in brokers.items()} == {"none": 0, "mosquitto": 5, "embedded": 5}
    assert all(one.stopped for one in brokers.values())


def test_its_files(tmp_path: Path) -> None:
    stage = Stage(pages=True)
    text = TEXT.replace("pairs = 5", "pairs = 8")
    conduct_campaign(wanted(tmp_path / "run", text), stage, stage.interrupt, stage.tools)
    page = (tmp_path / "run/report.html").read_text()
    assert "A and B are the same within 5 %" in page_text(page)
    assert "acked per second" in page
    assert 'class="interval"' in page
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["comparison"]["answer"] == "same"
    assert "A and B are the same within 5 %" in (tmp_path / "run/report.md").read_text()


def test_the_goal() -> None:
    assert comparison_goal(campaign_from_toml(TEXT.replace("pairs = 5", 'band = "2%"\nfail_if_worse = true'))) == (
        replace(_goal(), pairs=8, band=0.02, fail_if_worse=True)
    )


def _goal() -> Any:
    return comparison_goal(campaign_from_toml(TEXT))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('[[level]]\ntitle = "new"\nbroker = {kind = "embedded"}\n', "", "comparison: needs two levels, and has 1"),
        (
            '{kind = "embedded"}\n',
            '{kind = "embedded"}\n[[level.variant]]\nname = "v"\n',
            "cannot be used with [comparison]",
        ),
        ("pairs = 5", "pairs = 0", "comparison.pairs"),
        ("pairs = 5", "piars = 5", "comparison.piars"),
    ],
)
def test_what_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(CampaignError) as error:
        campaign_from_toml(TEXT.replace(old, new))
    assert message in error.value.message
