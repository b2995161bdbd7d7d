"""What the command line says beside a campaign's file, as texts that can be kept and said again.

Promises: the same file and the same options give the same campaign; what is kept of them holds no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from malaria.campaign.definition import Campaign
from malaria.campaign.shortening import only_levels, with_hold, with_target
from malaria.errors import CampaignError
from malaria.model.access import FILES, Access
from malaria.model.faults import explain
from malaria.model.options import KEYS as LOAD_OPTIONS
from malaria.model.target import Target, parse_target
from malaria.model.warhead import KEYS
from malaria.units import NotationError, parse_duration_ns

type Said = Mapping[str, str | None]
"""Option -> its text; None for a switch."""

OF_LEVELS: Final = frozenset({"levels", "hold"})
SECRETS: Final = frozenset({"password", "psk", "header"})
"""Never kept. `password` and `psk` may come from the environment, and mean nothing where nobody asks for them."""


def altered(campaign: Campaign, said: Said) -> Campaign:
    """The campaign as the options want it. Raises OperatorError for what is impossible."""
    if "target" in said:
        campaign = with_target(campaign, _access(said))
    elif stray := sorted(said.keys() - OF_LEVELS - SECRETS):
        raise CampaignError(f"{flag(stray[0])} says how to get into another broker", "name that broker with --target")
    if (levels := said.get("levels")) is not None:
        campaign = only_levels(campaign, levels)
    if (hold := said.get("hold")) is not None:
        campaign = with_hold(campaign, _duration_ns(hold))
    return campaign


def complete(said: Said) -> Said:
    """The same options with whole paths, and the user of the URL as an option of its own. Raises TargetError."""
    told: dict[str, str | None] = {
        name: str(Path(text).absolute()) if name in FILES and text else text for name, text in said.items()
    }
    if (url := said.get("target")) is not None:
        target = parse_target(url)
        told["target"] = _bare(target).url
        for name, text in (("username", target.username), ("password", target.password)):
            if text is not None:
                told.setdefault(name, text)
    return told


def without_secrets(said: Said) -> Said:
    return {name: text for name, text in said.items() if name not in SECRETS}


def flag(name: str) -> str:
    """`psk_file` is written --psk-file."""
    return f"--{name.replace('_', '-')}"


def words(said: Said) -> list[str]:
    """The options as they are typed, without secrets."""
    return [word for name, text in without_secrets(said).items() for word in (flag(name), text) if word is not None]


def _bare(target: Target) -> Target:
    return replace(target, username=None, password=None)


def _duration_ns(text: str) -> int:
    try:
        return parse_duration_ns(text)
    except NotationError as error:
        raise CampaignError(f"--hold: {error.message}", error.remedy) from None


def _access(said: Said) -> Access:
    table: dict[str, Any] = {"url": said["target"]}
    for name, text in said.items():
        key = LOAD_OPTIONS.get(name)
        if name in ("username", "password"):
            table[name] = text
        elif name == "header" and text is not None:
            table["headers"] = LOAD_OPTIONS[name].read(tuple(text.splitlines()))
        elif key is not None and key.table == "target":
            table[key.key] = key.read(True if text is None else text)
    if "username" not in table:
        table.pop("password", None)  # it stands in the environment, for another broker
    try:
        return Access.model_validate(table)
    except ValidationError as error:
        raise explain(error, lambda place: flag(str(place[0])) if place else "--target", KEYS, CampaignError) from None
