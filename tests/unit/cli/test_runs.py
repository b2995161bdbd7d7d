"""`runs`: the list of what is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli_fakes import install
from malaria.cli.main import main


@dataclass(frozen=True)
class Entry:
    directory: Path
    started: str
    title: str
    target: str
    outcome: str | None


ENTRIES = [
    Entry(Path("runs/b"), "2026-11-23T10:00:00+00:00", "[red]pumps", "mqtt://x:1883", None),
    Entry(Path("runs/a"), "2026-11-22T10:00:00+00:00", "meters", "mqtt://x:1883", "PASS"),
]


def test_the_newest_is_last(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch).entries.extend(ENTRIES)
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["runs"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 1 + len(ENTRIES)  # in a pipe, each run is one line
    assert shown.index("meters") < shown.index("[red]pumps")
    assert "PASS" in shown


def test_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch).entries.extend(ENTRIES)
    assert main(["runs", "--json", "-"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(entry["directory"], entry["outcome"]) for entry in listed] == [("runs/a", "PASS"), ("runs/b", None)]


def test_a_campaign_stands_among_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls = install(monkeypatch)
    calls.entries.extend(ENTRIES)
    calls.campaigns.append(Entry(Path("runs/c"), "2026-11-22T09:00:00+00:00", "all levels", "mqtt://x:1883", "FAIL"))
    assert main(["runs", "--json", "-"]) == 0
    assert [entry["directory"] for entry in json.loads(capsys.readouterr().out)] == ["runs/c", "runs/a", "runs/b"]


def test_nothing_is_stored(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch)
    assert main(["runs", "elsewhere"]) == 0
    assert capsys.readouterr().out == "no run below elsewhere\n"
