"""The program of a campaign decides step by step what to run next, from what has been run before.

A program is pure: no clock, no I/O. `malaria.campaigns.campaign_runner` does everything else for any program: broker,
attack, record, page. Each step becomes a part of `campaign.json` before it is run, and its result is read back from
there, so a program that depends on earlier results goes on after a crash by being asked again with the same history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from malaria.analysis.summary_figures import Summary
from malaria.model.broker import BrokerTable
from malaria.model.observe import Observe
from malaria.model.warhead import Warhead
from malaria.records.campaign_records import CampaignPart
from malaria.records.search_goal import TrialLoad

type StepKey = tuple[int, str]
"""The number of a level and the name of a variant (empty: the level itself): unique within a campaign."""


@dataclass(frozen=True, slots=True)
class Step:
    """One attack that a program wants. `clients` counts those that publish, before any surge.

    The target in the warhead lacks its url when the attack goes to a listener of a broker that the campaign starts;
    `listener` names it. `directory` is the name of the run below the campaign's directory.
    """

    level: int
    title: str
    variant: str
    clients: int
    note: str
    directory: str
    warhead: Warhead
    listener: str | None
    observe: Observe
    skip: str = ""
    """Why the step is not to be run after all; empty: run it."""
    trial: TrialLoad | None = None
    """The load of a step that belongs to a search; its `staircase` says how it climbs."""
    repeat: int | None = None
    """The number of the run, from 1, of a load that is run several times."""
    broker: BrokerTable | None = None
    """How the broker of the step is started; None: as that of the campaign."""

    @property
    def key(self) -> StepKey:
        return self.level, self.variant

    @property
    def climbs(self) -> bool:
        """Tell whether its load climbs until the target breaks."""
        return self.trial is not None and self.trial.staircase is not None

    @property
    def name(self) -> str:
        """`3,000 clients · QoS 0`."""
        return f"{self.title} · {self.variant}" if self.variant else self.title

    def part(self, why: str) -> CampaignPart:
        """Return how `campaign.json` shows the step before it is run; `why` says why it has not been."""
        return CampaignPart(
            self.level, self.title, self.variant, self.clients, self.note, why=why, trial=self.trial, repeat=self.repeat
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a step: its part of `campaign.json`, and the summary of its run (None: there is no run)."""

    part: CampaignPart
    summary: Summary | None = field(default=None, repr=False)

    @property
    def key(self) -> StepKey:
        return self.part.level, self.part.variant

    @property
    def verdict(self) -> str | None:
        """The outcome of the verdict over its run."""
        return None if self.summary is None else str(self.summary.verdict.outcome)


class Program(Protocol):
    """Decides what to run next. Pure: no clock, no I/O; tested without a broker."""

    @property
    def planned(self) -> Sequence[Step]:
        """The steps that are certain to be asked for, in order.

        They are checked before the first one is run, and shown on the page as not run yet. A program that does not
        know its later steps leaves them out: each appears when it is asked for.
        """
        ...

    @property
    def length(self) -> int | None:
        """The number of steps; None if the program does not know it yet."""
        ...

    def standing(self, history: Sequence[StepResult]) -> str:
        """Return a line on how far the program has come; empty if there is nothing to say."""
        ...

    def next(self, history: Sequence[StepResult]) -> Step | None:
        """Return the next step, None at the end.

        `history` has every step that is decided: run, cut short, not possible, or skipped. After a campaign is resumed
        it has the steps that were done; those that were cut short are to be asked for again.
        """
        ...
