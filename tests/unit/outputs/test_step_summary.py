"""The report in the summary of a GitHub Actions step."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.outputs.step_summary import MOST_BYTES, append_step_summary


def test_reports_are_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary"
    (tmp_path / "report.md").write_text("# PASS")
    append_step_summary(tmp_path)
    assert not summary.exists()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    append_step_summary(tmp_path)
    append_step_summary(tmp_path)
    assert summary.read_text() == "# PASS\n# PASS\n"


def test_a_report_that_is_too_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    (tmp_path / "report.md").write_text("x" * MOST_BYTES)
    append_step_summary(tmp_path)
    assert summary.read_text() == f"The report is too long for a summary: {tmp_path / 'report.md'}\n\n"
