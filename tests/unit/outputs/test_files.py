"""The files of a run and of a campaign: what is written, and what a full disk leaves."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from malaria.analysis.summary import summarize
from malaria.outputs.files import MARKDOWN, PAGE, SUMMARY, json_text, write_attack_files, write_campaign_files
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from synthetic import make_run

RECORDS = make_run(seconds=4, workers=1, clients=60)
SUMMARY_OF_RUN = summarize(RECORDS)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_an_attack_leaves_summary_page_and_markdown(tmp_path: Path) -> None:
    write_attack_files(RECORDS, SUMMARY_OF_RUN, tmp_path)
    assert names(tmp_path) == {SUMMARY, PAGE, MARKDOWN}
    assert json.loads((tmp_path / SUMMARY).read_text()) == SUMMARY_OF_RUN
    assert (tmp_path / PAGE).read_text().startswith("<!doctype html>")
    assert (tmp_path / MARKDOWN).read_text().startswith("# ")


def test_a_campaign_leaves_the_same_over_all_its_parts(tmp_path: Path) -> None:
    parts = (CampaignPart(1, "5 clients", "", 5, directory="level-1", state=PartState.DONE),)
    campaign = CampaignRecords("Meters", "", "meters.toml", "", "", {}, parts)
    summary = write_campaign_files(campaign, {"level-1": (RECORDS, SUMMARY_OF_RUN)}, tmp_path)
    assert names(tmp_path) == {SUMMARY, PAGE, MARKDOWN}
    assert json.loads((tmp_path / SUMMARY).read_text()) == summary
    assert summary["levels"][0]["title"] == "5 clients"


def test_a_full_disk_leaves_the_old_files_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_attack_files(RECORDS, SUMMARY_OF_RUN, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_text = Path.write_text

    def torn(path: Path, text: str, *arguments: object, **options: object) -> int:
        write_text(path, text[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(OSError, match="No space left"):
        write_attack_files(RECORDS, SUMMARY_OF_RUN, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_json_can_be_written_whatever_the_broker_reported() -> None:
    odd = {"version": "mosquitto \udc80 é"}
    assert json.loads(json_text(odd)) == odd
    assert json_text(odd).isascii()


def test_links_in_a_run_from_elsewhere_are_replaced_and_not_followed(tmp_path: Path) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    run.mkdir()
    outside.write_text("mine")
    for name in (SUMMARY, PAGE, MARKDOWN):
        (run / name).symlink_to(outside)
        (run / f"{name}.new").symlink_to(outside)
    write_attack_files(RECORDS, SUMMARY_OF_RUN, run)
    assert outside.read_text() == "mine"
    assert names(run) == {SUMMARY, PAGE, MARKDOWN}
    assert not any(path.is_symlink() for path in run.iterdir())
