"""What has become of a campaign so far: kept in `campaign.json` at every change, told on the page after every part.

Promises: whoever is killed leaves the page of what was done, and enough to go on. A disk that takes nothing ends
nothing: what could not be written is told to who watches, and is tried again after the next part.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Self

from malaria.analysis.summary import summarize
from malaria.analysis.whole import summarize_campaign
from malaria.attack.runner import AttackOutcome
from malaria.campaign.alteration import without_secrets
from malaria.campaign.definition import Campaign, Level, Variant
from malaria.campaign.request import CampaignOutcome, CampaignRequest
from malaria.errors import OperatorError, RunError
from malaria.outputs.files import Runs
from malaria.records.campaign_store import COPY, holds_campaign, write_campaign
from malaria.records.rows import CampaignPart, CampaignRecords, PartState
from malaria.records.store import FILE as RUN_FILE
from malaria.records.store import open_run

NOT_YET: Final = "its turn has not come"

type Show = Callable[[CampaignRecords, Runs, Path], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One attack of a campaign in its place: the `position`th of its parts, the `variant`th of its level, from 0."""

    position: int
    level: Level
    attack: Variant
    variant: int

    @property
    def name(self) -> str:
        return f"{self.level.title} · {self.attack.name}" if self.attack.name else self.level.title

    @property
    def directory(self) -> str:
        return f"{self.level.name}-variant-{self.variant}" if self.variant else self.level.name


def turns(campaign: Campaign) -> tuple[Turn, ...]:
    """Every attack in the order in which they are made."""
    found = [(level, number) for level in campaign.levels for number in range(len(level.attacks))]
    return tuple(Turn(at, level, level.attacks[number], number) for at, (level, number) in enumerate(found))


def planned(campaign: Campaign) -> tuple[CampaignPart, ...]:
    """The parts before the first one is run."""
    return tuple(
        CampaignPart(
            level=turn.level.number,
            title=turn.level.title,
            variant=turn.attack.name,
            clients=turn.level.clients,
            note=turn.attack.note if turn.variant else turn.level.note,
            why=NOT_YET,
        )
        for turn in turns(campaign)
    )


class CampaignRecorder:
    """The records of one campaign under way. A context manager: nobody else goes on with it while its block runs."""

    def __init__(self, request: CampaignRequest, show: Show, tell: Callable[[str], None]) -> None:
        """Raises OperatorError when the directory cannot be written, or holds a campaign that nobody goes on with."""
        self.directory = request.directory
        self.records = request.before or _fresh(request)
        self.runs: dict[str, Any] = {}
        self._show = show
        self._tell = tell
        if request.before is None:
            _begin(request, self.records)
        self._lock = _locked(request.directory)  # until the end of the block, or of us
        if request.before is not None:
            self._take_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def change(self, turn: Turn, **changes: Any) -> None:
        """What is new of a part."""
        parts = list(self.records.parts)
        parts[turn.position] = replace(parts[turn.position], **changes)
        self.records = replace(self.records, parts=tuple(parts))
        self._write()

    def describe_broker(self, facts: Mapping[str, str | None]) -> None:
        self.records = replace(self.records, broker=facts)

    def add_run(self, outcome: AttackOutcome) -> None:
        self.runs[outcome.directory.name] = (outcome.records, outcome.summary)

    def outcome_of(self, part: CampaignPart) -> str | None:
        """The verdict over a part that was run."""
        run = self.runs.get(part.directory or "")
        return None if run is None else str(run[1]["verdict"]["outcome"])

    def fresh_directory(self, turn: Turn) -> Path:
        """Where its run goes: what is left of an earlier one that was cut short stays where it is."""
        names = (turn.directory if number == 1 else f"{turn.directory}-run-{number}" for number in range(1, 10_000))
        return next(self.directory / name for name in names if not (self.directory / name).exists())

    def publish(self) -> None:
        """Writes the page and the summary of what is done."""
        try:
            self._show(self.records, self.runs, self.directory)
        except OSError as error:
            self._tell(f"the page could not be written: {error.strerror or error}; make room, then: "
                       f"malaria report {self.directory}")  # fmt: skip

    def close(self) -> CampaignOutcome:
        """The campaign is over."""
        self.records = replace(self.records, ended=now_text())
        self._write()
        self.publish()
        summary = summarize_campaign(self.records, {name: figures for name, (_, figures) in self.runs.items()})
        return CampaignOutcome(self.directory, self.records, self.runs, summary)

    def _write(self) -> None:
        try:
            write_campaign(self.directory, self.records)
        except OSError as error:
            self._tell(f"{self.directory}: {error.strerror or error}")

    def _take_up(self) -> None:
        """What was done stays so; what was cut short is to be run anew."""
        parts = []
        for part in self.records.parts:
            if part.state is PartState.DONE and self._read(part):
                parts.append(part)
            else:
                parts.append(replace(part, state=PartState.NOT_RUN, directory=None, why=NOT_YET))
        self.records = replace(self.records, parts=tuple(parts), ended="")
        self._write()

    def _read(self, part: CampaignPart) -> bool:
        if part.directory is None:
            return False
        try:
            records = open_run(self.directory / part.directory)
            self.runs[part.directory] = (records, dict(summarize(records)))
        except RunError as error:
            self._tell(f"{error.message}: run anew")
            return False
        return True


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _fresh(request: CampaignRequest) -> CampaignRecords:
    campaign = request.campaign
    return CampaignRecords(
        title=campaign.title,
        note=campaign.note,
        file=campaign.name,
        command=request.command,
        started=now_text(),
        broker={"kind": campaign.broker.kind.value},
        parts=planned(campaign),
        options=without_secrets(request.options),
        left_out=campaign.left_out,
        source=request.copy,
    )


def _begin(request: CampaignRequest, records: CampaignRecords) -> None:
    directory = request.directory
    if holds_campaign(directory) or (directory / RUN_FILE).exists():
        remedy = f"give another directory with -o, or go on with it: malaria campaign --resume {directory}"
        raise RunError(f"{directory} holds a campaign or a run already", remedy)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / COPY).write_text(request.copy, encoding="utf-8", errors="backslashreplace")
        write_campaign(directory, records)
    except OSError as error:
        remedy = "look at its permissions and at the space left on the disk, or choose another place with -o"
        raise OperatorError(f"cannot write a campaign to {directory}: {error.strerror}", remedy) from None


def _locked(directory: Path) -> IO[bytes]:
    """Two that go on with one campaign would write over each other. Raises RunError for the second."""
    file = (directory / COPY).open("rb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise RunError(f"{directory}: this campaign is being run just now", "wait for its end") from None
    return file
