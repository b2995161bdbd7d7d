"""`export`: figures for other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cli_fakes import COLUMNS, Calls, install
from malaria.cli.main import main


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/run.db").touch()
    return install(monkeypatch)


@pytest.mark.usefixtures("calls")
def test_csv_is_a_row_per_second_and_unknown_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "run"]) == 0
    assert capsys.readouterr().out == "t_s,acked_per_s\n0,100.0\n1,\n"


@pytest.mark.usefixtures("calls")
def test_the_name_of_the_file_says_the_format() -> None:
    assert main(["export", "run", "-o", "x.json"]) == 0
    assert json.loads(Path("x.json").read_text())["series"] == COLUMNS
    assert main(["export", "run", "-o", "x.json", "-f", "csv"]) == 0
    assert Path("x.json").read_text().startswith("t_s,")


def test_json_is_everything(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "run", "-f", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["summary"] == calls.summary
    assert told["meta"] == {"title": "fake"}
    assert told["events"] == [{"at_ns": 1, "kind": "phase", "text": "measure", "worker": "", "count": 1}]
    assert told["ledger"] is None


@pytest.mark.usefixtures("calls")
def test_parquet_without_pyarrow_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["export", "run", "-o", "x.parquet"]) == 2
    assert "mqtt-malaria[parquet]" in capsys.readouterr().err
    assert not Path("x.parquet").exists()


@pytest.mark.usefixtures("calls")
def test_parquet_with_pyarrow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def write_table(table: Any, sink: Any) -> None:
        sink.write(f"PAR1 {sorted(table)}".encode())

    arrow, parquet = ModuleType("pyarrow"), ModuleType("pyarrow.parquet")
    vars(arrow).update(table=lambda columns: columns, parquet=parquet)
    vars(parquet).update(write_table=write_table)
    monkeypatch.setitem(sys.modules, "pyarrow", arrow)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", parquet)
    assert main(["export", "run", "-o", "x.parquet"]) == 0
    assert Path("x.parquet").read_bytes() == b"PAR1 ['acked_per_s', 't_s']"
    assert main(["export", "run", "-f", "parquet"]) == 2
    assert "give a file: -o run.parquet" in capsys.readouterr().err
