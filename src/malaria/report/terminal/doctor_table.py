"""Shows the findings of `malaria doctor` as a table, and the remedies below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

STYLES: Final = {"OK": "green", "WARN": "yellow", "BAD": "red"}


class ShownFinding(Protocol):
    """One thing that was checked, as the doctor has it."""

    @property
    def name(self) -> str: ...
    @property
    def measured(self) -> str: ...
    @property
    def needed(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def remedy(self) -> str: ...


def doctor_table(findings: Sequence[ShownFinding]) -> RenderableType:
    """Return the table of the findings, and the remedy of each trouble in the same order."""
    return Group(_findings(findings), Text(), _remedies(findings))


def _findings(findings: Sequence[ShownFinding]) -> Table:
    table = Table("", "checked", "measured", "needed", box=None, pad_edge=False)
    for finding in findings:
        status = Text(str(finding.status), style=STYLES.get(str(finding.status), ""))
        table.add_row(status, Text(finding.name), Text(finding.measured), Text(finding.needed))
    return table


def _remedies(findings: Sequence[ShownFinding]) -> Table | Text:
    troubles = [finding for finding in findings if finding.remedy and finding.status != "OK"]
    # a list of remedies without entries would look cut off
    if not troubles:
        return Text("no trouble found")
    table = Table.grid(padding=(0, 1))
    for finding in troubles:
        table.add_row(Text(f"{finding.name}:"), Text(finding.remedy))
    return table
