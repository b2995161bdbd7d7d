"""`report`: the page of a stored run, made anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_fakes import RECORDS, Calls, install
from malaria.cli.main import main
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.campaign_store import write_campaign


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    for path in (Path("runs/a"), Path("runs/demo/level-1"), Path("runs/demo/level-2")):
        path.mkdir(parents=True)
        (path / "run.db").touch()
    return install(monkeypatch)


def test_beside_the_records(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.outcome = "FAIL"
    assert main(["report", "runs/a"]) == 0
    assert calls.written == [(RECORDS, calls.summary, Path("runs/a"))]
    assert calls.printed == [calls.summary]
    assert "runs/a/report.html" in capsys.readouterr().out


def test_elsewhere_and_quiet(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "runs/a", "-o", "new/place", "--quiet", "--json", "-"]) == 0
    assert calls.written == [(RECORDS, calls.summary, Path("new/place"))]
    assert json.loads(capsys.readouterr().out) == calls.summary


def test_a_campaign(calls: Calls) -> None:
    parts = [CampaignPart(n, f"level {n}", "", 5, directory=f"level-{n}", state=PartState.DONE) for n in (1, 2)]
    stored = CampaignRecords("all levels", "", "c.toml", "", "", {}, tuple(parts))
    write_campaign(Path("runs/demo"), stored)
    assert main(["report", "runs/demo"]) == 0
    ((campaign, runs, directory),) = calls.written
    assert (campaign, str(directory)) == (stored, "runs/demo")
    assert [str(path) for path in runs] == ["runs/demo/level-1", "runs/demo/level-2"]
    assert calls.printed == [calls.summary]


def test_no_run_there(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "nothing"]) == 2
    assert "there is no run nothing" in capsys.readouterr().err
