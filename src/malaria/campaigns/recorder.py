"""The record of a campaign under way: `campaign.json` at every change, the page after every part.

Promises: a command that is killed leaves the page of what was done, and enough to go on. A full disk ends nothing: the
listener is told what could not be written, and it is tried again after the next part.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Self

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.attacks.runner import AttackOutcome
from malaria.campaigns.capacity_program import search_goal
from malaria.campaigns.comparison_program import comparison_goal
from malaria.campaigns.overrides import without_secrets
from malaria.campaigns.program import Program, Step, StepKey, StepResult
from malaria.campaigns.request import CampaignOutcome, CampaignRequest
from malaria.campaigns.resumer import resume_command
from malaria.campaigns.seal import seal_of
from malaria.errors import OperatorError, RunError
from malaria.outputs.files import Runs
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.campaign_store import COPY, holds_campaign, write_campaign
from malaria.records.store import FILE as RUN_FILE
from malaria.records.store import open_run

NOT_YET: Final = "its turn has not come"

type WriteFiles = Callable[[CampaignRecords, Runs, Path], Summary]


def planned_parts(program: Program) -> tuple[CampaignPart, ...]:
    """Return the parts of `campaign.json` before the first step."""
    return tuple(step.part(NOT_YET) for step in program.planned)


class CampaignRecorder:
    """The records of one campaign under way. While its block runs, no other command can go on with the campaign."""

    def __init__(self, request: CampaignRequest, write_files: WriteFiles, tell: Callable[[str], None]) -> None:
        """Create the directory, or take up the campaign that it holds if the request resumes one.

        Raises OperatorError when the directory cannot be written, or holds a campaign that is not to be resumed.
        """
        self.directory = request.directory
        self.records = _first_records(request)
        if request.before is not None:
            # a comparison may go on with more pairs
            self.records = replace(request.before, comparison=self.records.comparison)
        self.runs: dict[str, Any] = {}
        self._decided: set[StepKey] = set()
        self._write_files = write_files
        self._tell = tell
        # the directory must exist before it can be locked
        if request.before is None:
            _create(request, self.records)
        self._lock = _locked(request.directory)  # until the end of the block, or of the process
        if request.before is not None:
            self._resume()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def history(self) -> Sequence[StepResult]:
        """Return the results that a program decides on, in the order of the parts."""
        results = [StepResult(part, self._summary_of(part)) for part in self.records.parts]
        return [result for result in results if result.key in self._decided]

    def part(self, step: Step) -> CampaignPart:
        return self.records.parts[self.position(step)]

    def position(self, step: Step) -> int:
        """Return the place of a step among the parts, from 0. A step that was not planned becomes the last part."""
        keys = [(part.level, part.variant) for part in self.records.parts]
        if step.key not in keys:
            self.records = replace(self.records, parts=(*self.records.parts, step.part(NOT_YET)))
            return len(keys)
        return keys.index(step.key)

    def change(self, step: Step, **changes: Any) -> None:
        """Record what is new about a step. A `state` other than RUNNING decides it."""
        position, parts = self.position(step), list(self.records.parts)
        parts[position] = replace(parts[position], **changes)
        self.records = replace(self.records, parts=tuple(parts))
        if changes.get("state", PartState.RUNNING) is not PartState.RUNNING:
            self._decided.add(step.key)
        self._write()

    def leave_rest(self, why: str) -> None:
        """Record why nothing more is run."""
        parts = (
            part if (part.level, part.variant) in self._decided else replace(part, state=PartState.NOT_RUN, why=why)
            for part in self.records.parts
        )
        self.records = replace(self.records, parts=tuple(parts))

    def describe_broker(self, facts: Mapping[str, str | None]) -> None:
        self.records = replace(self.records, broker=facts)

    def add_run(self, outcome: AttackOutcome) -> None:
        self.runs[outcome.directory.name] = (outcome.run, outcome.summary)

    def fresh_directory(self, step: Step) -> Path:
        """Return where the run of a step goes. The run of an earlier attempt that was cut short stays where it is."""
        names = (step.directory if number == 1 else f"{step.directory}-run-{number}" for number in range(1, 10_000))
        return next(self.directory / name for name in names if not (self.directory / name).exists())

    def publish(self) -> None:
        """Write the page and the summary of what is done."""
        try:
            self._write_files(self.records, self.runs, self.directory)
        # a full disk may have room again after the next part
        except OSError as error:
            self._tell(f"the page could not be written: {error.strerror or error}; make room, then: "
                       f"malaria report {self.directory}")  # fmt: skip

    def end(self) -> None:
        """Record the end of the campaign."""
        self.records = replace(self.records, ended=now_text())
        self._write()

    def outcome(self) -> CampaignOutcome:
        summary = summarize_campaign(self.records, {name: figures for name, (_, figures) in self.runs.items()})
        return CampaignOutcome(self.directory, self.records, self.runs, summary)

    def _summary_of(self, part: CampaignPart) -> Summary | None:
        run = self.runs.get(part.directory or "")
        return None if run is None else run[1]

    def _write(self) -> None:
        try:
            write_campaign(self.directory, self.records)
        except OSError as error:
            self._tell(f"{self.directory}: {error.strerror or error}")

    def _resume(self) -> None:
        """Keep the parts that are done, and forget what came of the others: they are to be run again."""
        parts = []
        for part in self.records.parts:
            # a damaged run of a part that was done is made again
            if part.state is PartState.DONE and self._read(part):
                self._decided.add((part.level, part.variant))
                parts.append(part)
            else:
                parts.append(replace(part, state=PartState.NOT_RUN, directory=None, why=NOT_YET))
        self.records = replace(self.records, parts=tuple(parts), ended="")
        self._write()

    def _read(self, part: CampaignPart) -> bool:
        if part.directory is None:
            return False
        try:
            run = open_run(self.directory / part.directory)
        except RunError as error:
            self._tell(f"{error.message}: this part is run again")
            return False
        if run.damage:
            self._tell(f"{part.directory}: {run.damage.sentence}: this part is run again")
            return False
        self.runs[part.directory] = (run, summarize(run))
        return True


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _first_records(request: CampaignRequest) -> CampaignRecords:
    campaign = request.campaign
    return CampaignRecords(
        title=campaign.title,
        note=campaign.note,
        file=campaign.name,
        command=request.command,
        started=now_text(),
        broker={"kind": campaign.broker.kind.value},
        parts=planned_parts(request.program),
        options=without_secrets(request.options),
        left_out=campaign.left_out,
        source=request.copy,
        seal=seal_of(request.copy, without_secrets(request.options)),
        search=search_goal(campaign),
        comparison=comparison_goal(campaign),
    )


def _create(request: CampaignRequest, records: CampaignRecords) -> None:
    directory = request.directory
    # never write over records
    if holds_campaign(directory) or (directory / RUN_FILE).exists():
        remedy = f"give another directory with -o, or go on with it: {resume_command(request.command, directory)}"
        raise RunError(f"{directory} holds a campaign or a run already", remedy)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / COPY).write_text(request.copy, encoding="utf-8", errors="backslashreplace")
        write_campaign(directory, records)
    except OSError as error:
        remedy = "check its permissions and the space left on the disk, or choose another place with -o"
        raise OperatorError(f"cannot write a campaign to {directory}: {error.strerror}", remedy) from None


def _locked(directory: Path) -> IO[bytes]:
    """Lock a campaign, so that no two commands write over each other. Raises RunError for the second one."""
    # the lock of the kernel ends with the process, also if that is killed
    file = (directory / COPY).open("rb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise RunError(f"{directory}: another command runs this campaign just now", "wait for its end") from None
    return file
