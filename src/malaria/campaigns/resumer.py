"""Name the command that goes on with a campaign that was cut short, and refuse those that show another answer."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from malaria.campaigns.request import CampaignRequest
from malaria.errors import RunError

CAMPAIGN: Final = "campaign"
SEARCH: Final = "capacity"
COMPARISON: Final = "compare"
KINDS: Final = {SEARCH: "search", COMPARISON: "comparison"}
"""Command -> what it goes on with. All else, also a file with `[search]`, is started by `malaria campaign`."""


def resume_command(command: str, directory: Path) -> str:
    """Return the command that goes on with a campaign in `directory` that `command` started."""
    return shlex.join(["malaria", _resumer(command), "--resume", str(directory)])


def refuse_to_resume(request: CampaignRequest, by: str) -> None:
    """Raise RunError if `malaria BY --resume` would show another answer than the one that was asked for."""
    started_by = _resumer(request.command)
    held = {SEARCH: request.campaign.search, COMPARISON: request.campaign.comparison}
    if by in held:
        problem = f"holds no {KINDS[by]}" if held[by] is None else ""
    else:
        problem = f"holds a {KINDS[started_by]}" if started_by in KINDS else ""
    if problem:
        remedy = f"go on with it by: {resume_command(request.command, request.directory)}"
        raise RunError(f"{request.directory} {problem}", remedy)


def _resumer(command: str) -> str:
    words = shlex.split(command)
    return words[1] if len(words) > 1 and words[1] in KINDS else CAMPAIGN
