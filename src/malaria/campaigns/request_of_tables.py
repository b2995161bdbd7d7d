"""Make the request of a campaign that no file holds: commands make its tables from their options."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import tomli_w

from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.file_copy import campaign_copy
from malaria.campaigns.programs import program_of
from malaria.campaigns.request import CampaignRequest, RepeatCommand
from malaria.model.placeholders import literal
from malaria.model.target import Target

LOGIN: Final = ("username", "password")
"""The keys of a login, in `[target]` and in a group."""


def target_table(warhead: dict[str, Any], target: Target) -> dict[str, Any]:
    """Take `[target]` out of the tables of a warhead, and return it with the address and the login of `target`.

    A login that was given for all groups is moved from them: only in `[target]` it gets its password back on --resume.
    """
    access: dict[str, Any] = warhead.pop("target", {}) | {"url": replace(target, username=None, password=None).url}
    login = login_keys(target.username, target.password)
    if takes_login(access, login):
        drop_login(warhead, login)
    return access


def login_keys(username: str | None, password: str | None) -> dict[str, str]:
    """Return the keys of `[target]` for a login as it was typed; none without a user name."""
    given = {"username": username, "password": password if username is not None else None}
    return {name: literal(text) for name, text in given.items() if text is not None}


def takes_login(access: dict[str, Any], login: Mapping[str, str]) -> bool:
    """Put a login that was given for all groups in place of that of a target. Tell whether it is there.

    A target with a file of users has no room for it: there the groups have to keep it.
    """
    if not login or "credentials_file" in access:
        return False
    for name in LOGIN:
        access.pop(name, None)
    access.update(login)
    return True


def drop_login(warhead: dict[str, Any], login: Mapping[str, str]) -> None:
    """Remove a login from the groups that have it, since their target has it."""
    for group in warhead["group"]:
        if {name: group[name] for name in LOGIN if name in group} == login:
            for name in login:
                del group[name]


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
