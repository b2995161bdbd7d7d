"""A whole capacity search in virtual time: the real program and runner, each of its attacks on a simulated broker.

outcome = search_of(lambda: Behaviour(capacity_per_s=60), tmp_path, TEXT)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from campaign_fakes import FakeBroker
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest
from malaria.campaigns import (
    CampaignOutcome,
    CampaignRequest,
    CampaignTools,
    PartPlace,
    RepeatCommand,
    conduct_campaign,
)
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.programs import program_of
from malaria.outputs.files import write_campaign_files
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import Progress
from malaria.transport.probe import Answer
from simulation import Simulation

TEXT = """
title = "Capacity of a simulated broker"
[target]
url = "mqtt://127.0.0.1:1883"
[observe]
sys = true
interval = "500ms"
process = false
host = false
only = true
[search]
by = "rate"
from = 10
to = 320
width = "25%"
[defaults]
hold = "8s"
[defaults.warhead.attack]
drain = "2s"
connect_rate = 0
seed = 1
[[defaults.warhead.group]]
name = "meters"
clients = 10
rate = 1
inflight = 1000
size = 64
topic = "m/{client}/data"
[[defaults.warhead.group]]
name = "backend"
role = "subscribe"
clients = 1
topic = "m/+/data"
"""
REPEAT = RepeatCommand(("malaria", "capacity"), by_level=False)


class SimulatedSearch:
    """Answers each attack of a search with a simulation that `make` returns. `lines` is what was told."""

    def __init__(self, make: Callable[[AttackRequest], Simulation], *, pages: bool = False) -> None:
        self.lines: list[str] = []
        self.requests: list[AttackRequest] = []
        self.interrupt = Interrupt()
        self.broker = FakeBroker()
        self._make = make
        self._pages = pages

    def run(self, directory: Path, text: str = TEXT) -> CampaignOutcome:
        campaign = campaign_from_toml(text, "c.toml")
        request = CampaignRequest(
            campaign, program_of(campaign), directory, lambda clients: 1, "malaria capacity", REPEAT, text
        )
        return self.carry_out(request)

    def carry_out(self, request: CampaignRequest) -> CampaignOutcome:
        tools = CampaignTools(
            broker=lambda table, endpoint: self.broker,
            dry_run=lambda asked: lambda _: Answer(),
            conduct=self._conduct,
            write_files=write_campaign_files if self._pages else self._no_files,
        )
        return conduct_campaign(request, self, self.interrupt, tools)

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        return lambda _: None

    def tell(self, text: str) -> None:
        self.lines.append(text)

    def _conduct(
        self, asked: AttackRequest, on_progress: Callable[[Progress], None], interrupt: Interrupt
    ) -> AttackOutcome:
        self.requests.append(asked)
        simulation = self._make(asked)
        simulation.interrupt = interrupt
        return simulation.carry_out(asked)

    @staticmethod
    def _no_files(*_: Any) -> Any:
        return {}


def loads_of(requests: Sequence[AttackRequest]) -> list[float]:
    """Return the messages per second that each attack began with."""
    return [sum(float(group.clients / group.interval) for group in asked.warhead.publishing) for asked in requests]
