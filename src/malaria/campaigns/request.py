"""The request of a campaign, the listener that is shown its progress, and its outcome."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from malaria.analysis.summary_figures import Summary
from malaria.attacks.followers import Follower
from malaria.campaigns.definition import Campaign
from malaria.campaigns.program import Program
from malaria.outputs.files import Runs
from malaria.records.campaign_records import INTERRUPTED, CampaignPart, CampaignRecords
from malaria.records.rows import Progress
from malaria.swarm.run.chosen_bees import ChosenBees
from malaria.swarm.run.launcher import Launcher


@dataclass(frozen=True, slots=True)
class RepeatCommand:
    """The command that runs a part again: `words`, and with `by_level` the name of its level after `--levels`."""

    words: tuple[str, ...]
    by_level: bool = True

    def of_level(self, number: int) -> str:
        return shlex.join([*self.words, *(("--levels", f"level-{number}") if self.by_level else ())])


@dataclass(frozen=True, slots=True)
class CampaignRequest:
    """One campaign to run. `copy` is the campaign's file as it is stored; `before` what has been done of it already.

    `workers` gives the number of worker processes for a number of clients. `options` hold no secrets. `more` are words
    for each `malaria attack` that repeats a part, those of `repeat_words`.
    """

    campaign: Campaign
    program: Program = field(repr=False)
    directory: Path
    workers: Callable[[int], int]
    command: str
    repeat: RepeatCommand
    copy: str = field(repr=False)
    options: Mapping[str, str | None] = field(default_factory=dict)
    before: CampaignRecords | None = None
    launcher: Launcher | None = None  # where the bees are; None: this machine makes the load
    knock_from: str | None = None  # the bee that looks at the target first; None: this machine, or the first bee
    more: Sequence[str] = ()
    wait_for_figures: bool = True  # after each load, for the broker's first figures from after it
    followers: Sequence[Follower] = ()  # who follow each attack while it runs

    def on_bees(self, bees: ChosenBees, launcher: Launcher | None, *, no_wait: bool) -> CampaignRequest:
        """Return the request with its load on these bees, which `launcher` starts."""
        return replace(
            self,
            launcher=launcher,
            knock_from=bees.knock_from,
            more=repeat_words(bees, no_wait=no_wait),
            wait_for_figures=not no_wait,
        )


def repeat_words(bees: ChosenBees, *, no_wait: bool) -> tuple[str, ...]:
    """Return words for a command that repeats a campaign or a part of it: options that are not in its file."""
    return (*bees.words(), *(("--no-wait",) if no_wait else ()))


@dataclass(frozen=True, slots=True)
class CampaignOutcome:
    """The result of a campaign. `runs` has the records and the summary of each part that was run, by its directory."""

    directory: Path
    records: CampaignRecords
    runs: Runs
    summary: Summary

    @property
    def interrupted(self) -> bool:
        """Tell whether Ctrl-C left parts to be run: `--resume` goes on with them."""
        return any(part.why == INTERRUPTED for part in self.records.parts)


@dataclass(frozen=True, slots=True)
class PartPlace:
    """The place of a part in its campaign, `number` of `of`, and the seconds `left_s` to its end; None: not known."""

    number: int
    of: int | None
    left_s: float | None = None


class CampaignListener(Protocol):
    """Shows how a campaign goes."""

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        """Show that a part begins. Return what is called with its progress."""

    def tell(self, text: str) -> None:
        """Show a line about what happened between the attacks."""
