"""Whatever a run holds, its page can be written and read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from malaria.analysis.summary import summarize
from malaria.records.rows import CampaignPart
from malaria.records.run import Run
from malaria.report.page.run_page import write_campaign_page, write_page
from synthetic import by_directory, make_campaign, make_records, with_meta

NO_UTF8 = "runs/caf\udce9"
"""How Python hands on a file name in Latin-1."""


def named_in_latin_1() -> Run:
    return with_meta(make_records(), title=NO_UTF8, command=f"malaria attack mqtt://broker -o {NO_UTF8}")


def test_a_file_name_that_is_no_utf8_is_spelled_out(tmp_path: Path) -> None:
    records, path = named_in_latin_1(), tmp_path / "report.html"
    write_page(records, summarize(records), path)
    assert "-o runs/caf\\udce9" in path.read_text(encoding="utf-8")


def test_so_it_is_on_a_page_of_levels(tmp_path: Path) -> None:
    records, path = named_in_latin_1(), tmp_path / "report.html"
    write_campaign_page(make_campaign([records]), by_directory([records]), path)
    assert "runs/caf\\udce9</h2>" in path.read_text(encoding="utf-8")


def test_a_level_that_was_not_run_says_why(tmp_path: Path) -> None:
    runs, path = [make_records()], tmp_path / "report.html"
    campaign = make_campaign(runs)
    missing = CampaignPart(2, "4,000 clients", "", 4000, why="mosquitto ended at once with exit code 3")
    write_campaign_page(replace(campaign, parts=(*campaign.parts, missing)), by_directory(runs), path)
    assert "4,000 clients: not run: mosquitto ended at once" in path.read_text(encoding="utf-8")


def test_nothing_was_run(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    missing = CampaignPart(1, "500 clients", "", 500, why="interrupted")
    write_campaign_page(replace(make_campaign([]), parts=(missing,)), {}, path)
    assert "500 clients: not run: interrupted" in path.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    records = make_records()
    with pytest.raises(FileNotFoundError):
        write_page(records, summarize(records), tmp_path / "missing" / "report.html")
