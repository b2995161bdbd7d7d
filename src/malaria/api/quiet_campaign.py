"""Run the request of a campaign, a search or a comparison without a screen."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from malaria.api.keywords import OnProgress, ctrl_c
from malaria.campaigns import CampaignOutcome, CampaignRequest, conduct_campaign, repeat_words
from malaria.campaigns.request import PartPlace
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import Progress
from malaria.swarm.run.chosen_bees import ChosenBees


class _Listener:
    """Passes the progress of each attack on."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        return self._on_progress

    def tell(self, text: str) -> None: ...


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


def stored_command(directory: Path, bees: ChosenBees, *, no_wait: bool) -> str:
    """Return the command that runs a campaign again that came from keywords: its file is stored."""
    file = str(directory / "campaign.toml")
    return shlex.join(["malaria", "campaign", file, *repeat_words(bees, no_wait=no_wait)])
