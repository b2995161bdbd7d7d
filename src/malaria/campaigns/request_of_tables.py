"""Make the request of a campaign that no file holds: commands make its tables from their options."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.file_copy import campaign_copy
from malaria.campaigns.programs import program_of
from malaria.campaigns.request import CampaignRequest, RepeatCommand


def request_of_tables(
    tables: Mapping[str, Any], name: str, command: str, directory: Path, workers: Callable[[int], int]
) -> CampaignRequest:
    """Return the request of a campaign with these tables from its beginning. `name` is what errors call it.

    `command` makes the campaign again; `workers` gives the number of worker processes for a number of clients. Raises
    OperatorError.
    """
    text = tomli_w.dumps(tables)
    campaign = campaign_from_toml(text, name)
    return CampaignRequest(
        campaign,
        program_of(campaign),
        directory,
        workers,
        command=command,
        repeat=RepeatCommand(tuple(shlex.split(command)), by_level=False),
        copy=campaign_copy(text, Path()),
    )
