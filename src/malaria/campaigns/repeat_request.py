"""Make the campaign of `malaria attack --repeat`: the same attack several times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.campaigns.request import CampaignRequest
from malaria.campaigns.request_of_tables import request_of_tables, target_table
from malaria.model.observe import Observe
from malaria.model.target import Target
from malaria.model.warhead import Warhead, to_table

FILE: Final = "attack"
"""What errors call the campaign that the options make."""


@dataclass(frozen=True, slots=True)
class RepeatOptions:
    """An attack that is to be run `repeat` times."""

    target: Target
    warhead: Warhead
    title: str
    repeat: int
    observe: Observe


def repeat_request(
    options: RepeatOptions, command: str, directory: Path, workers: Callable[[int], int]
) -> CampaignRequest:
    """Return the request of the repeated attack from its beginning. Raises OperatorError."""
    warhead = to_table(options.warhead)
    target = target_table(warhead, options.target)
    tables = {
        "title": f"{options.title}, {options.repeat} times",
        "target": target,
        "observe": options.observe.model_dump(by_alias=True, exclude_unset=True, exclude_none=True),
        "defaults": {"warhead": warhead},
        "level": [{"repeat": options.repeat}],
    }
    return request_of_tables(tables, FILE, command, directory, workers)
