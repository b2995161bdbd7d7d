"""`demo`: a broker, three levels, a page, and nothing left running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_fakes import Calls, install
from malaria.cli.main import main


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
    assert [view[0] for view in calls.views] == [f"malaria demo · mosquitto 2.0 · level {n}" for n in (1, 2, 3)]
    assert [str(page[-1]) for page in calls.pages] == ["here/report.html", "here/report.md"]
    assert len(calls.pages[0][1]) == 3
    assert len(calls.printed) == 1
    assert "here/report.html" in capsys.readouterr().out
    assert calls.stopped == 1
    assert opened == []


def test_the_page_is_opened_when_asked(calls: Calls, opened: list[str]) -> None:
    assert main(["demo", "-o", "here", "--open"]) == 0
    assert opened == [Path("here/report.html").resolve().as_uri()]
    assert calls.stopped == 1


@pytest.mark.usefixtures("opened")
def test_json_and_exit_code(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.outcome = "INVALID"
    assert main(["demo", "--json", "-", "--quiet"]) == 3
    assert json.loads(capsys.readouterr().out)["verdict"]["outcome"] == "INVALID"


def test_interrupted_before_the_first_level(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.demo_levels = 0
    assert main(["demo"]) == 4
    assert "aborted before" in capsys.readouterr().err
    assert calls.stopped == 1
