"""The campaign of `malaria demo`: three levels against a broker on this machine, with nothing installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

from malaria.broker import find_mosquitto
from malaria.campaign.definition import campaign_from_toml
from malaria.campaign.levels import Levels
from malaria.campaign.request import CampaignRequest, RepeatCommand

FILE: Final = "demo.toml"
COMMAND: Final = ("malaria", "demo")
MOSQUITTO: Final = 'kind = "mosquitto"'
EMBEDDED: Final = 'kind = "embedded"'


def demo_request(directory: Path, workers: Callable[[int], int]) -> CampaignRequest:
    """Return the demo against mosquitto if it is installed, else against the embedded broker."""
    text = files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    # the embedded broker is slower, and needs nothing installed
    if find_mosquitto() is None:
        text = text.replace(MOSQUITTO, EMBEDDED)
    campaign = campaign_from_toml(text, FILE)
    repeat = RepeatCommand(COMMAND, by_level=False)
    return CampaignRequest(campaign, Levels(campaign), directory, workers, " ".join(COMMAND), repeat, text)
