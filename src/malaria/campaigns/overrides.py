"""Apply options of the command line to a campaign's file, as texts that can be stored and applied again.

Promises: the same file and the same options give the same campaign; what is stored of the options holds no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from malaria.campaigns.adjustments import only_levels, with_hold, with_target
from malaria.campaigns.definition import Campaign
from malaria.errors import CampaignError
from malaria.model.access import FILES, Access
from malaria.model.faults import explain
from malaria.model.option_table import KEYS as LOAD_OPTIONS
from malaria.model.placeholders import literal
from malaria.model.target import Target, parse_target
from malaria.model.warhead import KEYS
from malaria.units import NotationError, parse_duration_ns

type StatedOptions = Mapping[str, str | None]
"""The options that were given: name -> text; None for a switch. Not given: not in it."""

OF_LEVELS: Final = frozenset({"levels", "hold", "repeat"})
SECRETS: Final = frozenset({"password", "psk", "header"})
"""Never stored. `password` and `psk` may come from the environment, and are ignored where nothing needs them."""


def overridden(campaign: Campaign, options: StatedOptions) -> Campaign:
    """Return the campaign with the options applied. Raises OperatorError for what is impossible."""
    # first, since --levels and --hold change what is left
    if "target" in options:
        campaign = with_target(campaign, _access(options))
    elif stray := sorted(options.keys() - OF_LEVELS - SECRETS):
        raise CampaignError(f"{flag(stray[0])} can be used only with --target", "name another broker with --target")
    if (levels := options.get("levels")) is not None:
        campaign = only_levels(campaign, levels)
    if (hold := options.get("hold")) is not None:
        campaign = with_hold(campaign, _duration_ns(hold))
    if (repeat := options.get("repeat")) is not None:
        levels_again = tuple(replace(level, repeat=int(repeat)) for level in campaign.levels)
        campaign = replace(campaign, levels=levels_again)
    return campaign


def complete(options: StatedOptions) -> StatedOptions:
    """Return the options with absolute paths, and with the user of the URL as an option. Raises TargetError."""
    completed: dict[str, str | None] = {
        name: str(Path(text).absolute()) if name in FILES and text else text for name, text in options.items()
    }
    if (url := options.get("target")) is not None:
        target = parse_target(url)
        completed["target"] = _without_login(target).url
        for name, text in (("username", target.username), ("password", target.password)):
            if text is not None:
                # -u and -P win over the URL
                completed.setdefault(name, text)
    return completed


def without_secrets(options: StatedOptions) -> StatedOptions:
    return {name: text for name, text in options.items() if name not in SECRETS}


def flag(name: str) -> str:
    """Return `--psk-file` for `psk_file`."""
    return f"--{name.replace('_', '-')}"


def typed(options: StatedOptions) -> list[str]:
    """Return the options as they are typed in a command, without secrets."""
    return [word for name, text in without_secrets(options).items() for word in (flag(name), text) if word is not None]


def _without_login(target: Target) -> Target:
    return replace(target, username=None, password=None)


def _duration_ns(text: str) -> int:
    try:
        return parse_duration_ns(text)
    except NotationError as error:
        raise CampaignError(f"--hold: {error.message}", error.remedy) from None


def _access(options: StatedOptions) -> Access:
    table: dict[str, Any] = {"url": options["target"]}
    for name, text in options.items():
        key = LOAD_OPTIONS.get(name)
        if name in ("username", "password"):
            table[name] = None if text is None else literal(text)
        elif name == "header" and text is not None:
            table["headers"] = LOAD_OPTIONS[name].read(tuple(text.splitlines()))
        elif key is not None and key.table == "target":
            table[key.key] = key.read(True if text is None else text)
    if "username" not in table:
        table.pop("password", None)  # a password of the environment that belongs to another broker
    try:
        return Access.model_validate(table)
    except ValidationError as error:
        raise explain(error, lambda place: flag(str(place[0])) if place else "--target", KEYS, CampaignError) from None
