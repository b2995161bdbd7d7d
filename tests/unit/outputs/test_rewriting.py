"""The files of stored runs and campaigns, written again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from malaria.errors import RunError
from malaria.outputs.rewriting import rewrite_attack, rewrite_campaign
from malaria.records.campaign_store import open_campaign

STORED = Path(__file__).parents[2] / "data"


def test_an_attack_that_version_0_1_stored(tmp_path: Path) -> None:
    _, summary = rewrite_attack(STORED / "attack", tmp_path)
    stored = json.loads((STORED / "attack" / "summary.json").read_text())["verdict"]
    # times count from the start of the load now; version 0.1 counted connecting and warm-up too, 2 s here
    stored["reasons"] = [text.replace("at 0:04", "at 0:02") for text in stored["reasons"]]
    assert summary["verdict"] == stored
    assert {path.name for path in tmp_path.iterdir()} == {"summary.json", "report.html", "report.md"}


def test_no_run_is_there(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        rewrite_attack(tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_level_that_cannot_be_read_is_named_and_does_not_hide_the_others(tmp_path: Path) -> None:
    run = shutil.copytree(STORED / "campaign", tmp_path / "run")
    (run / "level-2" / "run.db").write_text("not a database")
    told: list[str] = []
    levels = [run / "level-1", run / "level-2"]
    summary = rewrite_campaign(open_campaign(run), levels, tmp_path, told.append)
    assert len(told) == 1
    assert "level-2" in told[0]
    assert [level["messages"]["sent"] is None for level in summary["levels"]] == [False, True]
