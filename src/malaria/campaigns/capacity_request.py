"""Make the campaign of a capacity search from a warhead and the options of `malaria capacity`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w

from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.file_copy import campaign_copy
from malaria.campaigns.programs import program_of
from malaria.campaigns.request import CampaignRequest, RepeatCommand
from malaria.model.observe import Observe
from malaria.model.target import Target
from malaria.model.warhead import Warhead, to_table

FILE: Final = "capacity"
"""What errors call the campaign that the options make."""


@dataclass(frozen=True, slots=True)
class CapacityOptions:
    """A search as it was asked for. `search` has keys of `[search]`; `hold` is the length of a full trial.

    Without a `target`, a `broker` of that kind is started.
    """

    target: Target | None
    warhead: Warhead
    hold: str
    search: Mapping[str, Any]
    observe: Observe
    broker: str = "none"


def capacity_request(
    options: CapacityOptions, command: str, directory: Path, workers: Callable[[int], int]
) -> CampaignRequest:
    """Return the request of a search from its beginning. Raises OperatorError."""
    text = tomli_w.dumps(_tables(options))
    campaign = campaign_from_toml(text, FILE)
    return CampaignRequest(
        campaign,
        program_of(campaign),
        directory,
        workers,
        command=command,
        repeat=RepeatCommand(tuple(shlex.split(command)), by_level=False),
        copy=campaign_copy(text, Path()),
    )


def _tables(options: CapacityOptions) -> dict[str, Any]:
    warhead = to_table(options.warhead)
    target = warhead.pop("target", {})
    warhead["attack"].pop("duration", None)
    if options.target is not None:
        target["url"] = options.target.url
    return {
        "title": f"Capacity of {options.target.url}" if options.target else f"Capacity of the {options.broker} broker",
        "target": target,
        "broker": {"kind": options.broker},
        "observe": options.observe.model_dump(by_alias=True, exclude_unset=True, exclude_none=True),
        "defaults": {"hold": options.hold, "warhead": warhead},
        "search": dict(options.search),
    }
