"""Hold what a campaign is and what has become of it: the values of `campaign.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from malaria.records.comparison_goal import ComparisonGoal
from malaria.records.search_goal import SearchGoal, TrialLoad
from malaria.records.stored_values import StoredCount, StoredFlag

INTERRUPTED: Final = "interrupted by the operator"
"""The reason of an attack that ended early, or was not made, because the operator pressed Ctrl-C."""

type RunDirectoryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A name, and no path that leads out of the campaign."""


class PartState(StrEnum):
    """The state of one attack of a campaign."""

    DONE = "done"
    RUNNING = "running"  # or it was, when the campaign was killed
    INTERRUPTED = "interrupted"  # it was cut short: there are records, but not of the whole of it
    NOT_RUN = "not run"  # its turn has not come, or it could not be made: there are no records


@dataclass(frozen=True, slots=True)
class CampaignPart:
    """One attack of a campaign: a level, or a variant of one, which is shown with its level.

    `level` counts from 1; several levels may have as many `clients`, which are those that publish before any surge.
    `variant` is empty for the level itself. `directory` is the name of a run directory in that of the campaign; None:
    there are no records. `clean` says whether the broker remembered nothing when the part began (None: not known), and
    `clean_reason` why; it is empty where the broker was not asked to begin. `command` repeats the attack, without
    secrets: one command in each line, where there is more than one way. `took_s` is the time from the start of the
    broker to the end of the attack.
    """

    level: StoredCount
    title: str
    variant: str
    clients: StoredCount
    note: str = ""
    directory: RunDirectoryName | None = None
    state: PartState = PartState.NOT_RUN
    why: str = ""  # what interrupted or prevented it; empty when it is done or goes on
    clean: StoredFlag | None = None
    clean_reason: str = ""
    command: str = ""
    trial: TrialLoad | None = None  # of a search
    repeat: StoredCount | None = None  # the number of the run, from 1, of a load that is run several times
    took_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    own_limit: StoredFlag = False  # a limit of this machine prevented it


@dataclass(frozen=True, slots=True)
class CampaignRecords:
    """A campaign and what has become of it so far. What it measured is in the run directories of its parts.

    `parts` are in the order in which they are run: each level, then its variants. `broker` has `kind`, `name`,
    `version`, and `settings`: its configuration, without secrets; what is unknown is None or absent. `options` are what
    the command stated besides the file, such as `hold` (None: a switch), without secrets; `left_out` names what they
    took away, one sentence each. `ended` is empty while it goes on, and if it was killed. `source` is the campaign
    file, without secrets. `seal` tells whose directory it is
    (`malaria.campaigns.seal`); empty: not known. `search` is the goal of a campaign that looks for the greatest load,
    `comparison` that of one that compares two sides: its parts are pairs (`level`) of A and B (`variant`).
    """

    title: str
    note: str
    file: str
    command: str
    started: str
    broker: Mapping[str, str | None]
    parts: Annotated[tuple[CampaignPart, ...], Field(min_length=1)]
    options: Mapping[str, str | None] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    ended: str = ""
    source: str = ""
    seal: str = ""
    search: SearchGoal | None = None
    comparison: ComparisonGoal | None = None
