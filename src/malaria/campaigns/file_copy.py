"""Copy a campaign's file into its run directory: self-contained and without secrets.

Promises: read from anywhere on this host, the copy gives the same campaign, without the passwords and keys of the
original. Files of keys and certificates stay where they are; the copy has their absolute paths.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import tomli_w

from malaria.campaigns.definition import parsed
from malaria.model.faults import SECRETS
from malaria.model.target import without_passwords
from malaria.model.warhead import warhead_table

SECRETS_LEFT_OUT: Final = """\
# Passwords, keys and headers are not stored here: put them back into [target],
# or set MALARIA_PASSWORD or MALARIA_PSK.

"""
HEADERS: Final = "headers"
"""A key whose whole table is secret."""


def campaign_copy(text: str, directory: Path) -> str:
    """Return the copy of a campaign that was read from `text` in `directory`. Raises OperatorError if it is none."""
    table = parsed(text, "campaign", directory)
    levels = table.get("level", [])
    # the file of a warhead may change or vanish; the copy holds its tables
    for holder in (table.get("defaults", {}), *(levels if isinstance(levels, list) else ())):
        if isinstance(holder, dict) and isinstance(holder.get("warhead"), str):
            holder["warhead"] = warhead_table((directory / holder["warhead"]).absolute())
    public, secrets = _without_secrets(table)
    return (SECRETS_LEFT_OUT if secrets else "") + tomli_w.dumps(public)


def _without_secrets(value: Any) -> tuple[Any, int]:
    """Return the value without its secrets, and how many were removed."""
    if isinstance(value, dict):
        found = {key: _without_secrets(part) for key, part in value.items() if not _is_secret(key, part)}
        secrets = len(value) - len(found) + sum(count for _, count in found.values())
        return {key: part for key, (part, _) in found.items()}, secrets
    if isinstance(value, list):
        parts = [_without_secrets(part) for part in value]
        return [part for part, _ in parts], sum(count for _, count in parts)
    return without_passwords(value) if isinstance(value, str) else (value, 0)


def _is_secret(key: str, value: Any) -> bool:
    """Tell a secret from a group that is named `password`, which is a table."""
    return key in SECRETS and (key == HEADERS or not isinstance(value, dict))
