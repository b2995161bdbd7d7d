"""The campaign of `malaria demo`: three levels against a broker on this machine, with nothing installed.

A busy machine gets fewer clients, so that the demo shows the broker and not what else the machine does: a second of
calibration tells how much of a core a process gets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

from malaria.broker import find_mosquitto
from malaria.campaigns.calibration import free_share
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.levels import Levels
from malaria.campaigns.request import CampaignRequest, RepeatCommand

FILE: Final = "demo.toml"
COMMAND: Final = ("malaria", "demo")
MOSQUITTO: Final = 'kind = "mosquitto"'
EMBEDDED: Final = 'kind = "embedded"'
PARTS: Final = ((0.5, 1), (0.25, 2), (0.0, 5))
"""The least share of a core that a process gets, and by what the clients of the file are divided."""
_CLIENTS: Final = re.compile(r"\b[136]00\b(?= meters)|(?<=clients = )[136]00\b")
_NOTE: Final = re.compile(r"^(note = .*)\"$", re.MULTILINE)


def demo_request(directory: Path, workers: Callable[[int], int]) -> CampaignRequest:
    """Return the demo against mosquitto if it is installed, else against the embedded broker."""
    text = fitted(files(__package__).joinpath(FILE).read_text(encoding="utf-8"), free_share())
    # the embedded broker is slower, and needs nothing installed
    if find_mosquitto() is None:
        text = text.replace(MOSQUITTO, EMBEDDED)
    campaign = campaign_from_toml(text, FILE)
    repeat = RepeatCommand(COMMAND, by_level=False)
    return CampaignRequest(campaign, Levels(campaign), directory, workers, " ".join(COMMAND), repeat, text)


def fitted(text: str, share: float) -> str:
    """Return the text of the demo with the clients for a machine that gives a process this share of a core."""
    part = next(part for least, part in PARTS if share >= least)
    if part == 1:
        return text
    why = f"A process gets {share:.0%} of a core here just now, so its levels are smaller than usual."
    return _NOTE.sub(rf'\1 {why}"', _CLIENTS.sub(lambda found: str(int(found[0]) // part), text))
