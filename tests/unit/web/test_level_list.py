"""The levels of a campaign on the live page: states and verdicts, as the directory has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.campaign_store import FILE, write_campaign
from malaria.web.level_list import LevelList

PART = CampaignPart(1, "500 meters", "", 500, state=PartState.RUNNING, directory="level-1")
LATER = CampaignPart(2, "1000 meters", "", 1000)
RECORDS = CampaignRecords("meters", "", "meters.toml", "malaria campaign", "2026-11-22T17:51", {}, (PART, LATER))


def summary(directory: Path, outcome: str) -> None:
    directory.mkdir()
    figures = {"verdict": {"outcome": outcome}, "latency_ms": {"ack": {"p99": 12.4}}, "messages": {"lost": 3}}
    (directory / "summary.json").write_text(json.dumps(figures))


def test_before_the_first_level_there_is_no_list(tmp_path: Path) -> None:
    assert LevelList(tmp_path).view() is None


def test_levels_with_their_verdicts_as_they_come(tmp_path: Path) -> None:
    write_campaign(tmp_path, RECORDS)
    levels = LevelList(tmp_path)
    view = levels.view()
    assert view is not None
    assert (view.title, view.has_page) == ("meters", False)
    assert [(level.state, level.outcome) for level in view.levels] == [("running", ""), ("not run", "")]

    summary(tmp_path / "level-1", "PASS")
    write_campaign(tmp_path, replace(RECORDS, parts=(replace(PART, state=PartState.DONE), LATER)))
    (tmp_path / "report.html").write_text("so far")
    view = levels.view()
    assert view is not None
    assert view.has_page
    assert (view.levels[0].outcome, view.levels[0].figures) == ("PASS", "ack p99 12 ms, 3 lost")


def test_a_file_that_cannot_be_read_leaves_the_list_as_it_was(tmp_path: Path) -> None:
    write_campaign(tmp_path, RECORDS)
    levels = LevelList(tmp_path)
    before = levels.view()
    (tmp_path / FILE).write_text("{")
    assert levels.view() == before
