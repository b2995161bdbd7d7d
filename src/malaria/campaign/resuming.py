"""From a campaign's file, or from the directory of one that was cut short, to what is to be done."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final

from malaria.campaign.alteration import Said, altered, complete, without_secrets, words
from malaria.campaign.definition import Campaign, campaign_from_toml, load_campaign, read_text
from malaria.campaign.demo import COMMAND as DEMO
from malaria.campaign.file_copy import campaign_copy
from malaria.campaign.recording import planned
from malaria.campaign.request import CampaignRequest, Repeat
from malaria.errors import RunError
from malaria.records.campaign_store import COPY, open_campaign

PROGRAM: Final = ("malaria", "campaign")

type Workers = Callable[[int], int]


def new_request(file: Path, said: Said, directory: Path, workers: Workers) -> CampaignRequest:
    """A campaign from its beginning. Raises OperatorError."""
    said = complete(said)
    campaign = altered(load_campaign(file, _secrets(said)), said)
    copy = campaign_copy(read_text(file), file.parent)
    command = shlex.join([*PROGRAM, str(file), *words(said)])
    return CampaignRequest(campaign, directory, workers, command, _repeat(str(file), said), copy, without_secrets(said))


def resumed_request(directory: Path, secrets: Said, workers: Workers) -> CampaignRequest:
    """What is left of a campaign. Raises OperatorError: RunError for a directory that holds none, or another one."""
    before = open_campaign(directory)
    said = dict(before.options) | dict(secrets)
    text = _copy(directory)
    campaign = altered(campaign_from_toml(text, before.file, directory, _secrets(said)), said)
    _check_same(campaign, [(part.level, part.title, part.variant, part.clients) for part in before.parts], directory)
    demo = before.command == shlex.join(DEMO)
    repeat = Repeat(DEMO, by_level=False) if demo else _repeat(before.file, said)
    return CampaignRequest(campaign, directory, workers, before.command, repeat, text, before.options, before)


def _copy(directory: Path) -> str:
    path = directory / COPY
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read: {error}", "begin the campaign anew: malaria campaign FILE") from None


def _check_same(campaign: Campaign, before: list[tuple[int, str, str, int]], directory: Path) -> None:
    parts = [(part.level, part.title, part.variant, part.clients) for part in planned(campaign)]
    if parts != before:
        message = f"{directory / COPY} has other levels than those that were begun"
        raise RunError(message, "put back the file as it was, or begin anew: malaria campaign FILE")


def _secrets(said: Said) -> dict[str, str]:
    return {name: text for name in ("password", "psk") if (text := said.get(name)) is not None}


def _repeat(file: str, said: Said) -> Repeat:
    beside = {name: text for name, text in said.items() if name != "levels"}
    return Repeat((*PROGRAM, file, *words(beside)))
