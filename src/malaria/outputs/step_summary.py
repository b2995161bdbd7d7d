"""Append the page as Markdown to the summary of a GitHub Actions step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from malaria.outputs.files import MARKDOWN

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
MOST_BYTES: Final = 1 << 20
"""GitHub refuses a longer summary of a step (its documentation of workflow commands)."""


def append_step_summary(directory: Path) -> None:
    """Append `report.md` of a run to the file that GitHub Actions names, if it does. Raises OSError."""
    named = os.environ.get(VARIABLE)
    if not named:
        return
    file, report = Path(named), (directory / MARKDOWN).read_bytes()
    there = file.stat().st_size if file.exists() else 0
    if there + len(report) >= MOST_BYTES:
        report = f"The report is too long for a summary: {directory / MARKDOWN}\n".encode()
    with file.open("ab") as summary:
        summary.write(report + b"\n")
