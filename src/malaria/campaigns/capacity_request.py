"""Make the campaign of a capacity search from a warhead and the options of `malaria capacity`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from malaria.campaigns.request import CampaignRequest
from malaria.campaigns.request_of_tables import request_of_tables, target_table
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
    return request_of_tables(_tables(options), FILE, command, directory, workers)


def _tables(options: CapacityOptions) -> dict[str, Any]:
    warhead = to_table(options.warhead)
    target = warhead.pop("target", {}) if options.target is None else target_table(warhead, options.target)
    warhead["attack"].pop("duration", None)
    return {
        "title": f"Capacity of {target['url']}" if options.target else f"Capacity of the {options.broker} broker",
        "target": target,
        "broker": {"kind": options.broker},
        "observe": options.observe.model_dump(by_alias=True, exclude_unset=True, exclude_none=True),
        "defaults": {"hold": options.hold, "warhead": warhead},
        "search": dict(options.search),
    }
