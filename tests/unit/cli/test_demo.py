"""`demo`: a broker, three levels, a page, and nothing left running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_fakes import Calls, install
from malaria.cli.main import main
from malaria.errors import OperatorError


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    pages: list[str] = []
    monkeypatch.setattr("webbrowser.open", pages.append)
    return pages


def test_levels_page_and_summary(calls: Calls, opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-o", "here"]) == 0
    assert [view[0] for view in calls.views] == [
        f"malaria demo · level {n} of 3, about 41 min left · level {n}" for n in (1, 2, 3)
    ]
    assert [str(request.directory) for request in calls.requests] == ["here"]
    assert len(calls.printed) == 1
    shown = capsys.readouterr().out
    assert "malaria demo · level 2 of 3, about 41 min left · level 2: started for this level" in shown
    assert "level 3: PASS" in shown
    assert "here/report.html" in shown
    assert opened == []


def test_the_page_is_opened_when_asked(calls: Calls, opened: list[str]) -> None:
    assert main(["demo", "-o", "here", "--open"]) == 0
    assert opened == [Path("here/report.html").resolve().as_uri()]
    assert len(calls.requests) == 1
    assert main(["demo", "-o", "there", "--open", "--quiet"]) == 0
    assert len(opened) == 2


@pytest.mark.usefixtures("opened")
def test_json_and_exit_code(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.outcome = "INVALID"
    assert main(["demo", "--json", "-", "--quiet"]) == 3
    assert json.loads(capsys.readouterr().out)["verdict"]["outcome"] == "INVALID"


def test_a_broker_that_can_never_start(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.raises = OperatorError("mosquitto is not installed", "apt install mosquitto")
    assert main(["demo"]) == 2
    assert "apt install mosquitto" in capsys.readouterr().err
