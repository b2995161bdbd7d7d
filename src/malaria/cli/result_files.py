"""The files that an operator asks for beside the directory of the run: --json, --junit, the summary of a CI step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from malaria.cli.output import STDOUT, print_error, write_text
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.analysis.summary_figures import Summary
    from malaria.records.run import Run

    type JudgedAttacks = Iterable[tuple[str, Run, Summary]]


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The names that were given; `json` may be - for standard output."""

    json: str | None = None
    junit: str | None = None

    def check(self) -> None:
        """Check before the load that the files can be written. Raises OperatorError."""
        for flag, file in (("--json", self.json), ("--junit", self.junit)):
            if file is not None and not (file == STDOUT and flag == "--json"):
                check_writable(flag, Path(file))

    def keep(self, summary: Summary, attacks: JudgedAttacks, directory: Path) -> None:
        """Write the files after a load. A failure is printed, and the verdict keeps its exit code."""
        from malaria.outputs.step_summary import append_step_summary

        _trying("the summary of this step", lambda: append_step_summary(directory))
        _trying(f"--json {self.json}", lambda: write_json(summary.as_json(), self.json))
        if self.junit is not None:
            from malaria.outputs.junit_report import junit_of

            path = Path(self.junit)
            _trying(f"--junit {path}", lambda: path.write_bytes(junit_of(attacks)))


def write_json(summary: object, file: str | None) -> None:
    """Write a summary to a file or to standard output; nothing without a name."""
    from malaria.outputs.files import json_text

    if file == STDOUT:
        write_text(json_text(summary))
    elif file is not None:
        Path(file).write_text(json_text(summary))


def check_writable(flag: str, path: Path) -> None:
    """Check that a file can be written. Raises OperatorError, which names the option."""
    # a check without writing: an old file stays until the new one is there
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OperatorError(f"{flag} {path}: it cannot be written", "name a file in a directory that you may write to")


def _trying(what: str, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        print_error(f"{what} could not be written: {error.strerror}", "the directory of the run holds the same")
