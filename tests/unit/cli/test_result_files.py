"""The files beside the directory of a run."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from malaria.analysis.summary import summarize
from malaria.cli.result_files import ResultFiles
from malaria.errors import OperatorError
from synthetic import make_run

RUN = make_run(seconds=5, clients=10)
SUMMARY = summarize(RUN)


def test_each_file_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ResultFiles("-", str(tmp_path / "junit.xml"))
    files.check()
    files.keep(SUMMARY, [("meters", RUN, SUMMARY)], tmp_path)
    assert json.loads(capsys.readouterr().out) == SUMMARY.as_json()
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suite.get("name") == "meters"


def test_nothing_is_written_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ResultFiles().check()
    ResultFiles().keep(SUMMARY, [], tmp_path)
    assert (list(tmp_path.iterdir()), capsys.readouterr()) == ([], ("", ""))


@pytest.mark.parametrize("flag", ["--json", "--junit"])
def test_a_file_that_cannot_be_written_is_told_before_the_load_or_costs_no_verdict(
    tmp_path: Path, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "none" / "file")
    files = ResultFiles(**{flag.removeprefix("--"): nowhere})
    with pytest.raises(OperatorError, match=f"{flag} .*: it cannot be written"):
        files.check()
    files.keep(SUMMARY, [], tmp_path)
    assert f"{flag} {nowhere} could not be written: No such file" in capsys.readouterr().err
