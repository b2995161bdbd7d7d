"""Whatever a run holds, its page can be written and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.analysis.summary import summarize
from malaria.records import RunRecords
from malaria.report.html import write_campaign_page, write_page
from synthetic import make_records, with_meta

NO_UTF8 = "runs/caf\udce9"
"""How Python hands on a file name in Latin-1."""


def named_in_latin_1() -> RunRecords:
    return with_meta(make_records(), title=NO_UTF8, command=f"malaria attack mqtt://broker -o {NO_UTF8}")


def test_a_file_name_that_is_no_utf8_is_spelled_out(tmp_path: Path) -> None:
    records, path = named_in_latin_1(), tmp_path / "report.html"
    write_page(records, summarize(records), path)
    assert "-o runs/caf\\udce9" in path.read_text(encoding="utf-8")


def test_so_it_is_on_a_page_of_levels(tmp_path: Path) -> None:
    records, path = named_in_latin_1(), tmp_path / "report.html"
    write_campaign_page(NO_UTF8, [(records, summarize(records))], path)
    assert "runs/caf\\udce9</h2>" in path.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    records = make_records()
    with pytest.raises(FileNotFoundError):
        write_page(records, summarize(records), tmp_path / "missing" / "report.html")
