"""Damaged runs on the command line: `report`, `export` and `runs` show what is sound, and never an exception."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Final

import pytest

from malaria.cli.main import main
from malaria.records.store import FILE

DATA: Final = Path(__file__).parents[2] / "data"


def spoil(directory: Path, statement: str) -> None:
    database = sqlite3.connect(directory / FILE)
    assert database.execute(statement).rowcount > 0
    database.commit()
    database.close()


def copy_of(name: str, tmp_path: Path) -> Path:
    return shutil.copytree(DATA / name, tmp_path / "run")


def test_report_of_a_damaged_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = copy_of("attack", tmp_path)
    spoil(run, "UPDATE sample SET phase = 'lunch' WHERE id = 8")
    assert main(["report", str(run)]) == 0
    sentence = "run.db is damaged: 1 of "
    assert f"UNKNOWN  {sentence}" in " ".join(capsys.readouterr().out.split()).replace("UNKNOWN ", "UNKNOWN  ")
    summary = json.loads((run / "summary.json").read_text())
    assert summary["verdict"]["outcome"] == "UNKNOWN"
    assert summary["verdict"]["reasons"][0].startswith(sentence)
    assert summary["rates"]["acked_per_s"] is None
    assert sentence in (run / "report.html").read_text()
    assert sentence in (run / "report.md").read_text()


def test_export_of_a_damaged_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = copy_of("attack", tmp_path)
    spoil(run, "UPDATE sample SET phase = 'lunch' WHERE id = 8")
    assert main(["export", str(run), "--format", "json"]) == 0
    exported = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    (damage,) = exported["damage"]
    assert (damage["table"], damage["lost"]) == ("sample", 1)
    assert None in exported["series"]["acked_per_s"]
    assert main(["export", str(run)]) == 0
    assert capsys.readouterr().out.startswith("t_s,phase,")


def test_report_of_a_campaign_with_a_damaged_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = copy_of("campaign", tmp_path)
    spoil(campaign / "level-1", "UPDATE sample SET phase = 'lunch' WHERE id = 8")
    assert main(["report", str(campaign)]) == 0
    assert "run.db is damaged: 1 of" in " ".join(capsys.readouterr().out.split())
    summary = json.loads((campaign / "summary.json").read_text())
    first, second = summary["levels"]
    before = json.loads((DATA / "campaign" / "summary.json").read_text())["levels"]
    assert first["verdict"]["outcome"] == "UNKNOWN"
    assert second["rates"] == before[1]["rates"]
    assert summary["verdict"]["outcome"] != "PASS"


def test_runs_lists_a_run_that_lost_facts_as_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = copy_of("attack", tmp_path)
    spoil(run, "UPDATE meta SET value = '{' WHERE key = 'load'")
    assert main(["runs", str(tmp_path), "--json", "-"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["title"], entry["outcome"]) == ("w", "UNKNOWN")


@pytest.mark.parametrize("content", [b"", b"no database at all, but some text", b"\xff" * 9000])
def test_what_is_no_run_is_an_error_with_a_sentence(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of("attack", tmp_path)
    (run / FILE).write_bytes(content)
    for command in ("report", "export"):
        assert main([command, str(run)]) == 2
        assert "run.db cannot be read" in capsys.readouterr().err
