"""The bodies of the HTTP interface, both ways. `/openapi.json` is made from these models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from malaria.model.wanted_change import LONGEST, NOTATION

GROUP_NAME: Final = r"^[A-Za-z0-9_-]{1,64}$"


class ChangeRequest(BaseModel):
    """A change to the running load."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    change: Annotated[str, Field(min_length=1, max_length=LONGEST, description=NOTATION, examples=["+500", "rate=2/s"])]
    group: Annotated[str | None, Field(pattern=GROUP_NAME, description="The group that it concerns.")] = None
    look: Annotated[bool, Field(description="Only say what would happen.")] = False

    @property
    def text(self) -> str:
        """The change as `malaria steer` takes it."""
        return self.change if self.group is None else f"{self.group}: {self.change}"


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class RefusalReply(_Reply):
    """The reason why a request was not carried out, and what to do about it."""

    reason: str
    remedy: str = ""


class ChangeMark(_Reply):
    """The mark of a change on the time axis: seconds of run time at which it takes effect."""

    run_s: float | None
    text: str


class ChangeReply(_Reply):
    """The answer to a change that is taken, or to a look at one."""

    text: str
    remedy: str = ""
    look: bool
    mark: ChangeMark


class GroupView(_Reply):
    """A group of the load."""

    name: str
    role: str
    clients: int
    rate: str = Field(default="", description="Of each client, as `rate=` takes it; empty where there is none.")


class AttackFacts(_Reply):
    """The attack that runs, or that ran last."""

    title: str
    target: str
    load: str
    command: str
    directory: str
    groups: tuple[GroupView, ...]


class FigureView(_Reply):
    """One of the figures on top, in words."""

    name: str
    label: str
    value: str
    note: str = ""
    tone: str = ""  # doubtful, bad


class BeeView(_Reply):
    """A bee of a swarm: its clients, its last second, and how late its latest message left."""

    name: str
    clients_ready: int
    sent_per_s: float | None
    acked_per_s: float | None
    lag_max_ms: float | None
    lost: bool


class RunStatus(_Reply):
    """The state now. Rates are of the last second; latencies in milliseconds, since the start and of the last second.

    `state` is `waiting` before the first attack and between two, `running`, `over`, or `reported`: `GET /` is the
    report then. `note` says what goes on, or why it ended; `no_changes` why nobody can change the load; `paused` names
    the groups that pause.
    """

    state: str
    note: str = ""
    no_changes: str = ""
    paused: tuple[str, ...] = ()
    phase: str = ""
    phase_text: str = ""
    phase_done: int = 0
    phase_total: int = 0
    sentence: str = ""
    tone: str = ""
    run_s: float = 0
    load_start_s: float | None = None
    clients_ready: int = 0
    clients_planned: int = 0
    due_per_s: float | None = None
    totals: Mapping[str, int] = {}
    latency_ms: Mapping[str, Mapping[str, float]] = {}
    second_latency_ms: Mapping[str, Mapping[str, float]] = {}
    target_percent: Mapping[str, float] = {}
    figures: tuple[FigureView, ...] = ()
    bees: tuple[BeeView, ...] = ()


class EventView(_Reply):
    """An event. `run_s` is run time: that of the load begins at `status.load_start_s`."""

    run_s: float
    kind: str
    text: str
    count: int
    worker: str


class LevelState(_Reply):
    """One attack of a campaign. `outcome` is its verdict once it is done."""

    name: str
    state: str
    clients: int
    outcome: str
    figures: str = ""
    why: str = ""


class CampaignView(_Reply):
    """The campaign: its attacks so far, and whether `GET /campaign` has its page. A search has trials, no levels."""

    title: str
    is_search: bool
    levels: tuple[LevelState, ...]
    has_page: bool


class RunView(_Reply):
    """The run as it is, or what is new of it since a state that is named by its `id`.

    `epoch` names the attack. Rows of `columns` replace those from `first_row` on; `events` are those from
    `first_event` on. Null: unchanged.
    """

    id: str
    epoch: int
    status: RunStatus
    facts: AttackFacts | None
    step_s: int
    first_row: int
    columns: Mapping[str, Sequence[float | str | None]]
    first_event: int
    events: tuple[EventView, ...]
    chart: Mapping[str, Any] | None
    campaign: CampaignView | None
