"""`runs`: the list of what is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli_fakes import install
from malaria.cli.main import main
from malaria.cli.runs import _table


@dataclass(frozen=True)
class Entry:
    directory: Path
    started: str
    title: str
    target: str
    outcome: str | None
    clients: float | None = None
    per_s: float | None = None
    ack_p99_ms: float | None = None
    lost: float | None = None


ENTRIES = [
    Entry(Path("runs/b"), "2026-11-23T10:00:00+00:00", "[red]pumps", "mqtt://x:1883", None),
    Entry(Path("runs/a"), "2026-11-22T10:00:00+00:00", "meters", "mqtt://x:1883", "PASS", 3001, 500.0, 4.83, 0),
]


def test_the_newest_is_last(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch).entries.extend(ENTRIES)
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["runs"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 1 + len(ENTRIES)  # in a pipe, each run is one line
    assert shown.index("meters") < shown.index("[red]pumps")
    assert "3,001 clients 500/s" in shown
    assert "4.8 ms" in shown
    assert "PASS" in shown


def test_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch).entries.extend(ENTRIES)
    assert main(["runs", "--json", "-"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(entry["directory"], entry["outcome"]) for entry in listed] == [("runs/a", "PASS"), ("runs/b", None)]


def test_only_those_with_a_title(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls = install(monkeypatch)
    calls.entries.extend(ENTRIES)
    calls.campaigns.append(Entry(Path("runs/c"), "2026-11-22T09:00:00+00:00", "Meters", "mqtt://x:1883", "FAIL"))
    for title, found in (("meter", ["runs/c", "runs/a"]), ("[red]", ["runs/b"]), ("", ["runs/c", "runs/a", "runs/b"])):
        assert main(["runs", "--title", title, "--json", "-"]) == 0
        assert [entry["directory"] for entry in json.loads(capsys.readouterr().out)] == found
    assert main(["runs", "--title", "valves"]) == 0
    assert capsys.readouterr().out == "no run below runs has 'valves' in its title\n"
    assert main(["runs", "rm", "latest", "--title", "meters"]) == 2
    assert "--title filters the list" in capsys.readouterr().err
    assert main(["runs", "rm", "latest", "--json", "-"]) == 2
    assert "--json writes the list" in capsys.readouterr().err
    assert main(["runs", "--yes"]) == 2
    assert "--yes is for rm" in capsys.readouterr().err


def test_a_campaign_stands_among_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls = install(monkeypatch)
    calls.entries.extend(ENTRIES)
    calls.campaigns.append(Entry(Path("runs/c"), "2026-11-22T09:00:00+00:00", "all levels", "mqtt://x:1883", "FAIL"))
    assert main(["runs", "--json", "-"]) == 0
    assert [entry["directory"] for entry in json.loads(capsys.readouterr().out)] == ["runs/c", "runs/a", "runs/b"]


def test_each_run_is_a_line_of_80_columns() -> None:
    name = "2026-11-22T1751-a-campaign-with-a-very-long-name/level-12"
    entry = Entry(Path("runs") / name, "", "", "", "PASS", 100_000, 16_667.0, 1234.5, 1_204)
    (_, line) = _table([entry], Path("runs"), 80)  # type: ignore[list-item]
    assert len(line.plain) <= 80
    assert line.plain.startswith("2026-11-22T")
    assert line.plain.split("  ")[0].endswith("/level-12")
    for words in ("…", "100,000 clients", "16,667/s", "PASS", "1,234 ms", "1,204"):
        assert words in line.plain


def test_rm_removes_runs_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "run.db").touch()
    Path("runs/b/mine.txt").touch()
    assert main(["runs", "rm", "a", "no-such-run", "--yes"]) == 2
    assert Path("runs/a/run.db").exists(), "a wrong name removes nothing"
    assert main(["runs", "rm", "a"]) == 2, "there is no terminal to ask at"
    assert main(["runs", "rm", "a", "runs/b", "--yes"]) == 0
    assert [str(path) for path in sorted(Path("runs").rglob("*"))] == ["runs/b", "runs/b/mine.txt"]
    assert "removed runs/b, but for other files in it" in capsys.readouterr().out


def test_a_directory_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "elsewhere"]) == 2
    assert "there is no directory elsewhere" in capsys.readouterr().err


def test_nothing_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "no run below runs\n"
