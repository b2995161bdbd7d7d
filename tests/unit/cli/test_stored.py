"""Which run a command is about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli_fakes import RECORDS, install
from malaria.cli.stored import chosen, levels_in, one_run
from malaria.errors import RunError
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.campaign_store import write_campaign


def stored(path: Path, at_s: int = 0) -> Path:
    path.mkdir(parents=True)
    (path / "run.db").touch()
    os.utime(path, (at_s, at_s))
    return path


def test_a_run_is_named_by_its_directory_or_below_runs_or_as_the_latest(tmp_path: Path) -> None:
    old, new = stored(tmp_path / "a-meters", 100), stored(tmp_path / "b-pumps", 200)
    assert chosen(old, tmp_path) == old
    assert chosen(Path("a-meters"), tmp_path) == old
    assert chosen(Path("latest"), tmp_path) == new
    # it is there and holds no run: opening it says so
    assert chosen(tmp_path, tmp_path) == tmp_path


def test_a_name_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    stored(tmp_path / "b-pumps")
    with pytest.raises(RunError, match="there is no run b-pmps") as caught:
        chosen(Path("b-pmps"), tmp_path)
    assert caught.value.remedy.startswith("did you mean b-pumps?")


def test_the_newest_one_is_taken(tmp_path: Path) -> None:
    stored(tmp_path / "b", 100)
    newest = stored(tmp_path / "a", 200)
    (tmp_path / "no-run").mkdir()
    assert chosen(None, tmp_path) == newest


def test_none_is_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run below"):
        chosen(None, tmp_path / "missing")


def campaign(path: Path, *levels: str) -> Path:
    parts = [CampaignPart(n, name, "", 5, directory=name, state=PartState.DONE) for n, name in enumerate(levels, 1)]
    for name in levels:
        stored(path / name)
    write_campaign(path, CampaignRecords("t", "", "c.toml", "", "", {}, tuple(parts)))
    return path


def test_the_levels_of_a_campaign_are_in_its_order(tmp_path: Path) -> None:
    path = campaign(tmp_path / "demo", "level-1", "level-2-run-2", "level-10")
    stored(path / "level-2")  # cut short, and run again
    assert [level.name for level in levels_in(path)] == ["level-1", "level-2-run-2", "level-10"]
    assert levels_in(path / "level-1") == []
    assert chosen(None, tmp_path) == path


def test_a_campaign_is_not_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    level = campaign(tmp_path / "demo", "level-1") / "level-1"
    assert one_run(level) == (level, RECORDS)
    with pytest.raises(RunError, match="holds 1 levels") as caught:
        one_run(tmp_path / "demo")
    assert str(level) in caught.value.remedy
