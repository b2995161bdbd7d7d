"""Run the request of a campaign, a search or a comparison without a screen."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from malaria.api.keywords import OnProgress, Wanted, ctrl_c
from malaria.campaigns import CampaignOutcome, CampaignRequest, conduct_campaign, refuse_public_brokers, repeat_words
from malaria.campaigns.request import PartPlace
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import Progress
from malaria.swarm.run.chosen_bees import ChosenBees
from malaria.workers.worker_count import workers_for


class _Listener:
    """Passes the progress of each attack on."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        return self._on_progress

    def tell(self, text: str) -> None: ...


type MakeRequest = Callable[[str, Path, Callable[[int], int]], CampaignRequest]
"""Makes the request from the command that is stored, the directory, and the number of workers for a load."""


def run_new(wanted: Wanted, title: str, make_request: MakeRequest) -> CampaignOutcome:
    """Run a campaign that comes from keywords, in a directory of its own. Raises as `run_quietly` does."""
    with wanted.directory(title) as directory:
        command = _stored_command(directory, wanted)
        return run_wanted(make_request(command, directory, workers_for(wanted.workers)), wanted)


def run_wanted(request: CampaignRequest, wanted: Wanted) -> CampaignOutcome:
    """Run what is not done yet, as the keywords say. Raises as `run_quietly` does."""
    refuse_public_brokers(request.campaign, wanted.i_am_allowed_to_load_this_broker)
    return run_quietly(request, wanted.bees, wanted.on_progress, no_wait=wanted.no_wait)


def run_quietly(
    request: CampaignRequest, bees: ChosenBees, on_progress: OnProgress = lambda _: None, *, no_wait: bool
) -> CampaignOutcome:
    """Run what is not done yet. Raises OperatorError, and KeyboardInterrupt after Ctrl-C, when all is stored."""
    request = request.on_bees(bees, bees.launcher(), no_wait=no_wait)
    with ctrl_c(request.launcher) as interrupt:
        outcome = conduct_campaign(request, _Listener(on_progress), interrupt)
        if interrupt.count:
            raise KeyboardInterrupt
    return outcome


def _stored_command(directory: Path, wanted: Wanted) -> str:
    """Return the command that runs a campaign again that came from keywords: its file is stored."""
    file = str(directory / "campaign.toml")
    return shlex.join(["malaria", "campaign", file, *repeat_words(wanted.bees, no_wait=wanted.no_wait)])
