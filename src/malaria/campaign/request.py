"""What a campaign is asked for, who watches it, and what comes of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from malaria.campaign.definition import Campaign, Level
from malaria.outputs.files import Runs
from malaria.records.rows import CampaignPart, CampaignRecords, Progress
from malaria.swarm.run.launcher import Launcher


@dataclass(frozen=True, slots=True)
class Repeat:
    """How a part is run again: these words, and where `by_level`, the name of its level behind `--levels`."""

    words: tuple[str, ...]
    by_level: bool = True

    def command(self, level: Level) -> str:
        return shlex.join([*self.words, *(("--levels", level.name) if self.by_level else ())])


@dataclass(frozen=True, slots=True)
class CampaignRequest:
    """What to do. `copy` is the campaign's file as it is to be kept; `before`: what is done of it already.

    `workers` tells how many to hire for so many clients. `options` are without secrets.
    """

    campaign: Campaign
    directory: Path
    workers: Callable[[int], int]
    command: str
    repeat: Repeat
    copy: str = field(repr=False)
    options: Mapping[str, str | None] = field(default_factory=dict)
    before: CampaignRecords | None = None
    launcher: Launcher | None = None  # where bees are; None: this machine makes the load


@dataclass(frozen=True, slots=True)
class CampaignOutcome:
    """What came of it. `runs` has the records and the summary of each part that was run, by its directory."""

    directory: Path
    records: CampaignRecords
    runs: Runs
    summary: dict[str, Any]


class Listener(Protocol):
    """Who watches."""

    def begin(self, part: CampaignPart, number: int, of: int, load: str) -> Callable[[Progress], None]:
        """A part begins, the `number`th of so many; returns who watches its progress."""

    def tell(self, text: str) -> None:
        """Something happened between the attacks."""
